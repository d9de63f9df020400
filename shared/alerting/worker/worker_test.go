package worker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

// start is when the tests' own time begins.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	canary      = "CANARY"
	maxAlertAge = time.Hour
	visibility  = 90 * time.Second
)

// work is a task that is one function.
type work func(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error)

func (w work) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	return w(ctx, event, line)
}

func ends(outcome worker.Outcome, err error) work {
	return func(_ context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
		if outcome == worker.Sent {
			worker.Told(event, event.ReceivedAt, line)
		}
		return outcome, err
	}
}

// queues are memory's, with faults.
type queues struct {
	*memory.Queues
	sendErr, deferErr error
	hiddenFor         time.Duration // by the last change of visibility
}

func (q *queues) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	if q.sendErr != nil {
		return q.sendErr
	}
	return q.Queues.Send(ctx, name, message)
}

func (q *queues) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	if q.deferErr != nil {
		return q.deferErr
	}
	q.hiddenFor = d
	return q.Queues.ChangeVisibility(ctx, name, handle, d)
}

// bench is a worker of the slack queue and all that it touches.
type bench struct {
	*testing.T
	worker.Worker
	queues *queues
	log    bytes.Buffer
}

// test runs f in its own time, which begins with the year 2000.
func test(t *testing.T, task work, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, queues: &queues{Queues: memory.NewQueues(time.Now)}}
		b.Worker = worker.Worker{
			Queue: queue.Slack, Unit: "alert", Chore: worker.Alerts(task), Queues: b.queues, MaxAge: maxAlertAge,
			Log: telemetry.New(&b.log, telemetry.Options{Stack: "prod"}), Now: time.Now,
		}
		f(b)
	})
}

// queued puts a message into the queue that was queued for some time already.
func (b *bench) queued(age time.Duration) {
	b.Helper()
	body := []byte(`{"type":"application.approved","occurred_at":"1999-12-31T23:59:50Z","data":{"id":"app_1","name":"CANARY"}}`)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().Add(-age)
	delivery := handoff.Delivery{
		ID: "delivery-1", Envelope: envelope, Identity: envelope.Identity(body), SignedAt: now, ReceivedAt: now, Body: body,
	}
	destination := route.Destination{Kind: route.Slack, Channel: "C0111", Severity: route.Info}
	message, err := handoff.New("prod", delivery, destination, now).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.send(message)
}

func (b *bench) send(message queue.Message) {
	b.Helper()
	if err := b.queues.Queues.Send(b.Context(), queue.Slack, message); err != nil {
		b.Fatal(err)
	}
}

// receive takes the next message, which must be there.
func (b *bench) receive(name queue.Name) queue.Received {
	b.Helper()
	received, ok, err := b.queues.Receive(b.Context(), name, visibility)
	if err != nil || !ok {
		b.Fatalf("no message in %s: %v", name, err)
	}
	return received
}

// handle works on the next message as Lambda does: what is done is deleted.
func (b *bench) handle() (done bool) {
	b.Helper()
	received := b.receive(queue.Slack)
	done = b.Handle(b.Context(), received)
	if done {
		if err := b.queues.Delete(b.Context(), queue.Slack, received.Handle); err != nil {
			b.Error(err)
		}
	}
	return done
}

// hidden is for how many seconds the queue's message is not seen.
func (b *bench) hidden() time.Duration {
	b.Helper()
	for start := time.Now(); time.Since(start) <= queue.MaxVisibility; time.Sleep(time.Second) {
		if _, ok, _ := b.queues.Receive(b.Context(), queue.Slack, 0); ok {
			return time.Since(start)
		}
	}
	b.Fatal("the message does not come again")
	return 0
}

// dead lists the reasons under which messages lie in the dead-letter queue.
func (b *bench) dead() []string {
	b.Helper()
	var reasons []string
	for {
		parked, ok, err := b.queues.Receive(b.Context(), b.Queue.DeadLetter(), visibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return reasons
		}
		reasons = append(reasons, parked.Attributes[queue.AttributeReason])
	}
}

func TestWhatEndsWellIsDone(t *testing.T) {
	for _, outcome := range []worker.Outcome{worker.Sent, worker.Duplicate, worker.Superseded, worker.Noted} {
		t.Run(string(outcome), func(t *testing.T) {
			test(t, ends(outcome, nil), func(b *bench) {
				b.queued(0)
				if !b.handle() {
					b.Error("it is not done")
				}
				if !strings.Contains(b.log.String(), `"outcome":"`+string(outcome)+`"`) {
					b.Errorf("the log: %s", b.log.String())
				}
				if measured := strings.Contains(b.log.String(), "latency_from_receipt"); measured != (outcome == worker.Sent) {
					b.Errorf("latency measured: %v", measured)
				}
			})
		})
	}
}

func TestWhenAFailedMessageComesAgain(t *testing.T) {
	throttled := func(retryAfter time.Duration) error {
		return &fault.Error{Class: fault.Throttled, Op: "post", Reason: "ratelimited", RetryAfter: retryAfter}
	}
	failed := func(class fault.Class) error { return &fault.Error{Class: class, Op: "post", Reason: "x"} }
	const s = time.Second
	tests := []struct {
		name        string
		err         error
		receives    int
		age         time.Duration // since it was first received
		least, most time.Duration
	}{
		{"transient, first time", failed(fault.Transient), 1, 0, 1 * s, 2 * s},
		{"nobody classified it", errors.New("x"), 1, 0, 1 * s, 2 * s},
		{"transient, second time", failed(fault.Transient), 2, 0, 2 * s, 4 * s},
		{"transient, fifth time", failed(fault.Transient), 5, 0, 16 * s, 32 * s},
		{"transient, at the longest backoff", failed(fault.Transient), 8, 0, 60 * s, 120 * s},
		{"transient, two hundredth time", failed(fault.Transient), 200, 0, 60 * s, 120 * s},
		{"transient, four hundredth time: ever more seldom", failed(fault.Transient), 400, 0, 182 * s, 183 * s},
		{"the provider names a time for what is transient", &fault.Error{RetryAfter: 40 * s}, 1, 0, 40 * s, 40 * s},
		{"the provider names a time for what is unknown", &fault.Error{Class: fault.Unknown, RetryAfter: 40 * s}, 1, 0, 40 * s, 40 * s},
		{"the provider names a shorter one", &fault.Error{Class: fault.Unknown, RetryAfter: 4 * s}, 1, 0, 10 * s, 10 * s},
		{"unknown: soon, however often", failed(fault.Unknown), 9, 0, 10 * s, 10 * s},
		{"throttled: as the provider asks", throttled(45 * s), 1, 0, 45 * s, 45 * s},
		{"throttled, in fractions: rounded up", throttled(1200 * time.Millisecond), 1, 0, 2 * s, 2 * s},
		{"throttled, no time named", throttled(0), 1, 0, 30 * s, 30 * s},
		{"throttled past the remaining age: as the provider asks", throttled(45 * s), 1, maxAlertAge - 7*s, 45 * s, 45 * s},
		{"unknown past the remaining age", failed(fault.Unknown), 1, maxAlertAge - 3*s, 3 * s, 3 * s},
		{"with a moment left", failed(fault.Unknown), 1, maxAlertAge - 1, 1 * s, 1 * s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, ends("", tt.err), func(b *bench) {
				b.queued(0)
				received := b.receive(queue.Slack)
				received.Receives, received.FirstReceivedAt = tt.receives, start.Add(-tt.age)
				if b.Handle(b.Context(), received) {
					b.Error("it is done")
				}
				if hidden := b.hidden(); hidden < tt.least || hidden > tt.most {
					b.Errorf("it comes again after %s, want %s to %s", hidden, tt.least, tt.most)
				}
				if dead := b.dead(); dead != nil {
					b.Errorf("parked: %q", dead)
				}
			})
		})
	}
}

func TestNoMessageIsHiddenForLongerThanTheQueueAllows(t *testing.T) {
	asked := &fault.Error{Class: fault.Throttled, Op: "post", Reason: "ratelimited", RetryAfter: 24 * time.Hour}
	test(t, ends("", asked), func(b *bench) {
		b.MaxAge = 96 * time.Hour
		b.queued(0)
		b.handle()
		if hidden := b.hidden(); hidden != 11*time.Hour+45*time.Minute { // SQS counts its twelve from the receipt
			b.Errorf("it comes again after %s", hidden)
		}
	})
}

func TestAFailureToDeferLeavesTheQueuesOwnVisibility(t *testing.T) {
	test(t, ends("", errors.New("x")), func(b *bench) {
		b.queues.deferErr = errors.New("defer is down")
		b.queued(0)
		if b.handle() {
			b.Error("it is done")
		}
		if hidden := b.hidden(); hidden != visibility {
			b.Errorf("it comes again after %s", hidden)
		}
		if !strings.Contains(b.log.String(), "defer is down") {
			b.Errorf("the log: %s", b.log.String())
		}
	})
}

func TestBackoffIsSpreadSoThatMessagesDoNotComeAgainTogether(t *testing.T) {
	test(t, ends("", errors.New("x")), func(b *bench) {
		b.queued(0)
		received := b.receive(queue.Slack)
		received.Receives = 8
		seen := map[string]bool{}
		for range 20 {
			b.log.Reset()
			b.Handle(b.Context(), received)
			_, delay, _ := strings.Cut(b.log.String(), "retry_in_ms")
			seen[delay[:8]] = true
		}
		if len(seen) < 2 {
			b.Errorf("twenty failures had the delays %v", seen)
		}
	})
}

func TestTheTaskLeavesTimeToSettle(t *testing.T) {
	hang := func(ctx context.Context, _ handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	test(t, hang, func(b *bench) {
		b.queued(0)
		ctx, cancel := context.WithTimeout(b.Context(), 15*time.Second)
		defer cancel()
		start := time.Now()
		if b.Handle(ctx, b.receive(queue.Slack)) {
			b.Error("it is done")
		}
		if took := time.Since(start); took != 13*time.Second {
			b.Errorf("the task had %s of 15s", took)
		}
		if hidden := b.hidden(); hidden > 2*time.Second {
			b.Errorf("deferring failed: it comes again after %s", hidden)
		}
	})
}

func TestTheEventReachesTheTaskAsItWasSigned(t *testing.T) {
	var got handoff.Event
	task := func(_ context.Context, event handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
		got = event
		return worker.Sent, nil
	}
	test(t, task, func(b *bench) {
		b.queued(0)
		b.handle()
		want := time.Date(1999, 12, 31, 23, 59, 50, 0, time.UTC)
		if diff := cmp.Diff(want, got.Order.OccurredAt); diff != "" {
			b.Error(diff)
		}
		if got.Envelope.ResourceID() != "app_1" || got.Channel != "C0111" {
			b.Errorf("the task got %+v", got)
		}
	})
}
