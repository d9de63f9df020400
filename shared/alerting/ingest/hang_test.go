package ingest_test

import (
	"context"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

var allCalls = []string{"look", "claim", "send to slack", "send to pagerduty", "mark", "release", "note"}

func TestTheAnswerComesInTimeWhateverHangs(t *testing.T) {
	tests := []struct {
		name  string
		body  string
		hangs []string
		want  ingest.Status
	}{
		{"the secret", revision, []string{"look"}, ingest.Unavailable},
		{"the ledger", revision, []string{"claim", "mark", "release"}, ingest.Unavailable},
		{"a claim alone", revision, []string{"claim"}, ingest.Unavailable},
		{"one queue", revision, []string{"send to slack"}, ingest.Unavailable},
		{"the other queue", revision, []string{"send to pagerduty"}, ingest.Unavailable},
		{"both queues", revision, []string{"send to slack", "send to pagerduty"}, ingest.Unavailable},
		{"a queue and the release", revision, []string{"send to slack", "release"}, ingest.Unavailable},
		{"the mark: it is in the queues", revision, []string{"mark"}, ingest.Accepted},
		{"the note: there is nothing else to do", submitted, []string{"note"}, ingest.Ignored},
		{"everything", revision, allCalls, ingest.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				for _, name := range tt.hangs {
					b.before[name] = hang
				}
				start := time.Now()
				reply := b.handle(signed(tt.body))
				if took := time.Since(start); took >= ingest.Budget {
					b.Errorf("the answer took %s", took)
				}
				if reply.Status != tt.want {
					b.Errorf("%+v, want %s", reply, tt.want)
				}
			})
		})
	}
}

func TestWhereEveryCallTakesNearlyAllItsTimeTheAnswerStillComesInTime(t *testing.T) {
	test(t, func(b *bench) {
		for _, name := range allCalls {
			b.after[name] = func(ctx context.Context) error {
				deadline, bounded := ctx.Deadline()
				if !bounded {
					b.Errorf("%s has no deadline", name)
				}
				time.Sleep(time.Until(deadline) - time.Millisecond)
				return nil
			}
		}
		start := time.Now()
		if reply := b.handle(signed(revision)); reply.Status != ingest.Accepted {
			b.Errorf("%+v", reply)
		}
		if took := time.Since(start); took >= ingest.Budget {
			b.Errorf("the answer took %s", took)
		}
	})
}

func TestACallerWhoHasLessTimeIsAnsweredInIt(t *testing.T) {
	test(t, func(b *bench) {
		b.before["claim"] = hang
		ctx, cancel := context.WithTimeout(b.Context(), 500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if reply := b.Handle(ctx, signed(revision)); reply.Status != ingest.Unavailable {
			b.Errorf("%+v", reply)
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			b.Errorf("the answer took %s", took)
		}
	})
}
