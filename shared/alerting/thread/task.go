package thread

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

// Task is the rules of the slack queue. The queue's groups are the channels, so that one channel's messages come one after
// another: a message that is hidden, for the pause after a post or for as long as Slack asks to wait, keeps its channel closed.
type Task struct {
	Slack   Slack
	Records record.Store
	// Deletions keeps what is known of notices about deletions.
	Deletions record.Store
	Display   alert.Display
	Now       func() time.Time
}

var _ worker.Task = (*Task)(nil)

// work is an event with its two records.
type work struct {
	handoff.Event
	alert  record.Entry[alert.Record]
	thread record.Entry[conversation]
	store  record.Store
	line   *telemetry.Line
	// updated says that Slack was called to bring the thread up to date.
	updated bool
}

// Work deals with an event.
//
//	absent -> sending -> sent, and the thread's root shows it
//	finds sent: brings the root up to date, if that is still to be done
//	finds sending: looks the message up; found: adopts it; not found: posts; cannot look: posts it once more, marked "possibly
//	repeated" and counted. What stays unknown after that is parked.
func (t *Task) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	w, err := t.load(ctx, event, line)
	if err != nil {
		return "", err
	}
	outcome, err := t.work(ctx, w)
	return outcome, worker.Since(w.alert.Value.TriedSince, err)
}

func (t *Task) work(ctx context.Context, w *work) (worker.Outcome, error) {
	known := &w.alert.Value
	if known.State.IsFinal() && known.State != alert.Sent {
		return worker.Duplicate, nil
	}
	if err := known.Resume(t.Now(), w.Generation); err != nil {
		return "", err
	}
	if known.State == alert.Sent {
		return t.show(ctx, w)
	}
	adopted, err := t.adopt(ctx, w)
	if err != nil {
		return "", err
	}
	if adopted {
		return worker.Sent, t.settle(ctx, w)
	}
	return t.tell(ctx, w)
}

func (t *Task) load(ctx context.Context, event handoff.Event, line *telemetry.Line) (*work, error) {
	w := &work{Event: event, store: event.Form.Store(t.Records, t.Deletions), line: line}
	var err error
	w.alert, err = record.Load[alert.Record](ctx, w.store, record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey})
	if err != nil {
		return nil, err
	}
	w.thread, err = record.LoadAfter[conversation](ctx, w.store, key(event), event.Cutoff)
	return w, err
}

// show brings the thread of an alert up to date that was sent at an earlier receipt, if that is still to be done.
func (t *Task) show(ctx context.Context, w *work) (worker.Outcome, error) {
	err := t.settle(ctx, w)
	if w.updated {
		return worker.Updated, err
	}
	return worker.Duplicate, err
}

// adopt looks for the message of an attempt whose answer was lost, and records it as sent where it is there. It returns a permanent
// failure where another attempt would be one too many.
func (t *Task) adopt(ctx context.Context, w *work) (bool, error) {
	last := &w.alert.Value
	if !last.OutcomeUnknown() {
		return false, nil
	}
	last.Channel = w.Channel // which a version before this one kept only of what was sent
	ts, err := t.find(ctx, SearchFor(w.AlertKey, *last, t.Now()))
	switch {
	case errors.Is(err, ErrCannotLook):
		w.line.Set("look_up", err.Error())
		return false, last.Repeat()
	case err != nil:
		return false, t.answered(ctx, w, fmt.Errorf("look the message up: %w", err))
	case ts == "":
		return false, last.NotFound()
	}
	w.line.Set("look_up", "found")
	worker.Told(w.Event, last.LastAttempt, w.line)
	last.TS = ts
	return true, t.end(ctx, w, alert.Sent)
}

// tell does what the event's place in its thread asks for.
func (t *Task) tell(ctx context.Context, w *work) (worker.Outcome, error) {
	at := placeOf(w.thread, w.Event)
	switch at {
	case superseded:
		return worker.Superseded, t.end(ctx, w, alert.Superseded)
	case onlyNoted:
		if err := t.note(ctx, w, w.thread.Value); err != nil {
			return "", err
		}
		return worker.Noted, t.end(ctx, w, alert.Noted)
	}
	root := ""
	if at != newRoot {
		root = w.thread.Value.Root
	}
	if err := t.post(ctx, w, root); err != nil {
		return "", err
	}
	worker.Told(w.Event, t.Now(), w.line)
	return worker.Sent, t.settle(ctx, w)
}

// post makes one attempt, which is recorded before and after. A reply whose root is gone becomes a root.
func (t *Task) post(ctx context.Context, w *work, root string) error {
	err := t.attempt(ctx, w, root)
	if root != "" && errors.Is(err, ErrThreadGone) {
		w.line.Set("thread", "root is gone, posted as a new one")
		err = t.attempt(ctx, w, "")
	}
	return err
}

// attempt is not begun where its time may be cut short: what became of it would not be known.
func (t *Task) attempt(ctx context.Context, w *work, root string) error {
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < PostTimeout {
		return errShort
	}
	sending := &w.alert.Value
	sending.Begin(t.Now())
	sending.Channel, sending.Thread = w.Channel, root
	if err := t.saveAlert(ctx, w); err != nil {
		return err
	}
	ts, err := t.postMessage(ctx, w.Channel, root, t.message(w))
	if sending.PossiblyRepeated && (err == nil || fault.Has(err, fault.Unknown)) {
		w.line.Count("alert_possibly_repeated")
	}
	if err == nil {
		sending.TS = ts
		return t.end(ctx, w, alert.Sent)
	}
	sending.Fail(t.Now(), err)
	if recordErr := t.saveAlert(ctx, w); recordErr != nil {
		return fmt.Errorf("%w (and its answer was not recorded: %w)", err, recordErr)
	}
	return err
}

// errShort is returned where the time left is too short for a post.
var errShort = &fault.Error{Class: fault.Transient, Op: "post to Slack", Reason: "short_of_time"}

// answered records what a failed call that is no attempt means for the next one, and returns the failure.
func (t *Task) answered(ctx context.Context, w *work, err error) error {
	w.alert.Value.Answered(t.Now(), err)
	if recordErr := t.saveAlert(ctx, w); recordErr != nil {
		return fmt.Errorf("%w (and its answer was not recorded: %w)", err, recordErr)
	}
	return err
}

// settle makes the thread tell of an alert that was sent. It can be repeated.
func (t *Task) settle(ctx context.Context, w *work) error {
	sent, thread := w.alert.Value, w.thread.Value
	newer := w.Order.Compare(thread.Newest) > 0
	switch {
	case sent.Thread == "" && sent.TS <= thread.Root: // the root, or one that a later root replaced: timestamps sort as text
		return nil
	case sent.Thread == "":
		return t.note(ctx, w, conversation{Root: sent.TS, Newest: thread.Newest, Opened: w.opening()})
	case !newer || thread.Root == "": // late, or the thread is forgotten
		return nil
	}
	w.updated = true
	err := t.updateMessage(ctx, w.Channel, thread.Root, t.rootMessage(w))
	if errors.Is(err, ErrMessageGone) {
		return t.startOver(ctx, w)
	}
	if fault.Has(err, fault.Permanent) { // the alert is told; only its root cannot be brought up to date
		w.line.Raise(slog.LevelWarn)
		w.line.Set("root_update", err.Error())
		err = nil
	}
	if err != nil {
		return t.answered(ctx, w, err)
	}
	return t.note(ctx, w, thread)
}

// startOver posts the alert as a new root: somebody deleted the old one, and a reply beneath it would be read by nobody. That
// it is gone is stored first, or a stop in between would end in another reply there.
func (t *Task) startOver(ctx context.Context, w *work) error {
	w.line.Set("thread", "root is gone, posted as a new one")
	w.alert.Value.PossiblyRepeated, w.alert.Value.Repeats = false, 0 // the reply that it was said of is out of sight
	thread := w.thread.Value
	thread.RootGone = true
	if err := t.saveThread(ctx, w, thread); err != nil {
		return err
	}
	if err := t.attempt(ctx, w, ""); err != nil {
		return err
	}
	return t.settle(ctx, w)
}

// note stores the thread with the event as its newest, unless it is late.
func (t *Task) note(ctx context.Context, w *work, thread conversation) error {
	if w.Order.Compare(thread.Newest) > 0 {
		thread.Newest = w.Order
	}
	return t.saveThread(ctx, w, thread)
}

func (t *Task) saveThread(ctx context.Context, w *work, thread conversation) error {
	w.thread.Value = thread
	w.thread.OccurredAt = thread.Newest.OccurredAt
	w.thread.Expires = t.Now().Add(retention)
	var err error
	w.thread, err = record.Save(ctx, w.store, w.thread)
	return err
}

func (t *Task) end(ctx context.Context, w *work, state alert.State) error {
	w.alert.Value.End(state)
	return t.saveAlert(ctx, w)
}

func (t *Task) saveAlert(ctx context.Context, w *work) error {
	if w.alert.Version == 0 {
		w.alert.Value.DeliveryID, w.alert.Value.Type, w.alert.Value.IncidentKey = w.DeliveryID, w.Envelope.Type, w.IncidentKey
	}
	w.alert.OccurredAt = w.Order.OccurredAt
	w.alert.Expires = t.Now().Add(alert.Retention)
	var err error
	w.alert, err = record.Save(ctx, w.store, w.alert)
	return err
}

// message is the event as it is told where it is posted: as a reply, or as a root.
func (t *Task) message(w *work) Message {
	content := w.Content(t.Display)
	return Message{
		AlertKey:         w.AlertKey,
		Content:          content,
		Reply:            w.alert.Value.Thread != "",
		Lateness:         content.Lateness(t.Now()),
		OutOfOrder:       w.thread.Known && w.Order.Compare(w.thread.Value.Newest) < 0,
		PossiblyRepeated: w.alert.Value.PossiblyRepeated,
	}
}

// rootMessage is the root as it shows the event, which came later.
func (t *Task) rootMessage(w *work) Message {
	message := t.message(w)
	message.Reply = false
	message.Opened = w.thread.Value.Opened
	message.PossiblyRepeated = false
	return message
}

func (w *work) opening() Opening {
	return Opening{Type: w.Envelope.Type, HappenedAt: w.Order.OccurredAt}
}

func (t *Task) find(ctx context.Context, search Search) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, FindTimeout)
	defer cancel()
	return t.Slack.Find(ctx, search)
}

func (t *Task) postMessage(ctx context.Context, channel, thread string, message Message) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, PostTimeout)
	defer cancel()
	return t.Slack.Post(ctx, channel, thread, message)
}

func (t *Task) updateMessage(ctx context.Context, channel, ts string, message Message) error {
	ctx, cancel := context.WithTimeout(ctx, UpdateTimeout)
	defer cancel()
	return t.Slack.Update(ctx, channel, ts, message)
}
