package sqlite

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
)

func TestWait(t *testing.T) {
	tests := []struct {
		name   string
		before func(t *testing.T, engine *Engine)
		// meanwhile happens one second after the wait began.
		meanwhile func(t *testing.T, engine *Engine)
		takes     time.Duration
		want      error
	}{
		{name: "a message that is there ends it at once", before: sends(queue.Slack, "one")},
		{name: "a message that is sent ends it", meanwhile: sends(queue.Slack, "one"), takes: time.Second},
		{name: "the end of a delay ends it", before: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			defers(t, engine, 7*time.Second)
		}, takes: 7 * time.Second},
		{name: "the end of a delay that is longer than its longest pause ends it", before: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			defers(t, engine, 10*longestPause+time.Second)
		}, takes: 10*longestPause + time.Second},
		{name: "a message of a group that is in flight does not", before: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one", "two")
			defers(t, engine, time.Minute)
		}, takes: time.Minute},
		{name: "a deletion that frees the group does", before: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one", "two")
			mustReceive(t, engine, queue.Slack, "one")
		}, meanwhile: func(t *testing.T, engine *Engine) {
			if err := engine.Queues.Delete(t.Context(), queue.Slack, "1.1"); err != nil {
				t.Error(err)
			}
		}, takes: time.Second},
		{name: "another queue's message does not, the context's end does", meanwhile: sends(queue.Digest, "one"),
			takes: waitLimit, want: context.DeadlineExceeded},
		{name: "Close ends it", meanwhile: func(t *testing.T, engine *Engine) {
			if err := engine.Close(); err != nil {
				t.Error(err)
			}
		}, takes: time.Second, want: ErrClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				engine := openTest(t, t.TempDir(), time.Now)
				if test.before != nil {
					test.before(t, engine)
				}
				wait := func(ctx context.Context) error { return engine.Queues.Wait(ctx, queue.Slack) }
				took, err := timed(t, wait, func() {
					if test.meanwhile != nil {
						test.meanwhile(t, engine)
					}
				})
				if !errors.Is(err, test.want) {
					t.Errorf("Wait returned %v, want %v", err, test.want)
				}
				if took != test.takes {
					t.Errorf("Wait took %s, want %s", took, test.takes)
				}
			})
		})
	}
}

// waitLimit is the waits' own deadline.
const waitLimit = time.Hour

// timed returns what wait returned, and after how long; meanwhile happens one second after it began.
func timed(t *testing.T, wait func(context.Context) error, meanwhile func()) (took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	began := time.Now()
	ended := make(chan struct{})
	go func() {
		err = wait(ctx)
		took = time.Since(began)
		close(ended)
	}()
	time.Sleep(time.Second)
	meanwhile()
	<-ended
	return took, err
}

func sends(name queue.Name, body string) func(*testing.T, *Engine) {
	return func(t *testing.T, engine *Engine) { mustSend(t, engine, name, body) }
}

// defers receives the message "one" and hides it for d.
func defers(t *testing.T, engine *Engine, d time.Duration) {
	t.Helper()
	received := mustReceive(t, engine, queue.Slack, "one")
	if err := engine.Queues.ChangeVisibility(t.Context(), queue.Slack, received.Handle, d); err != nil {
		t.Fatal(err)
	}
}
