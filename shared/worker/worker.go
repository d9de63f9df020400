// Package worker works on one message of a queue at a time, and decides what the queue does with a message whose work failed:
// it comes again later, or it is parked in the dead-letter queue with its reason.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"revento-alerts/shared/fault"
	"revento-alerts/shared/handoff"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/telemetry"
)

// Outcome is how the work on a message ended well: a log attribute and a metric.
type Outcome string

// The outcomes.
const (
	Sent       Outcome = "sent"       // the provider took it
	Duplicate  Outcome = "duplicate"  // it had been dealt with before
	Superseded Outcome = "superseded" // something newer is known, so nothing was sent
	Noted      Outcome = "noted"      // nothing to send, but known from now on
	Deleted    Outcome = "deleted"    // of a connection's time before its cutoff, so nothing was sent
	// Unfinished work is not a failure: the time was too short for all of it, and its message comes again at once.
	Unfinished Outcome = "unfinished"
)

// Chore is the rules of one queue.
type Chore interface {
	// Open reads a message and puts into the line what it is about. It returns an error for a message that no version of this
	// program wrote.
	Open(message queue.Message, line *telemetry.Line) (Job, error)
}

// Job is a message that was read.
type Job struct {
	// QueuedAt is the moment from which the message's age counts; zero means when the queue took it.
	QueuedAt time.Time
	// Do does the work. Its error is classified by package fault.
	Do func(ctx context.Context, line *telemetry.Line) (Outcome, error)
}

// Task is the rules of one destination of alerts.
type Task interface {
	// Work deals with an event. Its error is classified by package fault.
	Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (Outcome, error)
}

// Alerts is the chore of a queue that holds hand-offs.
func Alerts(task Task) Chore { return alerts{task} }

type alerts struct{ task Task }

// Open implements Chore.
func (a alerts) Open(message queue.Message, line *telemetry.Line) (Job, error) {
	handedOff, err := handoff.Decode(message.Body)
	if err != nil {
		return Job{}, err
	}
	event, err := handedOff.Open()
	if err != nil {
		return Job{}, err
	}
	line.Set("delivery_id", event.DeliveryID)
	line.Set("alert_key", event.AlertKey)
	do := func(ctx context.Context, line *telemetry.Line) (Outcome, error) { return a.task.Work(ctx, event, line) }
	return Job{QueuedAt: event.QueuedAt, Do: do}, nil
}

// Queues is what a worker needs of the queues.
type Queues interface {
	queue.Sender
	queue.Deferrer
}

// The attributes of a parked message.
const (
	AttributeReason   = "reason"
	AttributeParkedAt = "parked_at"
)

// reasonUnreadable is the reason of a message that no version of this program wrote.
const reasonUnreadable = "unreadable"

// settleReserve is the time kept at the end of an invocation for deferring or parking the message.
const settleReserve = 2 * time.Second

// The delays until a message comes again.
const (
	unknownDelay      = 10 * time.Second // short: what became of the alert is about to be looked up
	throttledDelay    = 30 * time.Second // where the provider names none
	firstBackoff      = 2 * time.Second
	maxBackoff        = 2 * time.Minute
	minimalVisibility = time.Second
	// longestDelay stays under queue.MaxVisibility, which SQS counts from the receipt and not from now.
	longestDelay = queue.MaxVisibility - 15*time.Minute
)

// Worker works on the messages of one queue.
type Worker struct {
	Queue queue.Name
	// Unit is what a message is about, in log lines and metrics: "alert".
	Unit   string
	Chore  Chore
	Queues Queues
	// MaxAge is how long transient failures are tried again, counted from queueing or redrive. It also bounds how long one
	// message can hold up those behind it.
	MaxAge time.Duration
	Log    *telemetry.Logger
	Now    func() time.Time
}

// Handle works on a message and says whether the queue can delete it. A message for which it says no comes again when its
// visibility ends.
func (w *Worker) Handle(ctx context.Context, received queue.Received) (done bool) {
	line := w.Log.Begin(w.Unit)
	defer line.End(ctx)
	line.Dimension("destination", string(w.Queue))
	line.Set("receives", received.Receives)

	job, err := w.Chore.Open(received.Message, line)
	if err != nil {
		return w.park(ctx, received, fault.Error{Reason: reasonUnreadable, Err: err}, line)
	}
	outcome, err := w.work(ctx, job, line)
	if err != nil {
		return w.settle(ctx, received, job, err, line)
	}
	w.end(line, string(outcome))
	if outcome == Unfinished {
		w.deferMessage(ctx, received, 0, line)
	}
	return outcome != Unfinished
}

// end notes how the work ended: an attribute, and a metric such as alert_sent.
func (w *Worker) end(line *telemetry.Line, outcome string) {
	line.Set("outcome", outcome)
	line.Count(w.Unit + "_" + outcome)
}

// work does the job and keeps enough of the invocation's time for settling.
func (w *Worker) work(ctx context.Context, job Job, line *telemetry.Line) (Outcome, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-settleReserve))
		defer cancel()
	}
	return job.Do(ctx, line)
}

// Told measures an alert's latency. A task calls it with the moment at which the provider took the alert, since what it does
// after that keeps nobody waiting. What is no news is not measured.
func Told(event handoff.Event, at time.Time, line *telemetry.Line) {
	if !event.Form.IsNews() {
		return
	}
	line.Measure("latency_from_occurred_at", telemetry.Milliseconds, at.Sub(event.Order.OccurredAt).Milliseconds())
	line.Measure("latency_from_receipt", telemetry.Milliseconds, at.Sub(event.ReceivedAt).Milliseconds())
}

// settle is the one place that turns a failure into what the queue does.
func (w *Worker) settle(ctx context.Context, received queue.Received, job Job, err error, line *telemetry.Line) bool {
	failure := fault.Of(err)
	queuedAt := job.QueuedAt
	if queuedAt.IsZero() {
		queuedAt = received.SentAt
	}
	left := w.MaxAge - w.Now().Sub(queuedAt)
	if failure.Credential {
		line.Count("credential_rejected") // an alarm looks at it: everything will be parked until a person acts
	}
	if failure.Class == fault.Permanent {
		return w.park(ctx, received, *failure, line)
	}
	if left <= 0 {
		return w.park(ctx, received, fault.Error{Reason: "max_alert_age: " + failure.Reason, Err: err}, line)
	}
	delay := min(delayFor(failure, received.Receives), left, longestDelay)
	w.deferMessage(ctx, received, max(delay, minimalVisibility), line)
	line.Raise(slog.LevelWarn)
	line.Set("class", failure.Class.String())
	line.Set("reason", err.Error())
	w.end(line, "retried")
	return false
}

func delayFor(failure *fault.Error, receives int) time.Duration {
	switch failure.Class {
	case fault.Unknown:
		return unknownDelay
	case fault.Throttled:
		if failure.RetryAfter > 0 {
			return failure.RetryAfter
		}
		return throttledDelay
	default:
		return backoff(receives)
	}
}

// backoff doubles with each receipt up to maxBackoff, and picks a moment in its second half, so that messages that failed
// together do not come again together.
func backoff(receives int) time.Duration {
	const doublings = 10 // past maxBackoff, and far from overflow
	ceiling := min(firstBackoff<<min(max(receives-1, 0), doublings), maxBackoff)
	return ceiling/2 + rand.N(ceiling/2)
}

// deferMessage rounds up to whole seconds, which is what SQS takes. Should it fail, the message comes again when the
// visibility that it was received with ends.
func (w *Worker) deferMessage(ctx context.Context, received queue.Received, delay time.Duration, line *telemetry.Line) {
	delay = (delay + time.Second - 1).Truncate(time.Second)
	line.Set("retry_in_ms", delay.Milliseconds())
	if err := w.Queues.ChangeVisibility(ctx, w.Queue, received.Handle, delay); err != nil {
		line.Set("defer_error", err.Error())
	}
}

// park moves the message to the dead-letter queue with its reason. The source message's id is the deduplication id, so that
// parking it twice leaves one, and the group too: in its old group a dead letter that someone looks at would hide the others
// of its channel or incident. A redrive computes the group anew. If parking fails, the message is not done and comes again.
func (w *Worker) park(ctx context.Context, received queue.Received, failure fault.Error, line *telemetry.Line) bool {
	line.Raise(slog.LevelError)
	line.Set("reason", failure.Reason)
	if failure.Err != nil {
		line.Set("cause", failure.Err.Error())
	}
	parked := received.Message
	parked.Attributes = map[string]string{AttributeReason: failure.Reason, AttributeParkedAt: w.Now().UTC().Format(time.RFC3339)}
	if id := received.Attributes[handoff.AttributeDeliveryID]; id != "" { // SQS refuses an empty attribute
		parked.Attributes[handoff.AttributeDeliveryID] = id
	}
	if w.Queue.IsFIFO() {
		parked.Group, parked.DeduplicationID = received.ID, received.ID
	}
	if err := w.Queues.Send(ctx, w.Queue.DeadLetter(), parked); err != nil {
		line.Set("park_error", fmt.Errorf("park the message: %w", err).Error())
		w.deferMessage(ctx, received, backoff(received.Receives), line)
		return false
	}
	w.end(line, "parked")
	return true
}
