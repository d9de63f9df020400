// Package story tells what happens to one application, for tests of the rules that make alerts of it.
package story

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

// Noon is second 0 of every story. Deliveries are signed and queued a minute later.
var Noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// Channel is the Slack channel of every story.
const Channel = "C0111"

// verb is something that happens. Two of a kind make two events of one moment.
type verb struct {
	eventType       string
	resolves, quiet bool
}

var verbs = map[string]verb{
	"flag":    {eventType: "application.revision_requested"},
	"submit":  {eventType: "application.submitted"},
	"approve": {eventType: "application.approved", resolves: true, quiet: true}, // its route is resolve
	"reject":  {eventType: "application.rejected", resolves: true},              // its route is slack,resolve
}

// VerbOf is the verb of an event type.
func VerbOf(eventType string) string {
	for name, verb := range verbs {
		if verb.eventType == eventType {
			return name
		}
	}
	return eventType
}

// Event is the event "<verb>@<second>" on its way to Slack or PagerDuty. The same name is the same event.
func Event(t testing.TB, kind route.Kind, name string) handoff.Event {
	t.Helper()
	what, when, _ := strings.Cut(name, "@")
	second, err := time.ParseDuration(when + "s")
	verb, known := verbs[what]
	if err != nil || !known {
		t.Fatalf("%q is no verb and second", name)
	}
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":"evt_1","organization_id":"org_1","data":{"id":"app_1"}}`,
		verb.eventType, Noon.Add(second).Format(time.RFC3339))
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	received := Noon.Add(time.Minute)
	delivery := handoff.Delivery{
		ID: "delivery of " + name, Envelope: envelope, Identity: envelope.Identity(body), SignedAt: received, ReceivedAt: received, Body: body,
	}
	destination := route.Destination{Kind: kind, Severity: route.Error, Resolves: verb.resolves}
	if kind == route.Slack {
		destination.Channel, destination.Quiet = Channel, verb.quiet
	}
	event, err := handoff.New("prod", delivery, destination, received).Open()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// Delivered has an event worked on until its message is done with, as a queue makes it: also after a death.
func Delivered(t testing.TB, name string, work func() error) {
	t.Helper()
	for range 10 {
		var err error
		died := mishap.Died(func() { err = work() })
		if !died && err == nil {
			return
		}
	}
	t.Fatalf("%s is never done with", name)
}

// AlertRecord is what is kept of an event's alert.
func AlertRecord(t testing.TB, records record.Store, event handoff.Event) record.Entry[alert.Record] {
	t.Helper()
	key := record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey}
	entry, err := record.Load[alert.Record](t.Context(), records, key)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}
