package handoff_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

var (
	signedAt   = time.Date(2026, 5, 9, 14, 22, 40, 0, time.UTC)
	receivedAt = signedAt.Add(1500 * time.Millisecond)
	queuedAt   = receivedAt.Add(20 * time.Millisecond)
)

const sampleBody = `{"id":"evt_sample_1","type":"application.revision_requested","occurred_at":"2026-05-09T14:22:31Z",` +
	`"event_id":"evt_sample","organization_id":"org_sample","data":{"id":"app_sample"}}`

var toSlack = route.Destination{Kind: route.Slack, Channel: "C0SAMPLE01", Severity: route.Error}

func delivery(t testing.TB, body string) handoff.Delivery {
	t.Helper()
	envelope, err := revento.ParseEnvelope([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return handoff.Delivery{
		ID: "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11", Envelope: envelope, Identity: envelope.Identity([]byte(body)),
		SignedAt: signedAt, ReceivedAt: receivedAt, Body: []byte(body),
	}
}

func encode(t testing.TB, message handoff.Message) queue.Message {
	t.Helper()
	encoded, err := message.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestAMessageComesOutAsItWentIn(t *testing.T) {
	bodies := map[string]string{
		"the sample":                sampleBody,
		"control characters":        "{\"type\":\"a\",\"x\":\"\x7f\"\r\n\t}",
		"bytes that are not UTF-8":  "{\"type\":\"a\",\"x\":\"\xff\xfe\xed\xa0\x80\"}",
		"half of a surrogate pair":  `{"type":"a","x":"\ud800"}`,
		"what SQS refuses in plain": "{\"type\":\"a\",\"x\":\"\uffff\ufffe\"}",
	}
	destinations := []route.Destination{
		toSlack,
		{Kind: route.PagerDuty, Severity: route.Info, Resolves: true},
		{Kind: route.Slack, Channel: "C0111", Severity: route.Info, Resolves: true, Quiet: true},
		{Kind: route.Digest, Channel: "C0111", Severity: route.Info},
		{Kind: route.Deletion, Severity: route.Warning},
	}
	for name, body := range bodies {
		for _, destination := range destinations {
			t.Run(name+" to "+string(destination.Kind), func(t *testing.T) {
				message := handoff.New("prod", delivery(t, body), destination, queuedAt)
				encoded := encode(t, message)
				if err := encoded.Check(message.Queue()); err != nil {
					t.Errorf("the queue refuses it: %v", err)
				}
				if i := strings.IndexFunc(encoded.Body, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
					t.Errorf("its text is not printable ASCII at %d", i)
				}
				decoded, err := handoff.Decode(encoded.Body)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(message, decoded); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// A digest holds text of strangers outside of the base64 body, and a notice a person's.
func TestWhatAFormHoldsTravelsUnchangedAsPrintableASCII(t *testing.T) {
	for _, text := range []string{"Zürich", "日本語", "\U0001F389", "\x00\x7f\u2028", "\uffff\ufffe", `"\ \u0041 & <b>`} {
		for _, form := range []handoff.Form{
			handoff.Notice{Title: text, Facts: []alert.Field{{Name: text, Value: text}}},
			handoff.Digest{Tally: alert.Tally{Lines: []alert.Line{{Type: text, EventID: text, HappenedAt: []time.Time{signedAt}}}}},
		} {
			message := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt)
			message.Form = form
			encoded := encode(t, message)
			if err := encoded.Check(message.Queue()); err != nil {
				t.Errorf("%T %q: the queue refuses it: %v", form, text, err)
			}
			if i := strings.IndexFunc(encoded.Body, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
				t.Errorf("%T %q: not printable ASCII at %d", form, text, i)
			}
			decoded, err := handoff.Decode(encoded.Body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(message, decoded); diff != "" {
				t.Errorf("%T %q: %s", form, text, diff)
			}
		}
	}
}

func TestQueueGroupAndDeduplication(t *testing.T) {
	message := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt)
	tests := []struct {
		name  string
		kind  route.Kind
		queue queue.Name
		group string
		dedup string
	}{
		{"slack: one line for each channel", route.Slack, queue.Slack, toSlack.Channel, message.AlertKey},
		{"pagerduty: one line for each incident", route.PagerDuty, queue.PagerDuty, message.IncidentKey, message.AlertKey},
		{"digest: no order", route.Digest, queue.Digest, "", ""},
		{"deletion: no order", route.Deletion, queue.Deletion, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			message.Kind = test.kind
			encoded := encode(t, message)
			if message.Queue() != test.queue || encoded.Group != test.group || encoded.DeduplicationID != test.dedup {
				t.Errorf("queue %q, group %q, deduplication id %q", message.Queue(), encoded.Group, encoded.DeduplicationID)
			}
			if diff := cmp.Diff(map[string]string{handoff.AttributeDeliveryID: message.DeliveryID}, encoded.Attributes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestARedrivesDeduplicationIDIsFresh(t *testing.T) {
	message := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt)
	seen := map[string]bool{}
	for _, generation := range []string{"", "one", "two"} {
		message.Generation = generation
		seen[encode(t, message).DeduplicationID] = true
	}
	if len(seen) != 3 {
		t.Errorf("three generations have %d deduplication ids", len(seen))
	}
}

// largestBodyLimit is the top of BodyLimit's range.
const largestBodyLimit = 716_800

func TestTheLargestBodyFitsTheQueueAndTheDeadLetterQueue(t *testing.T) {
	body := `{"type":"a","x":"` + strings.Repeat("x", largestBodyLimit-len(`{"type":"a","x":""}`)) + `"}`
	if len(body) != largestBodyLimit {
		t.Fatalf("the test's body has %d bytes", len(body))
	}
	largest := delivery(t, body)
	largest.ID = strings.Repeat("d", revento.MaxDeliveryIDLength)
	destination := route.Destination{
		Kind: route.Slack, Channel: "C" + strings.Repeat("0", 24), Severity: route.Critical, Resolves: true, Quiet: true,
	}
	message := handoff.New(strings.Repeat("s", 128), largest, destination, queuedAt)
	message.Generation = strings.Repeat("g", 64)
	encoded := encode(t, message)
	if err := encoded.Check(queue.Slack); err != nil {
		t.Error(err)
	}
	parked := encoded
	parked.Attributes = maps.Clone(encoded.Attributes)
	parked.Attributes[queue.AttributeReason] = "max_alert_age: " + strings.Repeat("r", 1000)
	parked.Attributes[queue.AttributeParkedAt] = queuedAt.Format(time.RFC3339)
	if err := parked.Check(queue.Slack.DeadLetter()); err != nil {
		t.Error(err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const canary = "CANARY"
	tests := []struct{ name, body, says string }{
		{"nothing", "", "not JSON"},
		{"no JSON", canary, "not JSON"},
		{"a list", `["CANARY"]`, "not JSON"},
		{"another form", `{"schema":"CANARY"}`, "not JSON"},
		{"a body that is no base64", `{"schema":1,"alert_key":"a","incident_key":"i","body":"CANARY!"}`, "not JSON"},
		{"a time that is none", `{"schema":1,"alert_key":"a","incident_key":"i","body":"e30=","signed_at":"CANARY"}`, "not JSON"},
		{"no schema", `{"alert_key":"CANARY","incident_key":"i","body":"e30="}`, "version is 0"},
		{"a schema to come", `{"schema":4,"alert_key":"CANARY","incident_key":"i","body":"e30="}`, "knows 1 to 3"},
		{"no form", `{"schema":3,"alert_key":"CANARY","incident_key":"i","body":"e30="}`, "known form"},
		{"a form of none", `{"schema":3,"form":"CANARY","alert_key":"a","incident_key":"i","body":"e30="}`, "known form"},
		{"a notice without one", `{"schema":3,"form":"notice","digest":{},"alert_key":"a","incident_key":"i","body":"e30="}`, "known form"},
		{"a digest without one", `{"schema":3,"form":"digest","notice":{},"alert_key":"a","incident_key":"i","body":"e30="}`, "known form"},
		{"no alert key", `{"schema":1,"incident_key":"CANARY","body":"e30="}`, "missing"},
		{"no incident key", `{"schema":1,"alert_key":"CANARY","body":"e30="}`, "missing"},
		{"no body", `{"schema":1,"alert_key":"CANARY","incident_key":"i","body":""}`, "missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := handoff.Decode(test.body)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, want it to say %q", err, test.says)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error holds the message: %v", err)
			}
		})
	}
}

func TestOpenReadsTheSignedBody(t *testing.T) {
	event, err := handoff.New("prod", delivery(t, sampleBody), toSlack, queuedAt).Open()
	if err != nil {
		t.Fatal(err)
	}
	want := alert.Order{OccurredAt: time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC), AlertKey: event.AlertKey}
	if diff := cmp.Diff(want, event.Order); diff != "" {
		t.Error(diff)
	}
	if event.Connection.EventID != "evt_sample" || event.Connection.OrganizationID != "org_sample" {
		t.Errorf("connection %+v", event.Connection)
	}
	if _, err := (handoff.Message{Body: []byte("{}")}).Open(); err == nil {
		t.Error("a body without type was opened")
	}
}

func TestAnEventWithoutAMomentIsOrderedByItsSignature(t *testing.T) {
	event, err := handoff.New("prod", delivery(t, `{"type":"a"}`), toSlack, queuedAt).Open()
	if err != nil {
		t.Fatal(err)
	}
	if !event.Order.OccurredAt.Equal(signedAt) {
		t.Errorf("ordered at %s, signed at %s", event.Order.OccurredAt, signedAt)
	}
}

// FuzzDecode: nothing panics, and what is read can be written and read again.
func FuzzDecode(f *testing.F) {
	for _, trigger := range route.Triggers {
		body := `{"type":"` + trigger.Pattern + `","occurred_at":"2026-05-09T14:22:31Z","data":{"id":"1"}}`
		f.Add(encode(f, handoff.New("prod", delivery(f, body), toSlack, queuedAt)).Body)
	}
	for _, sample := range samples {
		f.Add(read(f, sample.file))
	}
	f.Add(`{"schema":1,"alert_key":"a","incident_key":"i","body":"e30="}`)
	f.Add(`{"schema":9}`)
	f.Fuzz(func(t *testing.T, text string) {
		message, err := handoff.Decode(text)
		if err != nil {
			return
		}
		encoded, err := message.Encode()
		if err != nil {
			t.Fatalf("read, but not written: %v", err)
		}
		again, err := handoff.Decode(encoded.Body)
		if err != nil {
			t.Fatalf("written, but not read: %v", err)
		}
		if again.AlertKey != message.AlertKey || string(again.Body) != string(message.Body) {
			t.Error("keys or body changed on the way")
		}
		_, _ = message.Open() // an error is an answer, a panic is none
	})
}
