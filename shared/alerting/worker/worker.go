// Package worker works on one message of a queue at a time, and decides what the queue does with a message whose work failed:
// it comes again later, or it is parked in the dead-letter queue with its reason.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

// Outcome is how the work on a message ended well: a log attribute and a metric.
type Outcome string

// The outcomes.
const (
	Sent       Outcome = "sent"       // the provider took it
	Duplicate  Outcome = "duplicate"  // it had been dealt with before
	Superseded Outcome = "superseded" // something newer is known, so nothing was sent
	Noted      Outcome = "noted"      // nothing to send, but known from now on
	Met        Outcome = "met"        // another delivery told the same, so nothing was sent
	Deleted    Outcome = "deleted"    // of a connection's time before its cutoff, so nothing was sent
	// Updated is sent at an earlier receipt, and now shown where it was still to be shown.
	Updated Outcome = "updated"
	// done is dealt with at an earlier receipt of the same message: its line's pause is over, or the queue did not hear of it.
	done Outcome = "done"
	// Unfinished work is not a failure: the time was too short for all of it, and its message comes again at once.
	Unfinished Outcome = "unfinished"
)

// Chore is the rules of one queue.
type Chore interface {
	// Open reads a message and puts into the line what it is about. It returns queue.ErrNewer, and another error for a message
	// that no version of this program wrote.
	Open(message queue.Message, line *telemetry.Line) (Job, error)
}

// Parker is a chore that has to know what is parked.
type Parker interface {
	// Parking is called before a message is parked. Where it fails, the message is not parked and comes again.
	Parking(ctx context.Context, message queue.Message) error
}

// calls says whether the provider was called for a message that is now done with.
func (o Outcome) calls() bool { return o == Sent || o == Updated }

// Job is a message that was read.
type Job struct {
	// Do does the work. Its error is classified by package fault. Where more is known of its age than when the message was first
	// received, Since says so.
	Do func(ctx context.Context, line *telemetry.Line) (Outcome, error)
}

// tried is a failure of what was tried before.
type tried struct {
	error
	since time.Time
}

func (t tried) Unwrap() error { return t.error }

// Since adds to a failure from when its age counts, which is the first attempt; zero where none was made. It returns nil for nil.
func Since(first time.Time, err error) error {
	if err == nil || first.IsZero() {
		return err
	}
	return tried{err, first}
}

// Paced is the end of work that went well and is to go on after a time, as where a budget of calls is used up. It is no failure, and its
// message's receipt no attempt.
type Paced struct{ Wait time.Duration }

// Error implements error.
func (p Paced) Error() string { return "the work goes on after " + p.Wait.String() }

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
	return Job{Do: do}, nil
}

// Queues is what a worker needs of the queues.
type Queues interface {
	queue.Sender
	queue.Deferrer
}

// reasonUnreadable is the reason of a message that no version of this program wrote.
const reasonUnreadable = "unreadable"

// reasonNewer is the reason of a message that a newer version of this program wrote.
const reasonNewer = "newer_version"

// updateTime is how long a message that a newer version wrote waits for this one to be brought up to date: an update of a stack
// takes a few minutes. After that the program was set back, and what lies behind the message need not wait for it.
const updateTime = 15 * time.Minute

// The beginnings of the reasons of a message that reached a limit; the reason of its last failure follows.
const (
	reasonAge      = "max_alert_age"
	reasonReceives = "max_receives"
)

// reasonDied is the last failure of a message whose last try never ended.
const reasonDied = "died"

// SettleReserve is the time kept at the end of an invocation for deferring or parking the message.
const SettleReserve = 2 * time.Second

// The delays until a message comes again.
const (
	unknownDelay = 10 * time.Second // short: what became of the alert is about to be looked up
	firstBackoff = 2 * time.Second
	maxBackoff   = 2 * time.Minute
	// longestDelay stays under queue.MaxVisibility, which SQS counts from the receipt and not from now.
	longestDelay = queue.MaxVisibility - 15*time.Minute
	// leastDelay grows by the same factor with each receipt after the first evenReceives, as a pause of the age's sixty-fourth
	// would, and needs no clock. So 96 hours take 620 receipts where nothing else delays a message, and 13 days 700.
	leastDelay   = time.Second
	leastGrowth  = 1 + 1.0/64
	evenReceives = 64
)

// The limits at which a message is parked whatever fails, and in time for a few tries to park it.
const (
	// maxReceives is below queue.MaxReceives, at which the queue itself gives up without a reason.
	maxReceives = 900
	// maxStay is below queue.Retention, at which the queue drops the message: by more than longestDelay.
	maxStay = queue.Retention - 24*time.Hour
)

// Worker works on the messages of one queue.
type Worker struct {
	Queue queue.Name
	// Unit is what a message is about, in log lines and metrics: "alert".
	Unit   string
	Chore  Chore
	Queues Queues
	// MaxAge is how long failures are tried again, counted from the first attempt; a redrive's counts anew. So it bounds how long
	// one message can hold up those behind it. What the provider asks to wait is no failure and does not count.
	MaxAge time.Duration
	// Pause is how long a FIFO queue's group is left alone after its provider was called, in whole seconds, rounded up; 0 for
	// queues without such a pause. Nobody waits for it: the message that was dealt with is hidden for as long, so that those
	// behind it are not shown, and deleted when it comes again. That costs an alert one more receipt, a change of visibility
	// and what is read to see that it was sent.
	Pause time.Duration
	Log   *telemetry.Logger
	Now   func() time.Time
}

// Handle works on a message and says whether the queue can delete it. A message for which it says no comes again when its
// visibility ends.
func (w *Worker) Handle(ctx context.Context, received queue.Received) (done bool) {
	line := w.Log.Begin(w.Unit)
	defer line.End(ctx)
	line.Dimension("destination", string(w.Queue))
	line.Set("receives", received.Receives)

	if received.Receives >= maxReceives {
		return w.park(ctx, received, fault.Error{Reason: reasonReceives + ": " + reasonDied}, line)
	}
	job, err := w.Chore.Open(received.Message, line)
	if errors.Is(err, queue.ErrNewer) {
		return w.awaitUpdate(ctx, received, err, line)
	}
	if err != nil {
		return w.park(ctx, received, fault.Error{Reason: reasonUnreadable, Err: err}, line)
	}
	outcome, err := w.work(ctx, job, line)
	if paced, ok := errors.AsType[Paced](err); ok {
		return w.pace(ctx, received, paced, line)
	}
	if err != nil {
		return w.settle(ctx, received, err, line)
	}
	return w.finish(ctx, received, outcome, line)
}

// finish says whether the queue can delete a message whose work ended well: unless there is more to do, or its line is to wait.
func (w *Worker) finish(ctx context.Context, received queue.Received, outcome Outcome, line *telemetry.Line) bool {
	if outcome == Duplicate && received.Receives > 1 {
		outcome = done
	}
	isLast := received.Receives >= maxReceives-1
	if outcome == Unfinished && isLast {
		return w.park(ctx, received, fault.Error{Reason: reasonReceives + ": " + string(Unfinished)}, line)
	}
	w.end(line, string(outcome))
	switch {
	case outcome == Unfinished:
		w.deferMessage(ctx, received, 0, line)
		return false
	case outcome.calls() && w.Pause > 0 && !isLast:
		line.Set("pause_ms", w.Pause.Milliseconds())
		return w.hide(ctx, received, w.Pause, line) != nil // where it cannot be hidden, the pause is lost rather than its line kept
	}
	return true
}

// awaitUpdate leaves a message that a newer version wrote in its queue, and parks it once that takes too long.
func (w *Worker) awaitUpdate(ctx context.Context, received queue.Received, err error, line *telemetry.Line) bool {
	if w.Now().Sub(received.SentAt) >= updateTime {
		return w.park(ctx, received, fault.Error{Reason: reasonNewer, Err: err}, line)
	}
	w.deferMessage(ctx, received, unknownDelay, line)
	line.Raise(slog.LevelWarn)
	line.Set("reason", err.Error())
	w.end(line, "retried")
	return false
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
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-SettleReserve))
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
func (w *Worker) settle(ctx context.Context, received queue.Received, err error, line *telemetry.Line) bool {
	failure := fault.Of(err)
	if failure.Class == fault.Permanent {
		if failure.Credential {
			line.Count("credential_rejected") // an alarm looks at it: everything will be parked until a person acts
		}
		return w.park(ctx, received, *failure, line)
	}
	left := w.left(received, err)
	if limit := w.limit(received, failure.Class, left); limit != "" {
		return w.park(ctx, received, fault.Error{Reason: limit + ": " + failure.Reason, Err: err}, line)
	}
	delay := max(delayFor(failure, received.Receives), least(received.Receives))
	if failure.Class != fault.Throttled {
		delay = min(delay, left)
	}
	w.deferMessage(ctx, received, min(max(delay, leastDelay), longestDelay), line)
	line.Raise(slog.LevelWarn)
	line.Set("class", failure.Class.String())
	line.Set("reason", err.Error())
	w.end(line, "retried")
	return false
}

// pace hides a message whose work goes on later.
func (w *Worker) pace(ctx context.Context, received queue.Received, paced Paced, line *telemetry.Line) bool {
	if limit := w.limit(received, fault.Throttled, 0); limit != "" {
		return w.park(ctx, received, fault.Error{Reason: limit + ": " + outcomePaced}, line)
	}
	w.deferMessage(ctx, received, min(max(paced.Wait, leastDelay), longestDelay), line)
	w.end(line, outcomePaced)
	return false
}

const outcomePaced = "paced"

// left is how long failures are still tried again.
func (w *Worker) left(received queue.Received, err error) time.Duration {
	since := received.FirstReceivedAt
	var known tried
	if errors.As(err, &known) {
		since = known.since
	}
	if since.IsZero() {
		return w.MaxAge
	}
	return w.MaxAge - w.Now().Sub(since)
}

// limit names the limit that a message reached which failed, or "".
func (w *Worker) limit(received queue.Received, class fault.Class, left time.Duration) string {
	switch {
	case received.Receives >= maxReceives-1: // the next receipt parks it if this one dies
		return reasonReceives
	case class != fault.Throttled && left <= 0:
		return reasonAge
	case w.Now().Sub(received.SentAt) >= maxStay:
		return queue.ReasonRetention
	}
	return ""
}

// delayFor is at least as long as the provider asks.
func delayFor(failure *fault.Error, receives int) time.Duration {
	switch {
	case failure.Class == fault.Unknown:
		return max(unknownDelay, failure.RetryAfter)
	case failure.RetryAfter > 0:
		return failure.RetryAfter
	case failure.Class == fault.Throttled:
		return alert.DefaultPause
	default:
		return backoff(receives)
	}
}

// least is the shortest delay of a message that fails again and again, so that its limit is not the number of its receipts.
func least(receives int) time.Duration {
	grown := math.Pow(leastGrowth, float64(max(receives-evenReceives, 0)))
	return time.Duration(grown * float64(leastDelay))
}

// backoff doubles with each receipt up to maxBackoff, and picks a moment in its second half, so that messages that failed
// together do not come again together.
func backoff(receives int) time.Duration {
	const doublings = 10 // past maxBackoff, and far from overflow
	ceiling := min(firstBackoff<<min(max(receives-1, 0), doublings), maxBackoff)
	return ceiling/2 + rand.N(ceiling/2)
}

// deferMessage has the message come again. Should it fail, the message comes again when the visibility that it was received with
// ends.
func (w *Worker) deferMessage(ctx context.Context, received queue.Received, delay time.Duration, line *telemetry.Line) {
	delay = wholeSeconds(delay)
	line.Set("retry_in_ms", delay.Milliseconds())
	_ = w.hide(ctx, received, delay, line) // told in the line
}

// wholeSeconds rounds up to what SQS takes.
func wholeSeconds(d time.Duration) time.Duration { return (d + time.Second - 1).Truncate(time.Second) }

// hide hides the message for a time from now, and with it those behind it in its group.
func (w *Worker) hide(ctx context.Context, received queue.Received, d time.Duration, line *telemetry.Line) error {
	err := w.Queues.ChangeVisibility(ctx, w.Queue, received.Handle, wholeSeconds(d))
	if err != nil {
		line.Set("defer_error", err.Error())
	}
	return err
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
	parked.Attributes = map[string]string{queue.AttributeReason: failure.Reason, queue.AttributeParkedAt: w.Now().UTC().Format(time.RFC3339)}
	if id := received.Attributes[handoff.AttributeDeliveryID]; id != "" { // SQS refuses an empty attribute
		parked.Attributes[handoff.AttributeDeliveryID] = id
	}
	if w.Queue.Entry().Asks {
		parked.Attributes[queue.AttributeGroup] = received.Group
	}
	if w.Queue.IsFIFO() {
		parked.Group, parked.DeduplicationID = received.ID, received.ID
	}
	err := w.foretell(ctx, received.Message)
	if err == nil {
		err = w.Queues.Send(ctx, w.Queue.DeadLetter(), parked)
	}
	if err != nil {
		line.Set("park_error", fmt.Errorf("park the message: %w", err).Error())
		w.deferMessage(ctx, received, backoff(received.Receives), line)
		return false
	}
	w.end(line, "parked")
	return true
}

// foretell tells the chore of a message that is about to be parked, if it has to know.
func (w *Worker) foretell(ctx context.Context, message queue.Message) error {
	if parker, ok := w.Chore.(Parker); ok {
		return parker.Parking(ctx, message)
	}
	return nil
}
