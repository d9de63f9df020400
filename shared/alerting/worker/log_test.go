package worker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/golden"
)

func TestLogLines(t *testing.T) {
	throttled := &fault.Error{Class: fault.Throttled, Op: "post to Slack", Reason: "ratelimited", RetryAfter: 30 * time.Second}
	refused := &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: "channel_not_found", Err: errors.New("cause")}
	revoked := &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: "token_revoked", Credential: true}
	tests := []struct {
		golden string
		task   work
	}{
		{"sent.json", ends(worker.Sent, nil)},
		{"superseded.json", ends(worker.Superseded, nil)},
		{"retried.json", ends("", throttled)},
		{"parked.json", ends("", refused)},
		{"credential.json", ends("", revoked)},
	}
	for _, tt := range tests {
		t.Run(tt.golden, func(t *testing.T) {
			test(t, tt.task, func(b *bench) {
				b.queued(0)
				b.handle()
				wantGolden(b, tt.golden)
			})
		})
	}
	t.Run("unreadable.json", func(t *testing.T) {
		test(t, ends(worker.Sent, nil), func(b *bench) {
			b.send(queue.Message{Body: `{"` + canary + `":1}`, Group: "C0111", DeduplicationID: "1"})
			b.handle()
			wantGolden(b, "unreadable.json")
		})
	})
}

func wantGolden(b *bench, name string) {
	b.Helper()
	got := b.log.String()
	if strings.Contains(got, canary) {
		b.Errorf("the line holds personal data: %s", got)
	}
	golden.Want(b.T, name, got)
}
