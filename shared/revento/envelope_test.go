package revento_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/revento"
)

func TestParseEnvelopeForgivesAllButTheType(t *testing.T) {
	const typed = `"type":"application.approved"`
	approved := revento.Envelope{Type: "application.approved"}
	tests := []struct {
		name string
		body string
		want revento.Envelope
	}{
		{
			"the guide's sample",
			`{"id":"evt_delivery_xyz","type":"application.approved","occurred_at":"2026-05-09T14:22:31Z",
			  "event_id":"evt_abc123","organization_id":"org_xyz789","data":{"id":"app_xyz"}}`,
			revento.Envelope{
				ID: "evt_delivery_xyz", Type: "application.approved", OccurredAt: time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC),
				EventID: "evt_abc123", OrganizationID: "org_xyz789",
				Data: map[string]json.RawMessage{"id": []byte(`"app_xyz"`)},
			},
		},
		{"nothing but the type", `{` + typed + `}`, approved},
		{"unknown fields", `{` + typed + `,"version":2,"nested":{"a":[1]}}`, approved},
		{"ids that are null, as on integration-level events", `{` + typed + `,"id":null,"event_id":null,"organization_id":null}`, approved},
		{
			"ids that are numbers", `{` + typed + `,"event_id":12,"organization_id":9007199254740993}`,
			revento.Envelope{Type: "application.approved", EventID: "12", OrganizationID: "9007199254740993"},
		},
		{"ids that are neither text nor number", `{` + typed + `,"id":{},"event_id":[1],"organization_id":true}`, approved},
		{"field names in another case are other fields", `{` + typed + `,"Type":"other","EVENT_ID":"evt_1"}`, approved},
		{"of a repeated key the last counts", `{"type":"first",` + typed + `}`, approved},
		{"white space around it", " \r\n\t{" + typed + "} \n", approved},
		{"data is null", `{` + typed + `,"data":null}`, approved},
		{"data is text", `{` + typed + `,"data":"x"}`, approved},
		{"data is a list", `{` + typed + `,"data":[{"id":"app_1"}]}`, approved},
		{
			"data is empty", `{` + typed + `,"data":{}}`,
			revento.Envelope{Type: "application.approved", Data: map[string]json.RawMessage{}},
		},
		{"data nested deep", `{` + typed + `,"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, approved},
		{"a type that nobody knew of", `{"type":"ping"}`, revento.Envelope{Type: "ping"}},
		{"a type with an escape", `{"type":"application\u002eapproved"}`, approved},
		{"bytes that are not UTF-8", "{\"type\":\"a\xff\"}", revento.Envelope{Type: "a\ufffd"}},
		{"half of a surrogate pair", `{"type":"a\ud800"}`, revento.Envelope{Type: "a\ufffd"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := revento.ParseEnvelope([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseEnvelopeRefuses(t *testing.T) {
	tests := []struct {
		name string
		body string
		err  error
	}{
		{"nothing", "", revento.ErrNotObject},
		{"white space", "  ", revento.ErrNotObject},
		{"null", "null", revento.ErrNotObject},
		{"a list", `[{"type":"a"}]`, revento.ErrNotObject},
		{"a text", `"type"`, revento.ErrNotObject},
		{"a number", "1", revento.ErrNotObject},
		{"two objects", `{"type":"a"}{"type":"b"}`, revento.ErrNotObject},
		{"two objects on two lines", "{\"type\":\"a\"}\n{\"type\":\"b\"}", revento.ErrNotObject},
		{"rubbish behind it", `{"type":"a"}x`, revento.ErrNotObject},
		{"a byte order mark", "\ufeff" + `{"type":"a"}`, revento.ErrNotObject},
		{"cut short", `{"type":"a"`, revento.ErrNotObject},
		{"a trailing comma", `{"type":"a",}`, revento.ErrNotObject},
		{"a form instead of JSON", "type=a", revento.ErrNotObject},
		{"nested past all reason", `{"type":"a","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
			revento.ErrNotObject},
		{"no type", `{}`, revento.ErrNoType},
		{"only a Type in another case", `{"Type":"a"}`, revento.ErrNoType},
		{"an empty type", `{"type":""}`, revento.ErrNoType},
		{"type is null", `{"type":null}`, revento.ErrNoType},
		{"type is a number", `{"type":1}`, revento.ErrNoType},
		{"type is an object", `{"type":{}}`, revento.ErrNoType},
		{"a repeated type whose last is no text", `{"type":"a","type":1}`, revento.ErrNoType},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := revento.ParseEnvelope([]byte(test.body)); !errors.Is(err, test.err) {
				t.Errorf("ParseEnvelope: %v, want %v", err, test.err)
			}
		})
	}
}

func TestOccurredAt(t *testing.T) {
	second := time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	tests := []struct {
		name  string
		value string // JSON
		want  time.Time
	}{
		{"UTC", `"2026-05-09T14:22:31Z"`, second},
		{"an offset", `"2026-05-09T16:22:31+02:00"`, second},
		{"a negative offset", `"2026-05-09T08:52:31-05:30"`, second},
		{"an unknown local offset", `"2026-05-09T14:22:31-00:00"`, second},
		{"milliseconds", `"2026-05-09T14:22:31.250Z"`, second.Add(250 * time.Millisecond)},
		{"nanoseconds", `"2026-05-09T14:22:31.000000001Z"`, second.Add(1)},
		{"lower-case letters, which RFC 3339 allows", `"2026-05-09t14:22:31z"`, second},

		{"null", `null`, time.Time{}},
		{"empty", `""`, time.Time{}},
		{"a number of seconds", `1778336551`, time.Time{}},
		{"a date alone", `"2026-05-09"`, time.Time{}},
		{"no offset", `"2026-05-09T14:22:31"`, time.Time{}},
		{"the 30th of February", `"2026-02-30T00:00:00Z"`, time.Time{}},
		{"an object", `{}`, time.Time{}},
		{"the zero time", `"0001-01-01T00:00:00Z"`, time.Time{}},
		{"before the first year, which no record could hold", `"0000-01-01T00:00:00+23:59"`, time.Time{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			envelope, err := revento.ParseEnvelope([]byte(`{"type":"a","occurred_at":` + test.value + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := envelope.OccurredAt; !got.Equal(test.want) || got.Location() != time.UTC {
				t.Errorf("OccurredAt = %v, want %v", got, test.want)
			}
		})
	}
}

func TestHappenedAt(t *testing.T) {
	signedAt := time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	tests := []struct {
		name       string
		occurredAt time.Time
		want       time.Time
	}{
		{"before the signature", signedAt.Add(-time.Hour), signedAt.Add(-time.Hour)},
		{"with the signature", signedAt, signedAt},
		{"a fraction of the signature's second", signedAt.Add(700 * time.Millisecond), signedAt.Add(700 * time.Millisecond)},
		{"the last of that second", signedAt.Add(time.Second - 1), signedAt.Add(time.Second - 1)},
		{"the next second", signedAt.Add(time.Second), signedAt},
		{"a fraction of the next second", signedAt.Add(1700 * time.Millisecond), signedAt},
		{"years later", signedAt.AddDate(10, 0, 0), signedAt},
		{"missing or unreadable", time.Time{}, signedAt},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			envelope := revento.Envelope{Type: "a", OccurredAt: test.occurredAt}
			if got := envelope.HappenedAt(signedAt.Local()); !got.Equal(test.want) || got.Location() != time.UTC {
				t.Errorf("HappenedAt = %v, want %v", got, test.want)
			}
		})
	}
}

func TestFamily(t *testing.T) {
	for eventType, want := range map[string]string{
		"application.approved": "application", "ping": "ping", "activity.seat.taken": "activity", ".x": "",
	} {
		if got := revento.FamilyOf(eventType); got != want {
			t.Errorf("FamilyOf(%q) = %q, want %q", eventType, got, want)
		}
	}
}

func TestAFractionOfTheSignedSecondIsKeptWhateverItsForm(t *testing.T) {
	signedAt := time.Date(2026, 5, 9, 12, 0, 5, 0, time.UTC)
	for value, want := range map[string]time.Time{
		"2026-05-09T12:00:05.7Z":           signedAt.Add(700 * time.Millisecond),
		"2026-05-09T14:00:05.7+02:00":      signedAt.Add(700 * time.Millisecond),
		"2026-05-09T06:30:05.999999-05:30": signedAt.Add(999_999 * time.Microsecond),
		"2026-05-09t12:00:05.7z":           signedAt.Add(700 * time.Millisecond),
		"2026-05-09T12:00:04.7Z":           signedAt.Add(-300 * time.Millisecond),
		"2026-05-09T12:00:06Z":             signedAt,
		"2026-05-09T14:00:06.0+02:00":      signedAt,
		"2026-05-09T12:00:05+01:00":        signedAt.Add(-time.Hour),
		"2026-05-09T12:00:05-01:00":        signedAt, // an hour later
	} {
		envelope, err := revento.ParseEnvelope([]byte(`{"type":"a","occurred_at":"` + value + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := envelope.HappenedAt(signedAt); !got.Equal(want) {
			t.Errorf("%s, signed at %s, happened at %s, want %s", value, signedAt, got, want)
		}
	}
}
