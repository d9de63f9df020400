package attendance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/legible"
)

// maxAhead is how far the clock at the door may be ahead of ours.
const maxAhead = 5 * time.Minute

// errGone is returned for what happened up to a connection's cutoff.
var errGone = fmt.Errorf("%w: what happened up to then is deleted, or to be deleted", ErrState)

// checkIn is what is kept of one: not whose it is, which its key tells only beside the participant's own record.
type checkIn struct {
	Life connection.Life `json:"life"`
	At   time.Time       `json:"at"`
}

// Arrival is what a check-in is answered with.
type Arrival struct {
	Participant
	// Again says that they had come before: CheckedInAt is of then.
	Again bool `json:"again"`
}

// CheckIn notes that a participant came, now where at is zero. Once is enough: whoever comes again came at the first time. Who cancelled,
// as Revento has it, is let in too, and the answer tells it to who stands at the door. It returns ErrUnknown, ErrTime, ErrState and
// Connections' errors.
func (a *Attendance) CheckIn(ctx context.Context, eventID, participantID string, at time.Time) (Arrival, error) {
	at, err := a.moment(at)
	if err != nil {
		return Arrival{}, err
	}
	standing, err := a.current(ctx, eventID)
	if err != nil {
		return Arrival{}, err
	}
	if !at.After(standing.Tombstone.Cutoff()) {
		return Arrival{}, errGone
	}
	p, err := a.participant(ctx, standing, participantID)
	if err != nil {
		return Arrival{}, err
	}
	kept, again, err := a.note(ctx, standing, p, at)
	if err != nil {
		return Arrival{}, err
	}
	return Arrival{guest{p, kept}.shown(standing.Connection), again}, a.recheck(ctx, standing, p)
}

// moment is when somebody came.
func (a *Attendance) moment(at time.Time) (time.Time, error) {
	now := a.Now().UTC()
	switch {
	case at.IsZero():
		return now, nil
	case at.After(now.Add(maxAhead)):
		return at, fmt.Errorf("%w: %s is more than %s ahead of this clock", ErrTime, legible.Time(at), legible.Duration(maxAhead))
	case at.After(now):
		return now, nil
	default:
		return at.UTC(), nil
	}
}

func (a *Attendance) participant(ctx context.Context, standing connection.Standing, id string) (Person, error) {
	p, err := a.People.Participant(ctx, standing.Connection, id)
	if errors.Is(err, record.ErrNotFound) {
		return p, fmt.Errorf("%w: %q is not known at %s: if Revento has them, the next full look at the event shows them", ErrUnknown, id,
			standing.EventID)
	}
	return p, err
}

func keyOf(of record.Connection, p Person) record.Key {
	return record.Key{Connection: of, Kind: record.CheckIn, ID: p.Key}
}

// note keeps a check-in, and returns when they came; again says that it was known.
func (a *Attendance) note(ctx context.Context, standing connection.Standing, p Person, at time.Time) (kept time.Time, again bool, err error) {
	const attempts = 3 // two doors at the same time, and a record of a life before
	for range attempts {
		if kept, again, err = a.noteOnce(ctx, standing, p, at); !errors.Is(err, record.ErrChanged) {
			break
		}
	}
	if errors.Is(err, record.ErrDeleted) {
		return kept, again, errGone
	}
	return kept, again, err
}

func (a *Attendance) noteOnce(ctx context.Context, standing connection.Standing, p Person, at time.Time) (time.Time, bool, error) {
	entry, err := record.Load[checkIn](ctx, a.Records, keyOf(standing.Connection, p))
	if err != nil {
		return time.Time{}, false, err
	}
	if entry.Known && entry.Value.Life == standing.Life {
		return entry.Value.At, true, nil
	}
	if entry.Known { // of a life before, which counts as absent: the purge may not have come to it
		gone := entry.Record
		gone.Remove = true
		if err := a.Records.PutAll(ctx, gone); err != nil {
			return time.Time{}, false, fmt.Errorf("replace a check-in of before the deletion: %w", err)
		}
		entry = record.Entry[checkIn]{Record: record.Record{Key: entry.Key}}
	}
	// A deletion ends a life or does not, and takes with it all that is of it.
	entry.Value, entry.OccurredAt, entry.User = checkIn{Life: standing.Life, At: at}, standing.Life.Began(), p.User
	_, err = record.Save(ctx, a.Records, entry)
	return at, false, err
}

// recheck takes a check-in back where the participant's data was deleted meanwhile: it would be all that is left of them.
func (a *Attendance) recheck(ctx context.Context, standing connection.Standing, p Person) error {
	_, err := a.participant(ctx, standing, p.ID)
	if !errors.Is(err, ErrUnknown) {
		return err
	}
	stored, getErr := a.Records.Get(ctx, keyOf(standing.Connection, p))
	if errors.Is(getErr, record.ErrNotFound) {
		return err
	}
	stored.Remove = true
	removeErr := a.Records.PutAll(ctx, stored)
	if errors.Is(removeErr, record.ErrChanged) { // another took it back
		removeErr = nil
	}
	return errors.Join(err, getErr, removeErr)
}

// checkIns ranges over the check-ins of the connection's present life, those after a key.
func (a *Attendance) checkIns(ctx context.Context, standing connection.Standing, after string) iter.Seq2[record.Entry[checkIn], error] {
	return func(yield func(record.Entry[checkIn], error) bool) {
		from := record.CheckIn.Sort() + after
		if after == "" {
			from = ""
		}
		for {
			page, err := a.Records.QueryKind(ctx, standing.Connection, record.CheckIn, from)
			if err != nil {
				yield(record.Entry[checkIn]{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, stored := range page {
				entry, err := record.Decode[checkIn](stored)
				if err == nil && entry.Value.Life != standing.Life {
					continue
				}
				if !yield(entry, err) || err != nil {
					return
				}
			}
			from = page[len(page)-1].Key.Sort()
		}
	}
}
