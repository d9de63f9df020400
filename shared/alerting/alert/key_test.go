package alert_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

func TestAlertKey(t *testing.T) {
	slack := route.Destination{Kind: route.Slack, Channel: "C0111", Severity: route.Info}
	key := alert.Key("prod", "identity", slack)
	if digits, err := hex.DecodeString(key); err != nil || len(digits) != 32 {
		t.Errorf("the key %q is not 64 hex digits", key)
	}
	severe, resolving, elsewhere, digest := slack, slack, slack, slack
	severe.Severity = route.Error
	resolving.Resolves, resolving.Quiet = true, true
	elsewhere.Channel = "C0222"
	digest.Kind = route.Digest
	tests := []struct {
		name string
		key  string
		same bool
	}{
		{"the same", alert.Key("prod", "identity", slack), true},
		{"another severity", alert.Key("prod", "identity", severe), true},
		{"resolving, after the route was changed", alert.Key("prod", "identity", resolving), true},
		{"another stack", alert.Key("test", "identity", slack), false},
		{"another identity", alert.Key("prod", "other", slack), false},
		{"another channel", alert.Key("prod", "identity", elsewhere), false},
		{"another destination", alert.Key("prod", "identity", digest), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if same := test.key == key; same != test.same {
				t.Errorf("same key: %v, want %v", same, test.same)
			}
		})
	}
}

func TestIncidentKey(t *testing.T) {
	of := func(stack, eventType, event, organization, resource string, identity revento.Identity) string {
		body := fmt.Sprintf(`{"type":%q,"event_id":%q,"organization_id":%q,"data":{"id":%q}}`, eventType, event, organization, resource)
		return alert.IncidentKey(stack, envelope(t, body), identity)
	}
	key := of("prod", "application.revision_requested", "evt_1", "org_1", "app_1", "identity")
	tests := []struct {
		name string
		key  string
		same bool
	}{
		{"its approval, another delivery", of("prod", "application.approved", "evt_1", "org_1", "app_1", "other"), true},
		{"another family's resource of that id", of("prod", "activity.updated", "evt_1", "org_1", "app_1", "identity"), false},
		{"another resource", of("prod", "application.approved", "evt_1", "org_1", "app_2", "identity"), false},
		{"another event", of("prod", "application.approved", "evt_2", "org_1", "app_1", "identity"), false},
		{"another organization", of("prod", "application.approved", "evt_1", "org_2", "app_1", "identity"), false},
		{"another stack", of("test", "application.approved", "evt_1", "org_1", "app_1", "identity"), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if same := test.key == key; same != test.same {
				t.Errorf("same key: %v, want %v", same, test.same)
			}
		})
	}
}

func TestAnEventWithoutAResourceIsAnIncidentOfItsOwn(t *testing.T) {
	suspended := envelope(t, `{"type":"integration.suspended","event_id":null,"organization_id":null}`)
	first, again := alert.IncidentKey("prod", suspended, "one"), alert.IncidentKey("prod", suspended, "one")
	if first != again {
		t.Error("one identity has two incidents")
	}
	if other := alert.IncidentKey("prod", suspended, "two"); other == first {
		t.Error("two identities share an incident")
	}
}

func envelope(t *testing.T, body string) revento.Envelope {
	t.Helper()
	parsed, err := revento.ParseEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestOrder(t *testing.T) {
	at := time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	// Each comes before the next: the moment rules, then a trigger wins over a resolve, then the key settles it.
	ascending := []alert.Order{
		{},
		{OccurredAt: at, Resolves: true, AlertKey: "z"},
		{OccurredAt: at, AlertKey: "a"},
		{OccurredAt: at, AlertKey: "b"},
		{OccurredAt: at.Add(1), Resolves: true, AlertKey: "a"},
		{OccurredAt: at.Add(1), Resolves: true, AlertKey: "b"},
		{OccurredAt: at.Add(2), AlertKey: "a"},
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if got, want := a.Compare(b), cmp.Compare(i, j); got != want {
				t.Errorf("%+v against %+v: %d, want %d", a, b, got, want)
			}
		}
	}
	if local := (alert.Order{OccurredAt: at.In(time.FixedZone("", 7200))}); local.Compare(alert.Order{OccurredAt: at}) != 0 {
		t.Error("the time zone changes the order")
	}
}

// Our clocks may differ and may be set back: the number does not.
func TestTheOrderOfOurOwnEventsIsTheirNumber(t *testing.T) {
	at := time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	broken := alert.Order{Number: 2, OccurredAt: at, AlertKey: "z"}
	restored := alert.Order{Number: 3, OccurredAt: at.Add(-time.Hour), Resolves: true, AlertKey: "a"}
	if broken.Compare(restored) != -1 || restored.Compare(broken) != 1 || broken.Compare(broken) != 0 {
		t.Error("the clock decides")
	}
}
