package deletion_test

import (
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/revento"
)

var own = record.Connection{EventID: "evt_own", OrganizationID: "org_1"}

func TestNoticesGoWhereTheRouteOfDeletionsLeads(t *testing.T) {
	for _, tt := range []struct {
		name, route string
		connection  record.Connection
		channels    []string
		severities  []route.Severity
	}{
		{"by default", "pagerduty:warning,slack", ours, []string{"C0111"}, []route.Severity{route.Warning}},
		{"to the event's own channel", "pagerduty:warning,slack", own, []string{"C0OWN"}, []route.Severity{route.Warning}},
		{"to a channel that the route names", "slack:C0222", ours, []string{"C0222"}, nil},
		{"to several", "slack,slack:C0222", ours, []string{"C0111", "C0222"}, nil},
		{"only paged", "pagerduty:critical", ours, nil, []route.Severity{route.Critical}},
		{"nowhere", "off", ours, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.notifier.Routes = routes(t, map[string]string{revento.TypeDeletionRequired: tt.route})
			b.requires(tt.connection, 10)
			b.run()
			var channels []string
			for _, m := range b.slack.messages {
				channels = append(channels, m.channel)
			}
			var severities []route.Severity
			for _, page := range b.pager.received {
				severities = append(severities, page.Content.Severity)
			}
			if !slices.Equal(channels, tt.channels) || !slices.Equal(severities, tt.severities) {
				t.Errorf("told in %q, paged as %q", channels, severities)
			}
			b.graceEnds()
			wantLines(t, "states", text(b.states()), "finished")
			wantLines(t, "open at the end", b.pager.shows())
		})
	}
}

func TestAnIncidentIsResolvedWhateverTheRouteOfDeletions(t *testing.T) {
	b := newBench(t, nil)
	b.notifier.Routes = routes(t, map[string]string{revento.TypeDeletionRequired: "off"})
	b.happens(ours, "flag@1")
	b.run()
	b.requires(ours, 10)
	b.run()
	wantLines(t, "open", b.pager.shows())
}

func TestWhatAPersonHasToLookAtIsAtLeastAnError(t *testing.T) {
	for configured, want := range map[string]route.Severity{
		"pagerduty:info": route.Error, "pagerduty:warning": route.Error, "pagerduty:error": route.Error, "pagerduty:critical": route.Critical,
	} {
		b := newBench(t, nil)
		b.notifier.Routes = routes(t, map[string]string{revento.TypeDeletionRequired: configured})
		requestHeld(b)
		b.losesItsSchedule(others[0])
		b.passes(grace + oneDay)
		b.sweeps()
		for _, page := range b.pager.received {
			title := page.Content.Title
			if (title == held || title == overdue) && page.Content.Severity != want {
				t.Errorf("%s: %q is %s, want %s", configured, title, page.Content.Severity, want)
			}
		}
		if !slices.Contains(b.pager.opened, held) || !slices.Contains(b.pager.opened, overdue) {
			t.Errorf("paged: %q", b.pager.opened)
		}
	}
}

func TestWhatNoticesSay(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.happens(ours, "flag@11")
	b.run()
	b.graceEnds()
	id := b.onlyCase().Value.ID
	want := map[string]alert.Field{
		requested: {Name: "will be deleted at", Value: "2026-05-16 13:00:00 UTC"},
		returned:  {Name: "still to be deleted", Value: "what happened until 2026-05-09 12:00:10 UTC"},
		deleted:   {Name: "records deleted", Value: "0"},
	}
	for _, m := range b.slack.messages {
		fact, isNotice := want[m.message.Content.Title]
		delete(want, m.message.Content.Title)
		if !isNotice {
			continue
		}
		if got := m.message.Content.Fields; !slices.Equal(got, []alert.Field{fact, {Name: "deletion", Value: id}}) {
			t.Errorf("%q says %+v", m.message.Content.Title, got)
		}
		if c := m.message.Content; c.EventID != "evt_1" || c.OrganizationID != "org_1" || c.DeliveryID != "delivery-of-request@10" {
			t.Errorf("it is about %+v", c)
		}
	}
	if len(want) > 0 {
		t.Errorf("never told: %v", want)
	}
}

func TestNoticesLeaveNoRecordAmongWhatIsKept(t *testing.T) {
	b := newBench(t, nil)
	b.losesItsSchedule(ours)
	b.passes(grace + oneDay)
	b.sweeps()
	b.requiresWith(ours, 20, `{"user_id":"usr_1"}`)
	b.run()
	wantTold(b, requested, 1)
	wantTold(b, overdue, 1)
	wantTold(b, deleted, 1)
	wantTold(b, held, 1)
	b.wantKept(ours, 1000, 0, 0)
}

func TestNoNoticeHoldsWhatTheRequestHeld(t *testing.T) {
	data := `{"reason":"CANARY","email":"CANARY@example.org","status":"CANARY","deleted_at":"CANARY","name":"CANARY"}`
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.requiresWith(ours, 10, data)
	b.requiresWith(others[0], 10, `{"user_id":"CANARY"}`)
	b.run()
	wantNoCanary(b)
	b.graceEnds()
	wantNoCanary(b)
	for _, name := range []queue.Name{queue.Deletion, queue.Purge} {
		if _, ok, _ := b.queues.Receive(t.Context(), name, 0); ok {
			t.Errorf("a message is left in %s", name)
		}
	}
}

// The end of an incident waits in the queue while an event of after the cutoff opens it anew.
func TestAnIncidentThatWasOpenedAnewMeanwhileIsNotResolved(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.requires(ours, 10)
	b.handle(queue.Deletion)
	waiting := b.takeAway(queue.PagerDuty)
	b.happens(ours, "flag@11")
	b.run()
	b.passes(time.Hour)
	for _, message := range waiting {
		b.send(queue.PagerDuty, message)
	}
	b.run()
	wantLines(t, "open", b.pager.shows(), flagged, requested)
	b.graceEnds()
	wantLines(t, "open at the end", b.pager.shows(), flagged)
	b.happens(ours, "approve@12")
	b.run()
	wantLines(t, "open after its end", b.pager.shows())
}

// The end of an incident waits in the queue until the purge is over and a later end was noted, of which nothing is known.
func TestAnIncidentIsResolvedThoughALaterEndWasOnlyNoted(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.task.Grace = 0
	b.requires(ours, 10)
	b.handle(queue.Deletion)
	waiting := b.takeAway(queue.PagerDuty)
	b.run()
	b.happens(ours, "approve@11")
	b.run()
	wantLines(t, "open before", b.pager.shows(), flagged)
	for _, message := range waiting {
		b.send(queue.PagerDuty, message)
	}
	b.run()
	wantLines(t, "open", b.pager.shows())
}

// takeAway empties a queue, as what is parked there.
func (b *bench) takeAway(name queue.Name) []queue.Message {
	b.Helper()
	var messages []queue.Message
	for {
		received, ok, err := b.queues.Receive(b.Context(), name, visibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return messages
		}
		if err := b.queues.Delete(b.Context(), name, received.Handle); err != nil {
			b.Fatal(err)
		}
		messages = append(messages, received.Message)
	}
}

func TestAPageThatComesAfterTheEndPagesNobody(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.handle(queue.Deletion)
	parked := b.takeAway(queue.PagerDuty)
	b.graceEnds()
	b.passes(time.Hour)
	for _, message := range parked {
		b.send(queue.PagerDuty, message)
	}
	b.run()
	wantLines(t, "paged", b.pager.opened)
	wantOutcome(b, `"alert_superseded":1`)
}

func TestAnOverduePageThatComesAfterTheEndPagesNobody(t *testing.T) {
	b := newBench(t, nil)
	b.losesItsSchedule(ours)
	b.passes(grace + oneDay)
	b.send(queue.Deletion, deletion.SweepMessage())
	b.handle(queue.Deletion)
	parked := b.takeAway(queue.PagerDuty)
	b.run()
	b.passes(time.Hour)
	for _, message := range parked {
		b.send(queue.PagerDuty, message)
	}
	b.run()
	wantLines(t, "paged", b.pager.opened, requested)
	wantLines(t, "open", b.pager.shows())
}

// Whoever reads it in Slack may look after several installations: a command without its flag asks another one, or none.
func TestANoticeOfAHeldRequestNamesTheInstallation(t *testing.T) {
	b := newBench(t, nil)
	b.notifier.Installation = installation.OnStack("prod")
	b.requiresWith(ours, 10, odd)
	b.run()
	b.passes(oneDay)
	b.sweeps()
	id := b.onlyCase().Value.ID
	want := []alert.Field{
		{Name: "to have it deleted", Value: "revento-alerts deletions now " + id + " --stack prod"},
		{Name: "to let its data flow again", Value: "revento-alerts deletions close " + id + ` --note "..." --stack prod`},
	}
	if len(b.slack.messages) != 2 {
		t.Fatalf("%d messages, want the notice and its reminder", len(b.slack.messages))
	}
	for _, m := range b.slack.messages {
		for _, field := range want {
			if !slices.Contains(m.message.Content.Fields, field) {
				t.Errorf("%q does not say %v: %v", m.message.Content.Title, field, m.message.Content.Fields)
			}
		}
	}
}
