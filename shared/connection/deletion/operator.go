package deletion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/installation"
)

// Operator is what a person can do with deletions.
type Operator struct {
	Deletions Store
	// Records is what is kept of connections, for Preview.
	Records  record.Purger
	Queues   queue.Sender
	Notifier *Notifier
	// Connections are the Task's.
	Connections Connections
	// People forget a person, for CloseForgetting; none where nothing of a person is kept.
	People []People
	// Backups says what is left of a person in backups after a moment; nil where nothing is kept of one.
	Backups         func(after time.Time) Residual
	RecordRetention time.Duration
	// Installation is what the commands need that an error names; nil where no command is left, as of a table alone.
	Installation *installation.Name
	Now          func() time.Time
}

// Errors of an Operator; what wraps them names the remedy.
var (
	// ErrNotFound is returned for an id that is no deletion's.
	ErrNotFound = errors.New("no such deletion")
	// ErrState is returned for a deletion that is past what is asked for, or has not come to it.
	ErrState = errors.New("not in this state")
	// ErrNote is returned where a note is missing or too long.
	ErrNote = errors.New("the note is missing or too long")
)

// maxNote is the longest note, in bytes: it is shown in Slack and kept for years.
const maxNote = 1000

// All lists the deletions, the latest request first.
func (o *Operator) All(ctx context.Context) ([]Entry, error) { return all(ctx, o.Deletions) }

// MinPrefix is the shortest beginning of an id that names a deletion, in characters: what is done cannot be undone.
const MinPrefix = 8

// Find returns a deletion by its id, or by a beginning of it of at least MinPrefix characters that is no other's. It returns
// ErrNotFound.
func (o *Operator) Find(ctx context.Context, id string) (Entry, error) {
	entries, err := o.All(ctx)
	if err != nil {
		return Entry{}, err
	}
	if i := slices.IndexFunc(entries, func(entry Entry) bool { return entry.Value.ID == id }); i >= 0 {
		return entries[i], nil
	}
	if len(id) < MinPrefix {
		return Entry{}, fmt.Errorf("%w: %q is no id: write a whole one, or at least its first %d characters%s",
			ErrNotFound, id, MinPrefix, o.seeList())
	}
	found := slices.DeleteFunc(entries, func(entry Entry) bool { return !strings.HasPrefix(entry.Value.ID, id) })
	if len(found) != 1 {
		return Entry{}, fmt.Errorf("%w: %q names %d deletions: write a whole id%s", ErrNotFound, id, len(found), o.seeList())
	}
	return found[0], nil
}

// seeList says where the ids are, if a command tells them.
func (o *Operator) seeList() string {
	if o.Installation == nil {
		return ""
	}
	return ": '" + o.Installation.Command("deletions list") + "' shows them"
}

// CanDelete returns ErrState for a deletion that cannot be done now.
func CanDelete(c Case) error {
	if c.State.IsOpen() || c.State == Finished || c.IsStopped() {
		return nil
	}
	return fmt.Errorf("%w: deletion %s is %s: only one that is requested, scheduled, started or finished, or held with its connection stopped, "+
		"can be done now", ErrState, c.ID, c.State)
}

// Preview returns a deletion that can be done now, and how many records it would delete. It returns ErrNotFound and ErrState.
func (o *Operator) Preview(ctx context.Context, id string) (entry Entry, records int, err error) {
	entry, err = o.Find(ctx, id)
	if err == nil {
		err = CanDelete(entry.Value)
	}
	if err != nil {
		return entry, 0, err
	}
	err = walk(ctx, allOf(o.Records, entry.Key.Connection), func(stored record.Record) error {
		if !stored.OccurredAt.After(entry.Value.Cutoff) && isCounted(stored) {
			records++
		}
		return nil
	})
	return entry, records, err
}

// DeleteNow queues the purge of a deletion that is not due yet, that stands still, that a person confirms, or that is to be
// repeated: what a backup brought back must go again. It returns ErrNotFound and ErrState.
func (o *Operator) DeleteNow(ctx context.Context, id string) (Entry, error) {
	entry, err := o.Find(ctx, id)
	if err != nil {
		return entry, err
	}
	if err := CanDelete(entry.Value); err != nil {
		return entry, err
	}
	if err := end(ctx, o.Connections, entry); err != nil {
		return entry, err
	}
	now := o.Now().UTC()
	if hasten(&entry.Value, now) {
		if entry, err = save(ctx, o.Deletions, entry, o.RecordRetention); err != nil {
			return entry, err
		}
	}
	if !entry.Value.ConfirmedAt.IsZero() {
		if _, err := connection.Require(ctx, o.Deletions, entry.Key.Connection, stopOf(entry), now.Add(o.RecordRetention)); err != nil {
			return entry, err
		}
	}
	message, err := purgeMessage(entry)
	if err != nil {
		return entry, err
	}
	if err := o.Queues.Send(ctx, queue.Purge, message); err != nil {
		return entry, fmt.Errorf("queue the purge: %w", err)
	}
	return entry, nil
}

// hasten makes a deletion due now, and says whether that changed it. The date on which it was due stays.
func hasten(c *Case, now time.Time) bool {
	switch {
	case c.State == Finished:
		c.State, c.RepeatedAt = Scheduled, now
		c.Repeats++
	case c.State == Held:
		c.State, c.Due, c.ConfirmedAt = Scheduled, now, now
	case now.Before(c.DueAt()):
		c.BroughtForwardAt = now
	default:
		return false
	}
	return true
}

// Close ends a held request with a note that says what was done. Where its connection was stopped, data flows again. It returns
// ErrNotFound, ErrState and ErrNote.
func (o *Operator) Close(ctx context.Context, id, note string) (Entry, error) {
	note, err := checkNote(note)
	if err != nil {
		return Entry{}, err
	}
	entry, err := o.findHeld(ctx, id)
	if err != nil {
		return entry, err
	}
	return o.close(ctx, entry, note)
}

func checkNote(note string) (string, error) {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > maxNote {
		return "", fmt.Errorf("%w: say in 1 to %d bytes what was done, without personal data", ErrNote, maxNote)
	}
	return note, nil
}

// findHeld returns a request that is held, or was closed already.
func (o *Operator) findHeld(ctx context.Context, id string) (Entry, error) {
	entry, err := o.Find(ctx, id)
	if err == nil && entry.Value.State != Held && entry.Value.State != Closed {
		err = fmt.Errorf("%w: deletion %s is %s: only a held one is closed by a person", ErrState, entry.Value.ID, entry.Value.State)
	}
	return entry, err
}

// close ends a request and tells of it, and does again what a crash left undone of that.
func (o *Operator) close(ctx context.Context, entry Entry, note string) (Entry, error) {
	var err error
	if entry.Value.State == Held {
		entry.Value.State, entry.Value.ClosedAt, entry.Value.Note = Closed, o.Now().UTC(), note
		if entry, err = save(ctx, o.Deletions, entry, o.RecordRetention); err != nil {
			return entry, err
		}
	}
	if entry.Value.Held == UnknownKeys {
		if err := connection.Release(ctx, o.Deletions, entry.Key.Connection, entry.Key.ID, o.Now().Add(o.RecordRetention)); err != nil {
			return entry, err
		}
	}
	return entry, o.Notifier.tell(ctx, entry, closedNotice(entry))
}
