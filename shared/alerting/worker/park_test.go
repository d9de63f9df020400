package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

func failed(class fault.Class, reason string) error {
	return &fault.Error{Class: class, Op: "post", Reason: reason}
}

func TestWhatIsParkedAndWhy(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		age    time.Duration // since it was first received
		reason string        // or "" for: comes again
	}{
		{"permanent, at once", failed(fault.Permanent, "channel_not_found"), 0, "channel_not_found"},
		{"permanent, behind another", errors.Join(errors.New("x"), failed(fault.Permanent, "no_text")), 0, "no_text"},
		{"permanent, past the maximum age", failed(fault.Permanent, "channel_not_found"), 2 * maxAlertAge, "channel_not_found"},
		{"transient, just inside the maximum age", failed(fault.Transient, "http_500"), maxAlertAge - 1, ""},
		{"transient, at the maximum age", failed(fault.Transient, "http_500"), maxAlertAge, "max_alert_age: http_500"},
		{"throttled, past the maximum age", failed(fault.Throttled, "ratelimited"), maxAlertAge + time.Hour, ""},
		{"throttled, a day before the queue would drop it", failed(fault.Throttled, "ratelimited"), queue.Retention - 24*time.Hour,
			"queue_retention: ratelimited"},
		{"tried for long, received just now", worker.Since(start.Add(-maxAlertAge), failed(fault.Transient, "http_500")), 0, "max_alert_age: http_500"},
		{"received long ago, tried since just now", worker.Since(start.Add(-1), failed(fault.Transient, "http_500")), 2 * maxAlertAge, ""},
		{"unknown, past the maximum age", failed(fault.Unknown, "timeout"), maxAlertAge, "max_alert_age: timeout"},
		{"not classified, past the maximum age", errors.New("x"), maxAlertAge, "max_alert_age: unclassified"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, ends("", tt.err), func(b *bench) {
				b.queued(0)
				var want []string
				if tt.reason != "" {
					want = []string{tt.reason}
				}
				received := b.receive(queue.Slack)
				received.SentAt, received.FirstReceivedAt = start.Add(-tt.age), start.Add(-tt.age)
				if done := b.Handle(b.Context(), received); done != (want != nil) {
					b.Errorf("done: %v", done)
				}
				if diff := cmp.Diff(want, b.dead()); diff != "" {
					b.Error(diff)
				}
			})
		})
	}
}

// An alert may wait in its line for longer than it may be tried.
func TestAnAlertWhoseFirstAttemptComesLateGetsItsTries(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Unknown} {
		t.Run(class.String(), func(t *testing.T) {
			test(t, ends("", failed(class, "x")), func(b *bench) {
				b.queued(10 * maxAlertAge)
				time.Sleep(10 * maxAlertAge)
				for range 5 {
					if b.handle() || b.dead() != nil {
						b.Fatal("it was parked")
					}
					time.Sleep(visibility)
				}
			})
		})
	}
}

func TestAParkedMessageIsWholeAndSaysWhy(t *testing.T) {
	test(t, ends("", failed(fault.Permanent, "channel_not_found")), func(b *bench) {
		b.queued(0)
		source := b.receive(queue.Slack)
		b.Handle(b.Context(), source)
		parked := b.receive(queue.Slack.DeadLetter())
		want := queue.Message{
			Body: source.Body, Group: source.ID, DeduplicationID: source.ID,
			Attributes: map[string]string{
				handoff.AttributeDeliveryID: "delivery-1",
				queue.AttributeReason:       "channel_not_found",
				queue.AttributeParkedAt:     "2000-01-01T00:00:00Z",
			},
		}
		if diff := cmp.Diff(want, parked.Message); diff != "" {
			b.Error(diff)
		}
	})
}

// parker is a chore that has to know what is parked.
type parker struct {
	worker.Chore
	parked []string
	err    error
}

func (p *parker) Parking(_ context.Context, message queue.Message) error {
	p.parked = append(p.parked, message.Body)
	return p.err
}

func TestAChoreIsToldBeforeItsMessageIsParked(t *testing.T) {
	unreadable := queue.Message{Body: "what nobody wrote", Group: "C0111", DeduplicationID: "1"}
	test(t, ends(worker.Sent, nil), func(b *bench) {
		chore := &parker{Chore: b.Chore, err: errors.New("down")}
		b.Chore = chore
		b.send(unreadable)
		if b.handle() || b.dead() != nil {
			b.Error("it was parked although the chore does not know of it")
		}
		time.Sleep(visibility)
		chore.err = nil
		if !b.handle() || len(b.dead()) != 1 || len(chore.parked) != 2 {
			b.Errorf("the chore was told of %q", chore.parked)
		}
	})
}

func TestOneParkedMessageHidesNoOther(t *testing.T) {
	test(t, ends("", failed(fault.Permanent, "channel_not_found")), func(b *bench) {
		b.send(queue.Message{Body: "one", Group: "C0111", DeduplicationID: "1"})
		b.send(queue.Message{Body: "two", Group: "C0111", DeduplicationID: "2"})
		b.handle()
		b.handle()
		for _, body := range []string{"one", "two"} { // both are in flight at once
			if parked := b.receive(queue.Slack.DeadLetter()); parked.Body != body {
				b.Errorf("%q was received, want %q", parked.Body, body)
			}
		}
	})
}

func TestAMessageThatIsParkedTwiceLiesThereOnce(t *testing.T) {
	unreadable := queue.Message{Body: "what nobody wrote", Group: "C0111", DeduplicationID: "1"}
	test(t, ends(worker.Sent, nil), func(b *bench) {
		b.send(unreadable)
		for range 2 { // the first time, the function dies before the queue hears that it is done
			if !b.Handle(b.Context(), b.receive(queue.Slack)) {
				b.Error("it is not done")
			}
			time.Sleep(visibility)
		}
		if diff := cmp.Diff([]string{"unreadable"}, b.dead()); diff != "" {
			b.Error(diff)
		}
	})
}

func TestUnreadableMessagesNeverReachTheTask(t *testing.T) {
	task := func(context.Context, handoff.Event, *telemetry.Line) (worker.Outcome, error) {
		t.Error("the task was called")
		return worker.Sent, nil
	}
	for name, body := range map[string]string{
		"not JSON":                "x",
		"a body without type":     `{"schema":1,"alert_key":"a","incident_key":"i","body":"e30="}`,
		"a body that is not JSON": `{"schema":1,"alert_key":"a","incident_key":"i","body":"eA=="}`,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, task, func(b *bench) {
				b.send(queue.Message{Body: body, Group: "C0111", DeduplicationID: "1"})
				if !b.handle() {
					b.Error("it is not done")
				}
				if diff := cmp.Diff([]string{"unreadable"}, b.dead()); diff != "" {
					b.Error(diff)
				}
			})
		})
	}
}

// A stack's functions are not all brought up to date at once: what a newer one wrote waits a while for this one's turn.
func TestWhatANewerVersionWroteWaitsForTheUpdate(t *testing.T) {
	test(t, ends(worker.Sent, nil), func(b *bench) {
		b.send(queue.Message{Body: `{"schema":99}`, Group: "C0111", DeduplicationID: "1"})
		for end := time.Now().Add(15 * time.Minute); time.Now().Before(end); time.Sleep(time.Minute) {
			if b.handle() {
				b.Fatal("it is done")
			}
			if parked := b.dead(); len(parked) > 0 {
				b.Fatalf("parked: %q", parked)
			}
		}
		if !b.handle() {
			b.Error("it is not done")
		}
		if diff := cmp.Diff([]string{"newer_version"}, b.dead()); diff != "" {
			b.Error(diff)
		}
	})
}

func TestAMessageThatCannotBeParkedStays(t *testing.T) {
	test(t, ends("", failed(fault.Permanent, "channel_not_found")), func(b *bench) {
		b.queues.sendErr = errors.New("the dead-letter queue is down")
		b.queued(0)
		if b.handle() {
			b.Fatal("it is done, and lost")
		}
		if hidden := b.hidden(); hidden > 2*time.Second {
			b.Errorf("it comes again after %s", hidden)
		}
		b.queues.sendErr = nil
		if !b.handle() {
			b.Error("it is not done")
		}
		if diff := cmp.Diff([]string{"channel_not_found"}, b.dead()); diff != "" {
			b.Error(diff)
		}
	})
}

// Who redrives it must know its group, which the body of what is no hand-off does not tell.
func TestParkedWorkOnAConnectionKeepsItsGroup(t *testing.T) {
	test(t, ends("", failed(fault.Permanent, "x")), func(b *bench) {
		b.Queue = queue.Sync
		if err := b.queues.Send(b.Context(), queue.Sync, queue.Message{Body: "{}", Group: "connection", DeduplicationID: "1"}); err != nil {
			b.Fatal(err)
		}
		b.Handle(b.Context(), b.receive(queue.Sync))
		if parked := b.receive(queue.Sync.DeadLetter()); parked.Attributes[queue.AttributeGroup] != "connection" {
			b.Errorf("%+v", parked.Message)
		}
	})
}
