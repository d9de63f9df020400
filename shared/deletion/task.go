package deletion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"revento-alerts/shared/handoff"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/worker"
)

// FunctionTimeout is the deletion function's time limit: a stop looks through all that is kept of the connection.
const FunctionTimeout = 60 * time.Second

// MaxMessageAge is how long a message about a deletion is tried again before it is parked: far longer than an alert, since a
// deletion can wait and must not be lost, and with enough left of the queue's retention. The daily sweep finds what was parked.
const MaxMessageAge = 96 * time.Hour

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

// Task is the rules of the deletion queue.
type Task struct {
	Records   record.Purger
	Deletions Store
	Queues    queue.Sender
	Scheduler Scheduler
	Notifier  *Notifier
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
	if event.Envelope.Type != revento.TypeDeletionRequired {
		return worker.Job{}, errMessage
	}
	line.Set("delivery_id", event.DeliveryID)
	do := func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
		return t.take(ctx, event, line)
	}
	return worker.Job{QueuedAt: event.QueuedAt, Do: do}, nil
}

// take makes a request's case and does what it asks for.
func (t *Task) take(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	reason := held(event)
	if reason != "" {
		return t.hold(ctx, event, reason, line)
	}
	newest, err := t.raise(ctx, event)
	if err != nil {
		return "", err
	}
	made := newCase(event, "", Requested)
	made.Due = event.ReceivedAt.Add(t.Grace)
	if !newest {
		made.State, made.Due = Superseded, time.Time{}
	}
	entry, err := t.file(ctx, event, made)
	if err != nil {
		return "", err
	}
	line.Set("deletion", entry.Value.ID)
	if entry.Value.State == Superseded {
		return worker.Superseded, nil
	}
	if entry.Value.State != Requested {
		return worker.Duplicate, nil
	}
	return outcomeScheduled, t.stop(ctx, entry)
}

// hold files a request that a person has to look at. Nothing is stopped, and nothing is deleted.
func (t *Task) hold(ctx context.Context, event handoff.Event, reason Reason, line *telemetry.Line) (worker.Outcome, error) {
	entry, err := t.file(ctx, event, newCase(event, reason, Held))
	if err != nil {
		return "", err
	}
	line.Set("deletion", entry.Value.ID)
	if entry.Value.State != Held {
		return worker.Duplicate, nil
	}
	line.Raise(slog.LevelWarn)
	line.Set("held", string(reason))
	return outcomeHeld, t.Notifier.tell(ctx, entry, heldNotice(entry))
}

// raise sets the connection's tombstone, from which moment nothing of up to its cutoff is stored or alerted. A cutoff only
// rises; newest is false where a later one stands.
func (t *Task) raise(ctx context.Context, event handoff.Event) (newest bool, err error) {
	for {
		stone, err := loadTombstone(ctx, t.Deletions, event.Connection)
		if err != nil {
			return false, err
		}
		order := event.Order.OccurredAt.Compare(stone.OccurredAt)
		if stone.Known && order <= 0 {
			return order == 0, nil
		}
		stone.OccurredAt = event.Order.OccurredAt
		stone.Expires = event.ReceivedAt.Add(t.Grace + t.RecordRetention)
		stone.Value = tombstone{Case: caseKey(event, "").ID}
		_, err = record.Save(ctx, t.Deletions, stone)
		if !errors.Is(err, record.ErrChanged) {
			return err == nil, err
		}
	}
}

// file stores the case, or returns the one that is there: the request came before.
func (t *Task) file(ctx context.Context, event handoff.Event, made Case) (Entry, error) {
	entry, err := record.Load[Case](ctx, t.Deletions, caseKey(event, made.Held))
	if err != nil || entry.Known {
		return entry, err
	}
	entry.Value = made
	entry.Value.ID = idOf(entry.Key)
	return save(ctx, t.Deletions, entry, t.RecordRetention)
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

// stop resolves the connection's incidents, tells of the request, and gives the purge its date. A stop in between is repeated
// from its start: each of its steps can be.
func (t *Task) stop(ctx context.Context, entry Entry) error {
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

// schedule gives the purge its date; what is due goes straight to the purge queue.
func (t *Task) schedule(ctx context.Context, entry Entry) error {
	message, err := purgeMessage(entry)
	if err != nil {
		return err
	}
	if entry.Value.Due.After(t.Now()) {
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
	return t.Notifier.tell(ctx, entry, returnedNotice(entry, news.OccurredAt))
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

func (t *Task) isOverdue(c Case) bool { return !t.Now().Before(c.Due.Add(overdueAfter)) }

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
