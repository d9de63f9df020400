package ingest_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/test/golden"
)

func ofSubmitted(r *ingest.Request) { r.Event = "application.submitted" }

func TestLogLines(t *testing.T) {
	tests := []struct {
		golden  string
		given   func(*bench)
		request func() ingest.Request
	}{
		{"accepted.json", nil, request(revision)},
		{"ignored.json", nil, request(submitted, ofSubmitted)},
		{"record-failed.json", func(b *bench) { b.before["note"] = fail(errDown) }, request(submitted, ofSubmitted)},
		{"unauthorized.json", nil, request(revision, func(r *ingest.Request) { r.Body.Text = `{"name":"CANARY"}` })},
		{"stale.json", nil, aged(time.Hour)},
		{"malformed.json", nil, request(`{"name":"CANARY"}`)},
		{"too_large.json", nil, request(tooLarge)},
		{"delivery-id-conflict.json", func(b *bench) { b.claimedByAnother(unknown, time.Second) }, request(revision)},
		{"unavailable.json", func(b *bench) { b.before["claim"], b.before["release"] = fail(errDown), fail(errDown) }, request(revision)},
		{"mark-failed.json", func(b *bench) { b.before["mark"] = fail(errDown) }, request(revision)},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			test(t, func(b *bench) {
				if tt.given != nil {
					tt.given(b)
				}
				b.handle(tt.request())
				wantGolden(b, tt.golden)
			})
		})
	}
}

func wantGolden(b *bench, name string) {
	b.Helper()
	golden.Want(b.T, name, b.log.String())
}

func TestOfTwoTypesTheBodysRulesAndTheDifferenceIsCounted(t *testing.T) {
	for event, counted := range map[string]bool{"application.revision_requested": false, "application.submitted": true} {
		t.Run(event, func(t *testing.T) {
			test(t, func(b *bench) {
				reply := b.handle(request(revision, func(r *ingest.Request) { r.Event = event })())
				if reply.Status != ingest.Accepted {
					b.Errorf("%+v", reply)
				}
				if got := strings.Contains(b.log.String(), `"event_header_mismatch":1`); got != counted {
					b.Errorf("counted: %v", got)
				}
			})
		})
	}
}

func TestALongTypeDoesNotFillTheLog(t *testing.T) {
	test(t, func(b *bench) {
		b.handle(signed(`{"type":"` + strings.Repeat("é", 300) + `"}`))
		if b.log.Len() > 600 {
			b.Errorf("a line of %d bytes", b.log.Len())
		}
	})
}
