package deadletter_test

import (
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/revento"
)

// to makes routes of one trigger, and has OtherRoute lead elsewhere.
func to(t *testing.T, pattern, text string) route.Table {
	t.Helper()
	parsed, err := route.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	others := route.Route{{Kind: route.Slack, Channel: "C0999"}}
	return route.NewTable(map[string]route.Route{pattern: parsed, "*": others}, route.Channels{})
}

// notice is what a deletion tells of: two notices of one case differ in their kind alone.
func (b *bench) notice(kind string) handoff.Message {
	form := handoff.Notice{Deletion: "case-1", Kind: kind, Title: kind}
	destination := route.Destination{Kind: route.Slack, Channel: oldChannel, Severity: route.Warning}
	return b.own(revento.TypeDeletionRequired, form, form.Key("prod", destination), "case-1")
}

// digest tells of one application.
func (b *bench) digest() handoff.Message {
	line := alert.Line{
		Partition: gone.Partition(), Type: "application.submitted", EventID: gone.EventID, HappenedAt: []time.Time{time.Now().UTC()},
	}
	return b.own("digest", handoff.Digest{Tally: alert.Tally{At: time.Now().UTC(), Lines: []alert.Line{line}}}, "digest-1", "digest-1")
}

// own is a message with an envelope of our own.
func (b *bench) own(eventType string, form handoff.Form, alertKey, identity string) handoff.Message {
	return handoff.Message{
		DeliveryID: "delivery-1", Identity: revento.Identity(identity), AlertKey: alertKey, IncidentKey: identity, Kind: route.Slack,
		Channel: oldChannel, Severity: route.Info, SignedAt: time.Now().UTC(), QueuedAt: time.Now().UTC(), Form: form,
		Body: []byte(`{"type":"` + eventType + `"}`),
	}
}

var gone = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}

// isParked lets the worker park messages because their channel is archived.
func (b *bench) isParked(messages ...handoff.Message) {
	b.Helper()
	b.slack.down[oldChannel] = permanent
	for _, message := range messages {
		encoded, err := message.Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.sends(queue.Slack, encoded)
	}
	b.worksOff()
	b.has(queue.Slack.DeadLetter(), len(messages))
}

func TestADeletionsNoticesFindTheirChannelAnew(t *testing.T) {
	test(t, func(b *bench) {
		b.isParked(b.notice("requested"), b.notice("finished"))
		b.Routes = to(t, revento.TypeDeletionRequired, "slack:"+newChannel)
		want := []string{"slack is_archived: redriven, goes to the channel C0222 in place of C0111",
			"slack is_archived: redriven, goes to the channel C0222 in place of C0111"}
		if got := outcomes(b.redrives(everything)); !slices.Equal(got, want) {
			b.Errorf("%q", got)
		}
		b.worksOff()
		b.wasTold(newChannel+" data.deletion_required", newChannel+" data.deletion_required")
	})
}

func TestANoticeThatWasToldStaysInItsChannel(t *testing.T) {
	test(t, func(b *bench) {
		encoded, err := b.notice("requested").Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.sends(queue.Slack, encoded)
		b.worksOff()
		b.parked(queue.Slack, encoded, "max_alert_age: timeout")
		b.Routes = to(t, revento.TypeDeletionRequired, "slack:"+newChannel)
		want := []string{"slack max_alert_age: timeout: redriven, stays with the channel C0111, where it was or may have been told"}
		if got := outcomes(b.redrives(everything)); !slices.Equal(got, want) {
			b.Errorf("%q", got)
		}
		b.worksOff()
		b.wasTold(oldChannel + " data.deletion_required")
	})
}

func TestADigestFindsItsChannelAnewByTheDigestTargetsOfWhatItTellsOf(t *testing.T) {
	for routed, note := range map[string]string{
		"digest:" + newChannel: ", goes to the channel C0222 in place of C0111",
		"digest:" + oldChannel: "",
		"slack:" + newChannel:  ", stays with the channel C0111: the routes in force name 0 others",
	} {
		t.Run(routed, func(t *testing.T) {
			test(t, func(b *bench) {
				b.isParked(b.digest())
				b.Routes = to(t, "application.submitted", routed)
				if got := outcomes(b.redrives(everything)); !slices.Equal(got, []string{"slack is_archived: redriven" + note}) {
					b.Errorf("%q", got)
				}
			})
		})
	}
}

func TestADigestThatIsRedrivenAfterADeletionTellsNothingOfIt(t *testing.T) {
	test(t, func(b *bench) {
		b.isParked(b.digest())
		stone := record.Record{Key: record.TombstoneKey(gone), OccurredAt: time.Now(), Data: []byte(`{"schema":1,"value":{}}`)}
		if err := b.records.Deletions.Put(b.Context(), stone); err != nil {
			b.Fatal(err)
		}
		delete(b.slack.down, oldChannel)
		b.Routes = to(t, "application.submitted", "digest:"+oldChannel)
		b.redrives(deadletter.Selection{All: true})
		b.worksOff()
		b.wasTold()
	})
}
