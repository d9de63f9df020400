package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

// inTurn ends as it is told, one outcome after another.
func inTurn(outcomes ...worker.Outcome) work {
	return func(context.Context, handoff.Event, *telemetry.Line) (worker.Outcome, error) {
		outcome := outcomes[0]
		outcomes = outcomes[1:]
		return outcome, nil
	}
}

func outcomeOf(log string) string {
	_, rest, _ := strings.Cut(log, `"outcome":"`)
	outcome, _, _ := strings.Cut(rest, `"`)
	return outcome
}

// A message that was dealt with hides its line for the pause, while the worker is free.
func TestALineIsPacedByWhatIsHidden(t *testing.T) {
	const pause = 3 * time.Second
	for _, called := range []worker.Outcome{worker.Sent, worker.Updated} {
		t.Run(string(called), func(t *testing.T) {
			test(t, inTurn(called, worker.Duplicate, worker.Sent), func(b *bench) {
				b.Pause = pause
				b.queued(0)
				b.send(queue.Message{Body: "behind it", Group: "C0111", DeduplicationID: "2"})
				if b.handle() {
					b.Error("it is done, and the next one comes at once")
				}
				if !time.Now().Equal(start) {
					b.Errorf("the worker waited for %s", time.Since(start))
				}
				time.Sleep(pause - 1)
				if _, visible, _ := b.queues.Receive(b.Context(), queue.Slack, 0); visible {
					b.Error("the line was not left alone for the pause")
				}
				time.Sleep(time.Nanosecond)
				b.log.Reset()
				if !b.handle() {
					b.Error("it is not done")
				}
				if got := outcomeOf(b.log.String()); got != "done" {
					b.Errorf("it ends as %q, which counts it again", got)
				}
				if next := b.receive(queue.Slack); next.Body != "behind it" {
					b.Errorf("the next message is %q", next.Body)
				}
			})
		})
	}
}

func TestAPauseIsInWholeSecondsRoundedUp(t *testing.T) {
	for pause, want := range map[time.Duration]time.Duration{
		time.Millisecond: time.Second, 500 * time.Millisecond: time.Second, time.Second: time.Second, 1500 * time.Millisecond: 2 * time.Second,
	} {
		test(t, ends(worker.Sent, nil), func(b *bench) {
			b.Pause = pause
			b.queued(0)
			b.handle()
			if got := b.hidden(); got != want {
				b.Errorf("a pause of %s is one of %s, want %s", pause, got, want)
			}
		})
	}
}

func TestWhatIsNotPacedIsDoneAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outcome worker.Outcome
		pause   time.Duration
	}{
		{"sent, without a pause", worker.Sent, 0},
		{"a duplicate", worker.Duplicate, time.Second},
		{"superseded", worker.Superseded, time.Second},
		{"noted", worker.Noted, time.Second},
		{"of a deleted connection", worker.Deleted, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			test(t, ends(tt.outcome, nil), func(b *bench) {
				b.Pause = tt.pause
				b.queued(0)
				if !b.handle() {
					b.Error("it is not done")
				}
			})
		})
	}
}

func TestALineThatCannotBePacedGoesOn(t *testing.T) {
	test(t, ends(worker.Sent, nil), func(b *bench) {
		b.Pause = time.Second
		b.queues.deferErr = errors.New("defer is down")
		b.queued(0)
		if !b.handle() {
			b.Error("it is not done: its line is closed for as long as a function may take")
		}
	})
}

func TestADuplicateUnderAnotherMessageIsADuplicate(t *testing.T) {
	test(t, ends(worker.Duplicate, nil), func(b *bench) {
		b.queued(0)
		b.handle()
		if got := outcomeOf(b.log.String()); got != string(worker.Duplicate) {
			b.Errorf("it ends as %q", got)
		}
	})
}

// Work that goes on after a time is no failure: its message is hidden for as long, however old it is, and no line of the log warns.
func TestWorkThatIsPacedGoesOnLater(t *testing.T) {
	test(t, ends("", fmt.Errorf("read: %w", worker.Paced{Wait: 75 * time.Second})), func(b *bench) {
		b.queued(0)
		for range 5 {
			b.log.Reset()
			if b.handle() || b.dead() != nil {
				b.Fatal("it was ended")
			}
			if got := b.hidden(); got != 75*time.Second {
				b.Errorf("it comes again after %s", got)
			}
			if log := b.log.String(); outcomeOf(log) != "paced" || strings.Contains(log, `"WARN"`) {
				b.Errorf("the line: %s", log)
			}
			time.Sleep(maxAlertAge)
		}
	})
}

func TestWorkThatIsPacedForEverIsParked(t *testing.T) {
	test(t, ends("", worker.Paced{}), func(b *bench) {
		b.queued(0)
		received := b.receive(queue.Slack)
		received.Receives = 899
		if !b.Handle(b.Context(), received) {
			b.Error("it is not done")
		}
		if diff := cmp.Diff([]string{"max_receives: paced"}, b.dead()); diff != "" {
			b.Error(diff)
		}
	})
}

// fate plays a message's receipts until it is done with, and returns how many there were and how long it took.
func (b *bench) fate() (receives int, took time.Duration) {
	b.Helper()
	for {
		received := b.receive(b.Queue)
		if b.Handle(b.Context(), received) {
			return received.Receives, time.Since(start)
		}
		time.Sleep(b.queues.hiddenFor)
	}
}

// chore is one whose every receipt ends alike.
type chore struct {
	outcome worker.Outcome
	err     error
}

func (c chore) Open(queue.Message, *telemetry.Line) (worker.Job, error) {
	return worker.Job{Do: func(context.Context, *telemetry.Line) (worker.Outcome, error) { return c.outcome, c.err }}, nil
}

// Whatever delays it, a message is tried for as long as it may be, and parked with its reason before the queue drops it.
func TestEveryMessageIsParkedWithItsReasonBeforeTheQueueGivesUp(t *testing.T) {
	const most = 900
	throttledFor := func(pause time.Duration) error {
		return &fault.Error{Class: fault.Throttled, Op: "post", Reason: "ratelimited", RetryAfter: pause}
	}
	type kind struct {
		name    string
		queue   queue.Name
		maxAge  time.Duration
		outcome worker.Outcome
		err     error
		reason  string
		// lasts is how long it is tried.
		lasts time.Duration
	}
	kinds := []kind{
		{"throttled for days, a second at a time", queue.Slack, time.Hour, "", throttledFor(time.Second), "queue_retention: ratelimited", 13 * 24 * time.Hour},
		{"throttled for days, a minute at a time", queue.Slack, time.Hour, "", throttledFor(time.Minute), "queue_retention: ratelimited", 13 * 24 * time.Hour},
		{"a purge that is never finished", queue.Purge, queue.Purge.Entry().MaxAge, worker.Unfinished, nil, "max_receives: unfinished", 0},
	}
	for _, entry := range queue.Table {
		name, ages := entry.Name, []time.Duration{entry.MaxAge}
		if entry.MaxAge == 0 { // the setting's
			ages = []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 96 * time.Hour}
		}
		for _, age := range ages {
			kinds = append(kinds,
				kind{"answers lost every 10 s", name, age, "", failed(fault.Unknown, "timeout"), "max_alert_age: timeout", age},
				kind{"transient", name, age, "", failed(fault.Transient, "http_500"), "max_alert_age: http_500", age},
				kind{"transient, every second", name, age, "", &fault.Error{Reason: "http_503", RetryAfter: time.Second}, "max_alert_age: http_503", age})
		}
	}
	for _, k := range kinds {
		t.Run(fmt.Sprintf("%s %s %s", k.queue, k.maxAge, k.name), func(t *testing.T) {
			t.Parallel()
			test(t, nil, func(b *bench) {
				b.Queue, b.Chore, b.MaxAge, b.Pause = k.queue, chore{k.outcome, k.err}, k.maxAge, time.Second
				message := queue.Message{Body: "x"}
				if k.queue.IsFIFO() {
					message.Group, message.DeduplicationID = "C0111", "1"
				}
				if err := b.queues.Queues.Send(b.Context(), k.queue, message); err != nil {
					b.Fatal(err)
				}
				receives, took := b.fate()
				if receives > most || took < k.lasts || took > k.lasts+12*time.Hour {
					b.Errorf("%d receipts in %s", receives, took)
				}
				if diff := cmp.Diff([]string{k.reason}, b.dead()); diff != "" {
					b.Error(diff)
				}
				b.Logf("%d receipts in %s", receives, took)
			})
		})
	}
}

// A function that dies at every receipt tells nobody why.
func TestAMessageWhoseEveryReceiptDiesIsParkedWithoutAnotherTry(t *testing.T) {
	test(t, func(context.Context, handoff.Event, *telemetry.Line) (worker.Outcome, error) {
		t.Error("it was tried again")
		return worker.Sent, nil
	}, func(b *bench) {
		b.queued(0)
		received := b.receive(queue.Slack)
		received.Receives = 900
		if !b.Handle(b.Context(), received) {
			b.Error("it is not done")
		}
		if diff := cmp.Diff([]string{"max_receives: died"}, b.dead()); diff != "" {
			b.Error(diff)
		}
	})
}
