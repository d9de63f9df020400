package trace_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

func (b *bench) deliversOwn(eventType string, number int64, at time.Time) string {
	b.Helper()
	own := handoff.Own{
		Type: eventType, Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Identity: []string{string(rune('0' + number))},
		ResourceID: "evt_1", Number: number, OccurredAt: at, Fields: map[string]string{"status": "revoked"},
	}
	if err := b.ingest.Deliver(b.Context(), own); err != nil {
		b.Fatal(err)
	}
	return own.DeliveryID()
}

// Restored ends broken, though the clock was set back between.
func TestTheStoryOfAnAlertOfOurOwn(t *testing.T) {
	b := newBench(t)
	broken := b.deliversOwn(revento.TypeConnectionBroken, 1, b.clock.Add(-time.Minute))
	b.works()
	restored := b.deliversOwn(revento.TypeConnectionRestored, 2, b.clock.Add(-time.Hour))
	b.works()
	for _, id := range []string{broken, restored} {
		if page := b.alertOf(b.tells(id), route.PagerDuty); page.State != alert.Sent {
			t.Errorf("%s: the page is %s", id, page.State)
		}
	}
	b.golden("own", b.tells(broken), b.tells(restored))
}

func TestWhyATypeOfOurOwnWasIgnored(t *testing.T) {
	b := newBench(t)
	b.routes(map[string]string{"CONNECTION_BROKEN_ROUTE": "off"})
	off := b.deliversOwn(revento.TypeConnectionBroken, 1, b.clock)
	forged := signedBody(b, "forged", `{"type":"connection.broken","event_id":"evt_1","organization_id":"org_1","data":{"id":"evt_1"}}`)
	b.golden("own-ignored", b.tells(off), b.tells(forged))
}

func signedBody(b *bench, id, body string) string {
	b.posts(id, revento.TypeConnectionBroken, sample.Sign(revento.TypeConnectionBroken, "s", id, b.clock, []byte(body)), ingest.Ignored)
	return id
}
