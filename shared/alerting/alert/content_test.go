package alert_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

func TestDescribe(t *testing.T) {
	display := alert.Display{
		Environment: "production",
		Fields:      alert.NewFieldFilter([]string{"status", "*_at"}),
		Link:        "https://example.test/{event_id}/{resource_id}",
	}
	approved := envelope(t, `{"type":"application.approved","event_id":"evt_1","organization_id":"org_1","data":{
		"id":"app_1","status":"approved","approved_at":"2026-05-02T09:14:00Z","name":"CANARY","user_id":"CANARY"}}`)
	want := alert.Content{
		Type: "application.approved", Title: "Application approved", Family: "application",
		Severity: route.Info, Resolves: true, Environment: "production",
		EventID: "evt_1", OrganizationID: "org_1", ResourceID: "app_1", HappenedAt: first,
		Fields: []alert.Field{{Name: "status", Value: "approved"}, {Name: "approved_at", Value: "2026-05-02T09:14:00Z"}},
		Link:   "https://example.test/evt_1/app_1", DeliveryID: "d-1",
	}
	if diff := cmp.Diff(want, display.Describe(approved, first, route.Info, true, "d-1")); diff != "" {
		t.Error(diff)
	}
}

func TestFieldFilter(t *testing.T) {
	data := map[string]json.RawMessage{}
	for _, name := range []string{"id", "status", "approved_at", "at", "name", "user_id", "status_note"} {
		data[name] = json.RawMessage(`"x"`)
	}
	tests := []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"none", nil, nil},
		{"the default", []string{"id", "status", "*_at"}, []string{"status", "approved_at"}},
		{"an exact name", []string{"name"}, []string{"name"}},
		{"a beginning", []string{"status*"}, []string{"status", "status_note"}},
		{"an end", []string{"*at"}, []string{"approved_at", "at"}},
		{"anything around", []string{"*at*"}, []string{"status", "approved_at", "at", "status_note"}},
		{"everything", []string{"*"}, []string{"status", "approved_at", "at", "name", "status_note", "user_id"}},
		{"two patterns for one field", []string{"status", "stat*"}, []string{"status", "status_note"}},
		{"another case", []string{"Status"}, nil},
		{"an empty pattern", []string{""}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var names []string
			for _, field := range alert.NewFieldFilter(test.patterns).Select(data) {
				names = append(names, field.Name)
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFieldValuesAsAPersonReadsThem(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"text", `"flagged"`, "flagged"},
		{"text with escapes", `"a \"b\" \u003cc\u003e\n"`, "a \"b\" <c>\n"},
		{"a number", `12.50`, "12.50"},
		{"a large number keeps its digits", `9007199254740993`, "9007199254740993"},
		{"true", `true`, "true"},
		{"false", `false`, "false"},
		{"an object", `{ "a" : [1, 2] }`, `{"a":[1,2]}`},
		{"a list", `[ "a" ]`, `["a"]`},
	}
	all := alert.NewFieldFilter([]string{"*"})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := all.Select(map[string]json.RawMessage{"field": json.RawMessage(test.value)})
			if diff := cmp.Diff([]alert.Field{{Name: "field", Value: test.want}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, empty := range []string{`null`, `""`, `{}`, `[]`, `{ }`} {
		if got := all.Select(map[string]json.RawMessage{"field": json.RawMessage(empty)}); len(got) != 0 {
			t.Errorf("%s is shown as %q", empty, got)
		}
	}
}

func TestTitleOf(t *testing.T) {
	for eventType, want := range map[string]string{
		"application.revision_requested": "Application flagged for revision",
		"activity.seat_taken":            "Activity seat taken",
		"ping":                           "Ping",
		"élan.vital":                     "Élan vital",
		"a..b__c":                        "A b c",
		"...":                            "Event of an unnamed type",
	} {
		if got := alert.TitleOf(eventType); got != want {
			t.Errorf("TitleOf(%q) = %q, want %q", eventType, got, want)
		}
	}
}

func TestEveryTypeThatTheGuideNamesHasATitleOfItsOwn(t *testing.T) {
	titles := map[string]string{}
	for _, trigger := range route.Triggers {
		title := alert.TitleOf(trigger.Pattern)
		if other, taken := titles[title]; taken {
			t.Errorf("%s and %s are both titled %q", trigger.Pattern, other, title)
		}
		titles[title] = trigger.Pattern
	}
}

func TestLinkTemplate(t *testing.T) {
	full := revento.Envelope{
		Type: "application.approved", EventID: "evt_1", OrganizationID: "org_1",
		Data: map[string]json.RawMessage{"id": json.RawMessage(`"app_1"`)},
	}
	strange := revento.Envelope{
		Type: "{event_id}", EventID: "a/b?c#d&e=f g+h%|>", Data: map[string]json.RawMessage{"id": json.RawMessage(`"é"`)},
	}
	tests := []struct {
		name     string
		template alert.LinkTemplate
		envelope revento.Envelope
		want     string
	}{
		{"none", "", full, ""},
		{"no placeholder", "https://example.test/", full, "https://example.test/"},
		{"every placeholder", "https://example.test/{organization_id}/{event_id}/{type}?id={resource_id}", full,
			"https://example.test/org_1/evt_1/application.approved?id=app_1"},
		{"a placeholder twice", "https://example.test/{event_id}/{event_id}", full, "https://example.test/evt_1/evt_1"},
		{"an unknown placeholder stays", "https://example.test/{name}", full, "https://example.test/{name}"},
		{"an id that the event lacks", "https://example.test/{organization_id}/{resource_id}", strange, ""},
		{"an id that it lacks and nobody asked for", "https://example.test/{resource_id}", strange, "https://example.test/%C3%A9"},
		{"characters that mean something in a URL", "https://example.test/{event_id}?x={event_id}", strange,
			"https://example.test/a%2Fb%3Fc%23d%26e%3Df%20g%2Bh%25%7C%3E?x=a%2Fb%3Fc%23d%26e%3Df%20g%2Bh%25%7C%3E"},
		{"a value that looks like a placeholder", "https://example.test/{type}", strange, "https://example.test/%7Bevent_id%7D"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.template.Fill(test.envelope); got != test.want {
				t.Errorf("Fill = %q, want %q", got, test.want)
			}
		})
	}
}

func TestLateness(t *testing.T) {
	content := alert.Content{HappenedAt: first}
	for age, want := range map[time.Duration]time.Duration{
		-time.Minute:        0,
		0:                   0,
		2*time.Minute - 1:   0,
		2 * time.Minute:     2 * time.Minute,
		72 * time.Hour:      72 * time.Hour,
		90 * 24 * time.Hour: 90 * 24 * time.Hour,
	} {
		if got := content.Lateness(first.Add(age)); got != want {
			t.Errorf("after %s: %s, want %s", age, got, want)
		}
	}
}

// What we say of a connection is shown whole, whatever the settings let through of Revento's data. What is about a person is not.
func TestAnEventOfOurOwnIsShownWhole(t *testing.T) {
	display := alert.Display{Fields: alert.NewFieldFilter([]string{"id"})}
	for _, eventType := range revento.OwnTypes {
		body := `{"type":"` + eventType + `","data":{"id":"evt_1","status":"revoked","reason":"token_revoked"}}`
		content := display.Describe(envelope(t, body), time.Time{}, route.Error, false, "own-1")
		want := 2
		if eventType == revento.TypeParticipantCancelled {
			want = 0
		}
		if len(content.Fields) != want {
			t.Errorf("%s shows %+v", eventType, content.Fields)
		}
	}
}
