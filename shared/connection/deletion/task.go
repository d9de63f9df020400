package deletion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// overdueAfter is how long after its date a purge may still be under way.
const overdueAfter = 2 * time.Hour

// Outcomes of the deletion queue's messages, beside the workers' own.
const (
	outcomeScheduled   worker.Outcome = "scheduled"
	outcomeHeld        worker.Outcome = "held"
	outcomeSwept       worker.Outcome = "swept"
	outcomeReconnected worker.Outcome = "reconnected"
)

// Scheduler sends a message to the purge queue at a later moment.
type Scheduler interface {
	// Schedule is durable, and the same name again is the same schedule: it succeeds and changes nothing.
	Schedule(ctx context.Context, name string, at time.Time, body string) error
}

// Connections ends what acts for a connection.
type Connections interface {
	// End erases the tokens of a connection whose consent is not newer than cutoff, at once. It can be repeated.
	End(ctx context.Context, of record.Connection, cutoff time.Time, reason connection.Reason) error
}

// Task is the rules of the deletion queue.
type Task struct {
	Records   record.Purger
	Deletions Store
	Queues    queue.Sender
	Scheduler Scheduler
	Notifier  *Notifier
	// Connections are those of Revento's that are asked for more than they tell; nil where none are.
	Connections Connections
	// Fields are the keys of a request's data that are about the connection.
	Fields alert.FieldFilter
	// Grace is how long after its receipt a request is due. RecordRetention is how long a case is kept once it has ended.
	Grace, RecordRetention time.Duration
	Now                    func() time.Time
}

var _ worker.Chore = (*Task)(nil)

// Open implements worker.Chore. The queue holds hand-offs of requests, the daily sweep, and news of connections that are back.
func (t *Task) Open(message queue.Message, line *telemetry.Line) (worker.Job, error) {
	if handedOff, err := handoff.Decode(message.Body); err == nil {
		return t.request(handedOff, line)
	}
	content, err := decode(message.Body)
	switch {
	case err != nil:
		return worker.Job{}, err
	case content.Sweep:
		return worker.Job{Do: t.sweep}, nil
	case content.Returned != nil:
		return worker.Job{Do: func(ctx context.Context, _ *telemetry.Line) (worker.Outcome, error) {
			return outcomeReconnected, t.announce(ctx, *content.Returned)
		}}, nil
	default:
		return worker.Job{}, errMessage
	}
}

func (t *Task) request(message handoff.Message, line *telemetry.Line) (worker.Job, error) {
	event, err := message.Open()
	if err != nil {
		return worker.Job{}, err
	}
	if !revento.IsDataRequest(event.Envelope.Type) {
		return worker.Job{}, errMessage
	}
	line.Set("delivery_id", event.DeliveryID)
	do := func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
		return t.take(ctx, newRequest(event, t.Fields), line)
	}
	return worker.Job{Do: do}, nil
}

// take makes a request's case and does what it asks for.
func (t *Task) take(ctx context.Context, r request, line *telemetry.Line) (worker.Outcome, error) {
	switch r.held {
	case "":
		return t.meet(ctx, r, line)
	case UnknownKeys:
		return t.halt(ctx, r, line)
	default:
		return t.ask(ctx, r, line)
	}
}

// meet stops the connection and schedules its purge.
func (t *Task) meet(ctx context.Context, r request, line *telemetry.Line) (worker.Outcome, error) {
	newest, err := connection.Require(ctx, t.Deletions, r.Connection, r.stop(), r.ReceivedAt.Add(t.Grace+t.RecordRetention))
	if err != nil {
		return "", err
	}
	made := r.newCase(Requested)
	made.Due = r.ReceivedAt.Add(t.Grace)
	if !newest {
		made.State, made.Due = Superseded, time.Time{}
	}
	entry, err := t.file(ctx, r, made, line)
	switch {
	case err != nil:
		return "", err
	case entry.Value.State == Superseded:
		return worker.Superseded, nil
	case entry.Value.State != Requested:
		return worker.Duplicate, nil
	}
	return outcomeScheduled, t.stop(ctx, entry)
}

// ask files a request that a person has to look at. Nothing is stopped, and nothing is deleted.
func (t *Task) ask(ctx context.Context, r request, line *telemetry.Line) (worker.Outcome, error) {
	entry, err := t.file(ctx, r, r.newCase(Held), line)
	if err != nil {
		return "", err
	}
	if entry.Value.State != Held {
		return worker.Duplicate, nil
	}
	return outcomeHeld, t.Notifier.tell(ctx, entry, t.Notifier.heldNotice(entry))
}

// halt files a request that nobody foresaw: everything of the connection stops, and nothing is deleted, until a person has looked.
// The case is filed first, so that a copy of the request that comes after a person closed it stops nothing anew.
func (t *Task) halt(ctx context.Context, r request, line *telemetry.Line) (worker.Outcome, error) {
	entry, err := t.file(ctx, r, r.newCase(Held), line)
	if err != nil {
		return "", err
	}
	if entry.Value.State != Held {
		return worker.Duplicate, t.releaseClosed(ctx, entry)
	}
	return outcomeHeld, t.stopHeld(ctx, entry)
}

// stopHeld stops the connection of a request that is held, and tells of it. Each of its steps can be repeated.
func (t *Task) stopHeld(ctx context.Context, entry Entry) error {
	if err := connection.Hold(ctx, t.Deletions, entry.Key.Connection, stopOf(entry)); err != nil {
		return err
	}
	resolved, err := t.Notifier.resolveAll(ctx, t.Records, entry)
	if err != nil {
		return err
	}
	if err := t.Notifier.tell(ctx, entry, t.Notifier.heldNotice(entry)); err != nil {
		return err
	}
	if !entry.Value.StoppedAt.IsZero() {
		return nil
	}
	entry.Value.StoppedAt, entry.Value.Resolved = t.Now().UTC(), resolved
	_, err = save(ctx, t.Deletions, entry, t.RecordRetention)
	return err
}

// releaseClosed takes back the stop of a case that a person closed while a copy of its request was at it.
func (t *Task) releaseClosed(ctx context.Context, entry Entry) error {
	if entry.Value.State != Closed {
		return nil
	}
	return connection.Release(ctx, t.Deletions, entry.Key.Connection, entry.Key.ID, t.Now().Add(t.RecordRetention))
}

// file stores the case, or returns the one that is there: the request came before.
func (t *Task) file(ctx context.Context, r request, made Case, line *telemetry.Line) (Entry, error) {
	entry, err := record.Load[Case](ctx, t.Deletions, r.key())
	if err == nil && !entry.Known {
		entry.Value = made
		entry.Value.ID = idOf(entry.Key)
		entry, err = save(ctx, t.Deletions, entry, t.RecordRetention)
	}
	if err != nil {
		return entry, err
	}
	line.Set("deletion", entry.Value.ID)
	if entry.Value.State == Held {
		line.Raise(slog.LevelWarn)
		line.Set("held", string(entry.Value.Held))
	}
	return entry, nil
}

// save stores a case. Once it has ended it is kept for the retention, and for good before that.
func save(ctx context.Context, store record.Store, entry Entry, retention time.Duration) (Entry, error) {
	entry.OccurredAt = entry.Value.Cutoff
	entry.Expires = time.Time{}
	switch entry.Value.State {
	case Finished:
		entry.Expires = entry.Value.FinishedAt.Add(retention)
	case Closed:
		entry.Expires = entry.Value.ClosedAt.Add(retention)
	case Superseded:
		entry.Expires = entry.Value.RequestedAt.Add(retention)
	}
	return record.Save(ctx, store, entry)
}

// stop erases the connection's tokens, resolves its incidents, tells of the request, and gives the purge its date. A stop in between is
// repeated from its start: each of its steps can be.
func (t *Task) stop(ctx context.Context, entry Entry) error {
	if err := end(ctx, t.Connections, entry); err != nil {
		return err
	}
	resolved, err := t.Notifier.resolveAll(ctx, t.Records, entry)
	if err != nil {
		return err
	}
	if err := t.Notifier.tell(ctx, entry, requestedNotice(entry)); err != nil {
		return err
	}
	if err := t.schedule(ctx, entry); err != nil {
		return err
	}
	entry.Value.State = Scheduled
	entry.Value.ScheduledAt = t.Now().UTC()
	entry.Value.Resolved = resolved
	_, err = save(ctx, t.Deletions, entry, t.RecordRetention)
	return err
}

// end erases what acts for a case's connection.
func end(ctx context.Context, connections Connections, entry Entry) error {
	if connections == nil {
		return nil
	}
	return connections.End(ctx, entry.Key.Connection, entry.Value.Cutoff, connection.Deletion)
}

// schedule gives the purge its date; what is due goes straight to the purge queue.
func (t *Task) schedule(ctx context.Context, entry Entry) error {
	message, err := purgeMessage(entry)
	if err != nil {
		return err
	}
	if entry.Value.DueAt().After(t.Now()) {
		if err := t.Scheduler.Schedule(ctx, scheduleName(entry), entry.Value.Due, message.Body); err != nil {
			return fmt.Errorf("schedule the purge: %w", err)
		}
		return nil
	}
	if err := t.Queues.Send(ctx, queue.Purge, message); err != nil {
		return fmt.Errorf("queue the purge: %w", err)
	}
	return nil
}

func scheduleName(entry Entry) string { return "purge-" + entry.Value.ID }

// announce tells that a connection is back.
func (t *Task) announce(ctx context.Context, news returned) error {
	entry, err := record.Load[Case](ctx, t.Deletions, news.key())
	if err != nil || !entry.Known {
		return err
	}
	return t.Notifier.tell(ctx, entry, returnedNotice(entry, news))
}

// sweep looks at all open deletions once a day: it starts again what is overdue, whatever became of its messages. One that
// fails keeps none of the others from its turn.
func (t *Task) sweep(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
	entries, err := all(ctx, t.Deletions)
	if err != nil {
		return "", err
	}
	var seen counts
	var failures []error
	for _, entry := range entries {
		failures = append(failures, t.look(ctx, entry, &seen))
	}
	line.Set("deletions_open", seen.open)
	line.Measure("deletions_held", telemetry.Count, int64(seen.held))
	line.Measure("deletions_overdue", telemetry.Count, int64(seen.overdue))
	if seen.overdue > 0 {
		line.Raise(slog.LevelError)
	}
	return outcomeSwept, errors.Join(failures...)
}

// counts is what a sweep saw.
type counts struct{ open, overdue, held int }

func (t *Task) look(ctx context.Context, entry Entry, seen *counts) error {
	switch state := entry.Value.State; {
	case state == Held:
		seen.held++
		return t.remind(ctx, entry)
	case state.IsOpen() && t.isOverdue(entry.Value):
		seen.overdue++
		return t.hurry(ctx, entry)
	case state == Requested: // its message was parked, or is being worked on, which does no harm
		seen.open++
		return t.stop(ctx, entry)
	case state.IsOpen():
		seen.open++
	}
	return nil
}

// remind tells each day of a request that waits for a person. It makes up for a stop that did not come to its end, too.
func (t *Task) remind(ctx context.Context, entry Entry) error {
	if entry.Value.IsStopped() && entry.Value.StoppedAt.IsZero() {
		return t.stopHeld(ctx, entry)
	}
	today := t.Now().UTC()
	if today.Format(time.DateOnly) == entry.Value.RequestedAt.UTC().Format(time.DateOnly) {
		return nil
	}
	return t.Notifier.tell(ctx, entry, t.Notifier.reminder(entry, today))
}

func (t *Task) isOverdue(c Case) bool { return !t.Now().Before(c.DueAt().Add(overdueAfter)) }

// hurry tells of a purge that is late, once, and queues it again.
func (t *Task) hurry(ctx context.Context, entry Entry) error {
	var err error
	if entry.Value.OverdueAt.IsZero() {
		entry.Value.OverdueAt = t.Now().UTC()
		if entry, err = save(ctx, t.Deletions, entry, t.RecordRetention); err != nil {
			return err
		}
	}
	if err := t.Notifier.tell(ctx, entry, overdueNotice(entry)); err != nil {
		return err
	}
	if entry.Value.State == Requested {
		return t.stop(ctx, entry)
	}
	return t.schedule(ctx, entry)
}
