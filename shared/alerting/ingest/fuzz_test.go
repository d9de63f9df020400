package ingest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

// FuzzHandle: with adapters that work, no request panics or is answered 5xx; a forged one is never taken, the same one is
// never taken twice, and the log never holds what was sent.
func FuzzHandle(f *testing.F) {
	const now = 1747000123
	for _, trigger := range route.Triggers {
		f.Add(trigger.Pattern, deliveryID, "1747000123", "", `{"type":"`+trigger.Pattern+`","data":{"id":"1","name":"CANARY"}}`, false, true)
	}
	f.Add("", "", "1747000123", "sha256=00", `{"type":1}`, false, false)
	f.Add("", "a b", "1747000423", "", `[]`, false, true)
	f.Add("", "", "1747000424", "", `{`, true, true)
	f.Add("", "", "1747000123", "", `e30=`, true, true)
	f.Fuzz(func(t *testing.T, event, id, timestamp, signature, text string, isBase64, sign bool) {
		var log bytes.Buffer
		clock := func() time.Time { return time.Unix(now, 0) }
		handler := ingest.Ingest{
			Stack: "prod", Tolerance: tolerance, BodyLimit: bodyLimit, DedupeWindow: dedupeWindow, Routes: routes(t),
			Secrets: secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, clock),
			Replays: ingest.NewReplays(), Ledger: memory.NewLedger(), Queues: memory.NewQueues(clock), Log: telemetry.New(&log, telemetry.Options{}), Now: clock,
		}
		request := ingest.Request{
			Event: event, DeliveryID: id, Timestamp: timestamp, Signature: signature, Body: ingest.Body{Text: text, Base64: isBase64},
		}
		if sign {
			sent, _ := request.Body.Bytes()
			request.Signature = revento.Sign(webhookSecret, timestamp, sent)
		}
		first, second := handler.Handle(t.Context(), request), handler.Handle(t.Context(), request)
		for _, reply := range []ingest.Reply{first, second} {
			if code := reply.Status.Code(); code < 200 || code >= 500 {
				t.Errorf("answered %d: %+v", code, reply)
			}
		}
		if !sign && first.Status.Code() == 200 {
			t.Errorf("taken without the secret: %+v", first)
		}
		if first.Status == ingest.Accepted && second.Status != ingest.Duplicate {
			t.Errorf("taken, and then %s", second.Status)
		}
		if strings.Contains(log.String(), webhookSecret) || strings.Contains(log.String(), `"name":"CANARY"`) {
			t.Errorf("the log holds what it must not: %s", log.String())
		}
	})
}
