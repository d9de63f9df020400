package thread_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

// timed is a bench whose clock is the test's own.
func timed(t *testing.T, f func(b *bench, took func(func()) time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.Now = time.Now
		f(b, func(do func()) time.Duration {
			start := time.Now()
			do()
			return time.Since(start)
		})
	})
}

func TestEachCallOfSlackIsBounded(t *testing.T) {
	for _, tt := range []struct {
		call    string
		prepare func(b *bench)
		want    time.Duration
	}{
		{"post", func(*bench) {}, thread.PostTimeout},
		{"find", func(b *bench) {
			b.slack.losePost()
			if _, err := b.work(event(b, "submit@2")); !fault.Has(err, fault.Unknown) {
				b.Fatal(err)
			}
		}, thread.FindTimeout},
		{"update", func(b *bench) { b.mustWork("flag@1") }, thread.UpdateTimeout},
	} {
		t.Run(tt.call, func(t *testing.T) {
			timed(t, func(b *bench, took func(func()) time.Duration) {
				tt.prepare(b)
				b.Slack = hanging{b.slack, tt.call}
				got := took(func() {
					if _, err := b.work(event(b, "submit@2")); !errors.Is(err, context.DeadlineExceeded) {
						b.Errorf("it hangs: %v", err)
					}
				})
				if got != tt.want {
					b.Errorf("it took %s", got)
				}
			})
		})
	}
}

// hanging does not answer one kind of call.
type hanging struct {
	*slack
	call string
}

func (h hanging) Post(ctx context.Context, channel, under string, message thread.Message) (string, error) {
	if h.call == "post" {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return h.slack.Post(ctx, channel, under, message)
}

func (h hanging) Update(ctx context.Context, channel, ts string, message thread.Message) error {
	if h.call == "update" {
		<-ctx.Done()
		return ctx.Err()
	}
	return h.slack.Update(ctx, channel, ts, message)
}

func (h hanging) Find(ctx context.Context, search thread.Search) (string, error) {
	if h.call == "find" {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return h.slack.Find(ctx, search)
}

func TestTheFunctionsTimeHoldsAllThatAnInvocationMayDo(t *testing.T) {
	limit := queue.Slack.Entry().Timeout
	if sum := thread.FindTimeout + thread.PostTimeout + thread.UpdateTimeout + worker.SettleReserve; sum >= limit {
		t.Errorf("look-up, post, update and settling may take %s of %s", sum, limit)
	}
}

// A past fault: the pause after a post counted as latency.
func TestLatencyEndsWithThePost(t *testing.T) {
	timed(t, func(b *bench, _ func(func()) time.Duration) {
		var log bytes.Buffer
		e := event(b, "flag@1")
		e.ReceivedAt = time.Now().Add(-3 * time.Second)
		line := telemetry.New(&log, telemetry.Options{}).Begin("alert")
		if _, err := b.Work(b.Context(), e, line); err != nil {
			b.Fatal(err)
		}
		line.End(b.Context())
		if !strings.Contains(log.String(), `"latency_from_receipt":3000,`) {
			b.Errorf("the line: %s", log.String())
		}
	})
}
