package thread

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/fault"
	"revento-alerts/shared/handoff"
	"revento-alerts/shared/record"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/worker"
)

// Task is the rules of the slack queue. The queue's groups are the channels, so that one channel's messages come one after
// another: pacing and a channel's Retry-After need nothing else.
type Task struct {
	Slack   Slack
	Records record.Store
	// Deletions keeps what is known of notices about deletions.
	Deletions record.Store
	Display   alert.Display
	// PostInterval is the pause after a post: Slack takes about one message a second in a channel.
	// https://docs.slack.dev/apis/web-api/rate-limits/
	PostInterval time.Duration
	Now          func() time.Time
}

var _ worker.Task = (*Task)(nil)

// work is an event with its two records.
type work struct {
	handoff.Event
	alert  record.Entry[alert.Record]
	thread record.Entry[conversation]
	store  record.Store
	line   *telemetry.Line
}

// Work deals with an event.
//
//	absent -> sending -> sent, and the thread's root shows it
//	finds sent: brings the root up to date, if that is still to be done
//	finds sending: looks the message up; found: adopts it; not found: posts; cannot look: posts it marked "possibly repeated"
func (t *Task) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	w, err := t.load(ctx, event, line)
	if err != nil {
		return "", err
	}
	switch {
	case w.alert.Value.State == alert.Sent:
		return worker.Duplicate, t.settle(ctx, w)
	case w.alert.Value.State.IsFinal():
		return worker.Duplicate, nil
	}
	if err := w.alert.Value.CheckAttempts(event.Generation); err != nil {
		return "", err
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

// adopt looks for the message of an attempt whose answer was lost, and records it as sent where it is there.
func (t *Task) adopt(ctx context.Context, w *work) (bool, error) {
	last := &w.alert.Value
	if !last.OutcomeUnknown() {
		return false, nil
	}
	last.Channel = w.Channel // which a version before this one kept only of what was sent
	ts, err := t.find(ctx, SearchFor(w.AlertKey, *last))
	switch {
	case errors.Is(err, ErrCannotLook):
		last.PossiblyRepeated = true
		w.line.Set("look_up", err.Error())
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look the message up: %w", err)
	case ts == "":
		return false, nil
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
	posted := t.Now()
	worker.Told(w.Event, posted, w.line)
	if err := t.settle(ctx, w); err != nil {
		return "", err
	}
	t.hold(ctx, posted)
	return worker.Sent, nil
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

func (t *Task) attempt(ctx context.Context, w *work, root string) error {
	sending := &w.alert.Value
	sending.Begin(t.Now())
	sending.Channel, sending.Thread = w.Channel, root
	if err := t.saveAlert(ctx, w); err != nil {
		return err
	}
	ts, err := t.postMessage(ctx, w.Channel, root, t.message(w))
	if err == nil {
		return t.sent(ctx, w, ts)
	}
	sending.Fail(t.Now(), err)
	if recordErr := t.saveAlert(ctx, w); recordErr != nil {
		return fmt.Errorf("%w (and its answer was not recorded: %w)", err, recordErr)
	}
	return err
}

func (t *Task) sent(ctx context.Context, w *work, ts string) error {
	if w.alert.Value.PossiblyRepeated {
		w.line.Count("alert_possibly_repeated")
	}
	w.alert.Value.TS = ts
	return t.end(ctx, w, alert.Sent)
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
		return err
	}
	return t.note(ctx, w, thread)
}

// startOver posts the alert as a new root: somebody deleted the old one, and a reply beneath it would be read by nobody. That
// it is gone is stored first, or a stop in between would end in another reply there.
func (t *Task) startOver(ctx context.Context, w *work) error {
	w.line.Set("thread", "root is gone, posted as a new one")
	w.alert.Value.PossiblyRepeated = false // the reply that it was said of is out of sight
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

// hold keeps the channel's queue closed until the post interval is over, or the invocation must end.
func (t *Task) hold(ctx context.Context, posted time.Time) {
	timer := time.NewTimer(t.PostInterval - t.Now().Sub(posted))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (t *Task) find(ctx context.Context, search Search) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return t.Slack.Find(ctx, search)
}

func (t *Task) postMessage(ctx context.Context, channel, thread string, message Message) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return t.Slack.Post(ctx, channel, thread, message)
}

func (t *Task) updateMessage(ctx context.Context, channel, ts string, message Message) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return t.Slack.Update(ctx, channel, ts, message)
}
