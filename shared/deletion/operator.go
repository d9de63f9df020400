package deletion

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"revento-alerts/shared/queue"
)

// Operator is what a person can do with deletions.
type Operator struct {
	Deletions       Store
	Queues          queue.Sender
	Notifier        *Notifier
	RecordRetention time.Duration
	Now             func() time.Time
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

// Find returns a deletion by its id or the id's beginning. It returns ErrNotFound.
func (o *Operator) Find(ctx context.Context, id string) (Entry, error) {
	entries, err := o.All(ctx)
	if err != nil {
		return Entry{}, err
	}
	var found []Entry
	for _, entry := range entries {
		if id != "" && strings.HasPrefix(entry.Value.ID, id) {
			found = append(found, entry)
		}
	}
	if len(found) != 1 {
		return Entry{}, fmt.Errorf("%w: %q names %d deletions: see 'deletions list' for their ids", ErrNotFound, id, len(found))
	}
	return found[0], nil
}

// DeleteNow queues the purge of a deletion that is not due yet, that stands still, or that is to be repeated: what a backup
// brought back must go again. It returns ErrNotFound and ErrState.
func (o *Operator) DeleteNow(ctx context.Context, id string) (Entry, error) {
	entry, err := o.Find(ctx, id)
	if err != nil {
		return entry, err
	}
	if !entry.Value.State.IsOpen() && entry.Value.State != Finished {
		return entry, fmt.Errorf("%w: deletion %s is %s: only one that is requested, scheduled, started or finished can be done now",
			ErrState, entry.Value.ID, entry.Value.State)
	}
	if hasten(&entry.Value, o.Now().UTC()) {
		if entry, err = save(ctx, o.Deletions, entry, o.RecordRetention); err != nil {
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

// hasten makes a deletion due now, and says whether that changed it.
func hasten(c *Case, now time.Time) bool {
	switch {
	case c.State == Finished:
		c.State, c.Due = Scheduled, now
		c.Repeats++
	case now.Before(c.Due):
		c.Due, c.BroughtForward = now, true
	default:
		return false
	}
	return true
}

// Close ends a held request with a note that says what was done. It returns ErrNotFound, ErrState and ErrNote.
func (o *Operator) Close(ctx context.Context, id, note string) (Entry, error) {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > maxNote {
		return Entry{}, fmt.Errorf("%w: say in 1 to %d bytes what was done, without personal data", ErrNote, maxNote)
	}
	entry, err := o.Find(ctx, id)
	if err != nil {
		return entry, err
	}
	if entry.Value.State != Held && entry.Value.State != Closed {
		return entry, fmt.Errorf("%w: deletion %s is %s: only a held one is closed by a person", ErrState, entry.Value.ID, entry.Value.State)
	}
	if entry.Value.State == Held {
		entry.Value.State, entry.Value.ClosedAt, entry.Value.Note = Closed, o.Now().UTC(), note
		if entry, err = save(ctx, o.Deletions, entry, o.RecordRetention); err != nil {
			return entry, err
		}
	}
	return entry, o.Notifier.tell(ctx, entry, closedNotice(entry))
}
