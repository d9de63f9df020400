package revento_test

import (
	"encoding/json"
	"testing"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// FuzzParseProof: whatever the headers hold, nothing panics, and only a signature over these very characters matches.
func FuzzParseProof(f *testing.F) {
	f.Add(vectorTimestamp, vectorSignature)
	f.Add("1747000123000", "sha256=")
	f.Add("-1", "v1=00, "+vectorSignature)
	f.Add("", ",")
	f.Fuzz(func(t *testing.T, timestamp, signature string) {
		body := []byte(vectorBody)
		proof, err := revento.ParseProof(timestamp, signature)
		if err != nil {
			if proof.MatchingSecret([]string{vectorSecret}, body) != -1 {
				t.Error("a refused proof matches")
			}
			return
		}
		if proof.MatchingSecret([]string{vectorSecret}, body) == 0 && timestamp != vectorTimestamp {
			t.Errorf("the vector's signature matches for timestamp %q", timestamp)
		}
		signed, err := revento.ParseProof(timestamp, signature+","+revento.Sign("secret", timestamp, body))
		if err != nil || signed.MatchingSecret([]string{"secret"}, body) != 0 {
			t.Errorf("a good signature behind %q does not count: %v", signature, err)
		}
	})
}

// FuzzParseEnvelope: nothing panics; what is accepted is one JSON object of that very type, and its identity is stable.
func FuzzParseEnvelope(f *testing.F) {
	for _, trigger := range route.Triggers {
		f.Add([]byte(`{"id":"evt_d","type":"` + trigger.Pattern + `","occurred_at":"2026-05-09T14:22:31Z","event_id":"evt_1",` +
			`"organization_id":"org_1","data":{"id":"app_1","status":"approved"}}`))
	}
	f.Add([]byte(`{"type":"integration.suspended","event_id":null,"organization_id":null,"data":{}}`))
	f.Add([]byte(`{"type":"a","type":1}`))
	f.Add([]byte("{\"type\":\"\xff\"}"))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		envelope, err := revento.ParseEnvelope(body)
		if err != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal(body, &object); err != nil {
			t.Fatalf("accepted what is no JSON object: %v", err)
		}
		if object["type"] != envelope.Type || envelope.Type == "" {
			t.Errorf("type %q, in the body %v", envelope.Type, object["type"])
		}
		again, err := revento.ParseEnvelope(body)
		if err != nil || again.Identity(body) != envelope.Identity(body) {
			t.Errorf("read twice, the identity differs: %v", err)
		}
		if _, err := json.Marshal(envelope.OccurredAt); err != nil {
			t.Errorf("the moment cannot be stored: %v", err)
		}
	})
}
