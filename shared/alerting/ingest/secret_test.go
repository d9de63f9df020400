package ingest_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/ground/secret"
)

func TestSecrets(t *testing.T) {
	const old, fresh = "whsec_CANARY_old", webhookSecret
	both := `{"secrets": ["` + fresh + `", "` + old + `"]}`
	tests := []struct {
		name   string
		before string // kept at first, "" for not to be had
		pass   time.Duration
		now    string // kept then, "" for not to be had
		key    string // of the request
		want   ingest.Status
		logs   string
	}{
		{"the only one", fresh, 0, fresh, fresh, ingest.Accepted, `"matched_secret_1":1`},
		{"a trailing newline is none of its own", fresh + "\n", 0, fresh, fresh, ingest.Accepted, `"matched_secret_1":1`},
		{"of two, the new one", both, 0, both, fresh, ingest.Accepted, `"matched_secret_1":1`},
		{"of two, the old one", both, 0, both, old, ingest.Accepted, `"matched_secret_2":1`},
		{"rotated a while ago", old, secret.LookInterval, fresh, fresh, ingest.Accepted, `"matched_secret_1":1`},
		{"rotated and overlapping", old, secret.LookInterval, both, old, ingest.Accepted, `"matched_secret_1":1`},
		{"rotated within the minute", old, secret.LookInterval - 1, fresh, fresh, ingest.Unauthorized, "no secret makes"},
		{"rotated, and not to be had", old, secret.LookInterval, "", fresh, ingest.Unavailable, "fetch the secret"},
		{"not to be had any more, still known", fresh, time.Hour, "", fresh, ingest.Accepted, `"matched_secret_1":1`},
		{"never to be had", "", 0, "", fresh, ingest.Unavailable, "fetch the secret"},
		{"not filled in", "\n", 0, "\n", fresh, ingest.Unavailable, "not filled in"},
		{"not of the known form", `{"secrets": "` + fresh + `"`, 0, fresh, fresh, ingest.Unavailable, "known form"},
		{"there at last", "", secret.LookInterval, fresh, fresh, ingest.Accepted, `"matched_secret_1":1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				keep := func(text string) {
					delete(b.before, "look")
					if b.vault = text; text == "" {
						b.before["look"] = fail(errDown)
					}
				}
				keep(tt.before)
				_, _ = b.Secrets.Get(b.Context()) // some request before
				time.Sleep(tt.pass)
				keep(tt.now)
				reply := b.handle(signedWith(tt.key, revision, time.Now()))
				if reply.Status != tt.want {
					b.Errorf("%+v, want %s", reply, tt.want)
				}
				if !strings.Contains(b.log.String(), tt.logs) {
					b.Errorf("the log lacks %s: %s", tt.logs, b.log.String())
				}
				if reply.Status == ingest.Unavailable && (reply.RetryAfter < time.Second || len(b.ledgerCalls()) > 0) {
					b.Errorf("%+v, calls %v", reply, b.calls)
				}
			})
		})
	}
}
