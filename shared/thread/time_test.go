package thread_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/fault"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/thread"
	"revento-alerts/shared/worker"
)

// timed is a bench whose clock is the test's own, and whose posts are a second apart.
func timed(t *testing.T, f func(b *bench, took func(func()) time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.Now = time.Now
		b.PostInterval = time.Second
		f(b, func(do func()) time.Duration {
			start := time.Now()
			do()
			return time.Since(start)
		})
	})
}

func TestPacing(t *testing.T) {
	timed(t, func(b *bench, took func(func()) time.Duration) {
		for _, step := range []struct {
			event string
			want  time.Duration
			why   string
		}{
			{"flag@2", time.Second, "a post holds the channel"},
			{"flag@2", 0, "a duplicate holds nothing"},
			{"submit@3", time.Second, "a reply holds the channel"},
			{"submit@1", time.Second, "a late reply holds the channel"},
			{"submit@1", 0, "a duplicate reply holds nothing"},
		} {
			if got := took(func() { b.mustWork(step.event) }); got != step.want {
				b.Errorf("%s: it took %s, want %s", step.why, got, step.want)
			}
		}
	})
}

func TestWhatIsNotPostedHoldsNothing(t *testing.T) {
	timed(t, func(b *bench, took func(func()) time.Duration) {
		if got := took(func() { b.mustWork("approve@2"); b.mustWork("flag@1") }); got != 0 {
			b.Errorf("noted and superseded took %s", got)
		}
		b.slack.postErr = failed(fault.Throttled)
		if got := took(func() { _, _ = b.work(event(b, "flag@3")) }); got != 0 {
			b.Errorf("a post that failed took %s", got)
		}
	})
}

func TestTheIntervalCountsFromThePost(t *testing.T) {
	timed(t, func(b *bench, took func(func()) time.Duration) {
		b.mustWork("flag@1")
		b.Slack = slow{Slack: b.slack, update: 400 * time.Millisecond}
		if got := took(func() { b.mustWork("submit@2") }); got != time.Second {
			b.Errorf("with an update of 400ms it took %s", got)
		}
		b.Slack = slow{Slack: b.slack, update: 1400 * time.Millisecond}
		if got := took(func() { b.mustWork("submit@3") }); got != 1400*time.Millisecond {
			b.Errorf("with an update of 1.4s it took %s", got)
		}
	})
}

// slow takes its time to update.
type slow struct {
	thread.Slack
	update time.Duration
}

func (s slow) Update(ctx context.Context, in, ts string, message thread.Message) error {
	time.Sleep(s.update)
	return s.Slack.Update(ctx, in, ts, message)
}

func TestTheInvocationsEndEndsTheHold(t *testing.T) {
	timed(t, func(b *bench, took func(func()) time.Duration) {
		b.PostInterval = thread.MaxPostInterval
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Second)
		defer cancel()
		got := took(func() {
			if outcome, err := b.workUnder(ctx, event(b, "flag@1")); outcome != worker.Sent || err != nil {
				b.Errorf("%s, %v", outcome, err)
			}
		})
		if got != 2*time.Second {
			b.Errorf("it took %s", got)
		}
	})
}

func TestEachCallOfSlackIsBounded(t *testing.T) {
	timed(t, func(b *bench, took func(func()) time.Duration) {
		b.Slack = hanging{}
		got := took(func() {
			if _, err := b.work(event(b, "flag@1")); !errors.Is(err, context.DeadlineExceeded) {
				b.Errorf("Slack hangs: %v", err)
			}
		})
		if got != thread.CallTimeout {
			b.Errorf("it took %s", got)
		}
	})
}

// hanging answers nothing.
type hanging struct{}

func (hanging) Post(ctx context.Context, _, _ string, _ thread.Message) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func (hanging) Update(ctx context.Context, _, _ string, _ thread.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) Find(ctx context.Context, _ thread.Search) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestTheFunctionsTimeHoldsAllThatAnInvocationMayDo(t *testing.T) {
	lookUpPostUpdate := 3 * thread.CallTimeout
	if sum := thread.MaxPostInterval + lookUpPostUpdate; sum >= thread.FunctionTimeout {
		t.Errorf("hold, look-up, post and update may take %s of %s", sum, thread.FunctionTimeout)
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
