package deletion_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

func TestARequestThatComesAgainChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		wait time.Duration
	}{{"before it is due", oneDay}, {"after it is done", grace + oneDay}, {"half a year later", 180 * oneDay}} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, "flag@1")
			b.run()
			b.requires(ours, 10)
			b.run()
			b.passes(tt.wait)
			b.run()
			before, paged, posted := b.onlyCase(), len(b.pager.received), len(b.slack.messages)
			b.requires(ours, 10)
			b.run()
			if after := b.onlyCase(); after.Version != before.Version {
				t.Errorf("before %+v, after %+v", before.Value, after.Value)
			}
			if len(b.pager.received) != paged || len(b.slack.messages) != posted || len(b.scheduler.made) != 1 {
				t.Errorf("it was told or scheduled anew: %q, %q", b.slack.shows(), b.scheduler.made)
			}
			wantOutcome(b, `"deletion_duplicate":1`)
			b.wantNothingParked()
		})
	}
}

func TestTwoCopiesOfARequestAtTheSameTimeAreOneDeletion(t *testing.T) {
	for call, reached := 1, true; reached; call++ {
		b := newBench(t, nil)
		b.happens(ours, "flag@1")
		b.run()
		b.requires(ours, 10)
		b.requires(ours, 10)
		other := &interrupted{Store: b.records.Deletions, at: call, do: func() { b.handle(queue.Deletion) }}
		b.task.Deletions = interruptedDeletions{other, b.records.Deletions}
		b.run()
		reached = other.calls >= call
		b.graceEnds()
		b.wantKept(ours, 10, 0, 0)
		wantLines(t, "Slack", b.slack.shows(), flagged, requested, "  "+deleted)
		wantLines(t, "paged", b.pager.opened, flagged, requested)
		wantLines(t, "states", text(b.states()), "finished")
		wantLines(t, "open", b.pager.shows())
		b.wantNothingParked()
	}
}

type interruptedDeletions struct {
	*interrupted
	record.Lister
}

func TestARequestWithALaterCutoffIsANewDeletion(t *testing.T) {
	for _, tt := range []struct {
		name    string
		waiting time.Duration
	}{{"while the first waits", oneDay}, {"after the first is done", grace + oneDay}} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.requires(ours, 10)
			b.run()
			b.passes(tt.waiting)
			b.happens(ours, "flag@11", "flag app_2@21")
			b.run()
			b.requires(ours, 20)
			b.run()
			b.graceEnds()
			wantLines(t, "states", text(b.states()), "finished", "finished")
			b.wantKept(ours, 20, 0, 4)
			if c := b.cases()[0].Value; c.Resolved != 1 || c.Kept != 4 {
				t.Errorf("the later case: %+v", c)
			}
			wantLines(t, "open", b.pager.shows(), flagged)
		})
	}
}

func TestAnOlderRequestAfterANewerOneIsSuperseded(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 20)
	b.run()
	b.passes(time.Hour)
	b.requires(ours, 10)
	b.run()
	wantLines(t, "states", text(b.states()), "superseded", "scheduled")
	wantLines(t, "Slack", b.slack.shows(), requested)
	if len(b.scheduler.made) != 1 || !b.cases()[0].Value.Due.IsZero() {
		t.Errorf("it got a job: %q, %+v", b.scheduler.made, b.cases()[0].Value)
	}
	b.happens(ours, "flag@15")
	b.run()
	b.wantKept(ours, 20, 0, 0)
	wantOutcome(b, `"deletion_superseded":1`)
	b.comesAgain(ours, "flag@15") // and stays so
	b.requires(ours, 10)
	b.run()
	wantLines(t, "states", text(b.states()), "superseded", "scheduled")
}

func TestTwoRequestsAtTheSameTimeLeaveTheLaterCutoff(t *testing.T) {
	for call, reached := 1, true; reached; call++ {
		b := newBench(t, nil)
		b.happens(ours, "flag@1", "flag app_2@15")
		b.run()
		b.requires(ours, 10)
		b.requires(ours, 20)
		other := &interrupted{Store: b.records.Deletions, at: call, do: func() { b.handle(queue.Deletion) }}
		b.task.Deletions = interruptedDeletions{other, b.records.Deletions}
		b.run()
		reached = other.calls >= call
		b.happens(ours, "flag@18")
		b.run()
		b.graceEnds()
		b.wantKept(ours, 20, 0, 0)
		wantLines(t, "open", b.pager.shows())
		wantSeen(b, 2, 2, 0)
		for _, entry := range b.cases() {
			if entry.Value.State != deletion.Finished && entry.Value.State != deletion.Superseded {
				t.Errorf("call %d leaves %+v", call, entry.Value)
			}
		}
		b.wantNothingParked()
	}
}

// What names no connection, or a user, is for a person: nothing stops, and nothing is deleted.
var heldRequests = []struct {
	name       string
	connection record.Connection
	data       string
	want       deletion.Reason
}{
	{"the event's id is null", record.Connection{OrganizationID: "org_1"}, `{}`, deletion.NoEvent},
	{"the organization's id is null", record.Connection{EventID: "evt_1"}, `{}`, deletion.NoOrganization},
	{"both are null", record.Connection{}, `{}`, deletion.NoEvent},
	{"it names a user", ours, `{"user_id":"CANARY"}`, deletion.NamesPerson},
	{"it names a user by number", ours, `{"user_id":0}`, deletion.NamesPerson},
	{"it names a user in a form that nobody knew of", ours, `{"user_id":{"id":"CANARY"}}`, deletion.NamesPerson},
	{"it names users", ours, `{"user_id":["CANARY"]}`, deletion.NamesPerson},
	{"it names a participant", ours, `{"participant_id":"CANARY"}`, deletion.NamesPerson},
	{"it names a user within", ours, `{"reason":{"by":[{"user":{"id":"CANARY"}}]}}`, deletion.NamesPerson},
	{"its scope is a user", ours, `{"id":"CANARY","scope":"user"}`, deletion.NamesPerson},
	{"its key is in another case", ours, `{"USER_ID":"CANARY"}`, deletion.NamesPerson},
	{"a key comes twice, at last without a name", ours, `{"user_id":"CANARY","user_id":null}`, deletion.NamesPerson},
	{"it names nobody by a person's key", ours, `{"user_id":null}`, deletion.NamesPerson},
	{"it names a person beside what nobody knows", ours, `{"export":1,"email":"CANARY"}`, deletion.NamesPerson},
	{"it names a person, and no connection", record.Connection{}, `{"email":"CANARY"}`, deletion.NoEvent},
}

func TestWhatIsHeldForAPerson(t *testing.T) {
	for _, tt := range heldRequests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, "flag@1")
			b.run()
			b.requiresWith(tt.connection, 10, tt.data)
			b.requiresWith(tt.connection, 10, tt.data)
			b.run()
			b.happens(ours, "flag app_2@2")
			b.run()
			b.graceEnds()
			c := b.onlyCase().Value
			if c.State != deletion.Held || c.Held != tt.want || !c.Due.IsZero() || len(b.scheduler.made) != 0 {
				t.Errorf("the case: %+v", c)
			}
			b.wantKept(ours, 10, 8, 0)
			wantLines(t, "open", b.pager.shows(), flagged, flagged, held)
			wantLines(t, "Slack", b.slack.shows(), flagged, held, flagged)
			wantNoCanary(b)
		})
	}
}

func TestARequestAboutTheConnectionIsNotHeld(t *testing.T) {
	for _, data := range []string{`{}`, `null`, `[]`, `{"id":"del_1"}`, `{"reason":"archived","event_id":"evt_1","ended_at":null}`} {
		b := newBench(t, nil)
		b.requiresWith(ours, 10, data)
		b.run()
		if c := b.onlyCase().Value; c.State != deletion.Scheduled {
			t.Errorf("%s: %+v", data, c)
		}
	}
}

func TestTwoUsersInOneSecondAreTwoCases(t *testing.T) {
	for _, form := range []string{`{"user_id":"usr_%s"}`, `{"id":"del_1","user_id":"usr_%s"}`, `{"user_id":{"id":"%s"}}`,
		`{"id":"del_1","participant_id":"ptp_%s"}`, `{"scope":{"user":"%s"}}`} {
		b := newBench(t, nil)
		for _, user := range []string{"1", "2"} {
			b.requiresWith(ours, 10, strings.Replace(form, "%s", user, 1))
		}
		b.run()
		wantLines(t, "states", text(b.states()), "held", "held")
		wantTold(b, held, 2)
	}
}

func TestARequestBesideAHeldOneStopsTheConnection(t *testing.T) {
	b := newBench(t, nil)
	b.requiresWith(ours, 10, `{"user_id":"usr_1"}`)
	b.requires(ours, 10)
	b.happens(ours, "flag@1")
	b.run()
	b.graceEnds()
	b.wantKept(ours, 10, 0, 0)
	wantSeen(b, 0, 0, 0)
	if states := text(b.states()); len(states) != 2 || states[0] == states[1] {
		t.Errorf("states: %q", states)
	}
}

func TestWithoutGraceTheDeletionRunsAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.task.Grace = 0
	b.happens(ours, "flag@1")
	b.run()
	b.requires(ours, 10)
	b.run()
	b.wantKept(ours, 10, 0, 0)
	wantLines(t, "states", text(b.states()), "finished")
	wantLines(t, "open", b.pager.shows())
	if len(b.scheduler.made) != 0 {
		t.Errorf("scheduled: %q", b.scheduler.made)
	}
}

func TestARequestWithoutAMomentIsAboutWhatHappenedUntilItWasSigned(t *testing.T) {
	b := newBench(t, nil)
	delivery := b.delivery("request", "data.deletion_required", ours, noon, `{}`)
	delivery.Body = []byte(`{"type":"data.deletion_required","event_id":"evt_1","organization_id":"org_1"}`)
	b.handOff(delivery, "")
	b.happens(ours, "flag@1")
	b.run()
	wantSeen(b, 0, 0, 0)
	if c := b.onlyCase().Value; !c.Cutoff.Equal(delivery.SignedAt) {
		t.Errorf("the case: %+v", c)
	}
}

func wantOutcome(b *bench, metric string) {
	b.Helper()
	if !strings.Contains(b.log.String(), metric) {
		b.Errorf("the log has no %s: %s", metric, b.log.String())
	}
}

func wantNoOutcome(b *bench, metric string) {
	b.Helper()
	if strings.Contains(b.log.String(), `"`+metric+`"`) {
		b.Errorf("the log has %s: %s", metric, b.log.String())
	}
}

// wantNoCanary looks for what the requests' bodies hold beside ids, wherever a person or the storage of deletions might show it.
func wantNoCanary(b *bench) {
	b.Helper()
	if strings.Contains(b.log.String(), canary) {
		b.Error("the log holds it")
	}
	for _, m := range b.slack.messages {
		if strings.Contains(describe(m.message), canary) {
			b.Errorf("Slack shows it: %+v", m.message)
		}
	}
	for _, page := range b.pager.received {
		if strings.Contains(describe(page), canary) {
			b.Errorf("the pager shows it: %+v", page)
		}
	}
	for _, kind := range []record.Kind{record.Deletion, record.Tombstone, record.Alert, record.Incident, record.Thread} {
		stored, err := b.records.Deletions.List(b.Context(), kind)
		if err != nil {
			b.Fatal(err)
		}
		for _, rec := range stored {
			if strings.Contains(rec.Key.ID+string(rec.Data), canary) {
				b.Errorf("the store of deletions holds it: %s", rec.Data)
			}
		}
	}
}
