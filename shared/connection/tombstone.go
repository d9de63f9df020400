package connection

import (
	"context"
	"errors"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/together"
)

// Stop is a cutoff, and the case of the deletion that set it.
type Stop struct {
	Case   string    `json:"case"` // the id of its key
	Cutoff time.Time `json:"cutoff"`
}

// stone is what is kept beside a connection's cutoff, which is the latest of those in force.
type stone struct {
	// Returned says that something of after the cutoff came, and that it was announced.
	Returned bool `json:"returned,omitempty"`
	// Case is the case whose cutoff it is; "" where none is in force.
	Case string `json:"case"`
	// Held are the cutoffs of requests that stop the connection and are held: each falls where a person closes its request.
	Held []Stop `json:"held,omitempty"`
	// Required is the latest cutoff of the other requests, which only rises. It is set only beside Held: else it is the one above.
	Required Stop `json:"required,omitzero"`
}

// Tombstone is what stops a connection, the same for all who ask: those that work on its events, those that act for it, the purge, and
// the consent by which it comes back.
//
//	none --Require--> required: the data is to go; the cutoff only rises
//	none --Hold--> held --Release--> none;  held --Require, of the same case--> required
//	any --something of after the cutoff comes--> returned, told once for each cutoff
//
// It lies in the store of deletions, where no purge of the connection takes it.
type Tombstone struct{ entry record.Entry[stone] }

// LoadTombstone reads a connection's tombstone, strongly consistent. Where there is none, it stops nothing.
func LoadTombstone(ctx context.Context, deletions record.Store, connection record.Connection) (Tombstone, error) {
	entry, err := record.Load[stone](ctx, deletions, record.TombstoneKey(connection))
	return Tombstone{entry}, err
}

// Cutoff is the moment up to which it stops what happened; zero where it stops nothing: there is none, or every request was closed.
func (t Tombstone) Cutoff() time.Time { return t.entry.OccurredAt }

// Case is the case that set the cutoff; "" where there is none.
func (t Tombstone) Case() string { return t.entry.Value.Case }

// IsReturned says whether it was announced that the connection is back.
func (t Tombstone) IsReturned() bool { return t.entry.Value.Returned }

// Stops says whether what is of that moment is stopped.
func (t Tombstone) Stops(at time.Time) bool { return isUpTo(at, t.Cutoff()) }

// StopsForGood says whether it is stopped by a request that nobody can close any more.
func (t Tombstone) StopsForGood(at time.Time) bool { return isUpTo(at, t.required().Cutoff) }

func isUpTo(at, cutoff time.Time) bool { return !cutoff.IsZero() && !at.After(cutoff) }

// required is the latest cutoff of the requests that are not held; zero where there is none.
func (t Tombstone) required() Stop {
	if value := t.entry.Value; len(value.Held) > 0 {
		return value.Required
	}
	return Stop{Case: t.Case(), Cutoff: t.Cutoff()}
}

// with returns the tombstone with these stops, of which the latest rules. While one is held it never expires: a person may take as
// long as it takes.
func (t Tombstone) with(required Stop, held []Stop, expires time.Time) Tombstone {
	ruling := required
	for _, stop := range held {
		if stop.Cutoff.After(ruling.Cutoff) {
			ruling = stop
		}
	}
	returned := t.IsReturned() && t.Case() == ruling.Case
	t.entry.OccurredAt, t.entry.Expires = ruling.Cutoff, expires
	t.entry.Value = stone{Case: ruling.Case, Returned: returned}
	if len(held) > 0 {
		t.entry.Value.Held, t.entry.Value.Required, t.entry.Expires = held, required, time.Time{}
	}
	return t
}

// change writes what decide makes of the connection's tombstone, unless that is nothing, and again where another wrote meanwhile.
func change(
	ctx context.Context, deletions record.Store, connection record.Connection, decide func(Tombstone) (changed Tombstone, write bool),
) error {
	for {
		standing, err := LoadTombstone(ctx, deletions, connection)
		if err != nil {
			return err
		}
		changed, write := decide(standing)
		if !write {
			return nil
		}
		if _, err = record.Save(ctx, deletions, changed.entry); !errors.Is(err, record.ErrChanged) {
			return err
		}
	}
}

// Require makes a stop one that only rises; newest is false where one with a later cutoff stands. What was held of the same case is not
// held any more. The tombstone may go at expires.
func Require(
	ctx context.Context, deletions record.Store, connection record.Connection, stop Stop, expires time.Time,
) (newest bool, err error) {
	err = change(ctx, deletions, connection, func(t Tombstone) (Tombstone, bool) {
		standing, held := t.required(), without(t.entry.Value.Held, stop.Case)
		order := stop.Cutoff.Compare(standing.Cutoff)
		newest = order >= 0
		if order > 0 {
			standing = stop
		}
		return t.with(standing, held, expires), order > 0 || len(held) < len(t.entry.Value.Held)
	})
	return newest, err
}

// Hold stops what happened up to a cutoff until Release.
func Hold(ctx context.Context, deletions record.Store, connection record.Connection, stop Stop) error {
	return change(ctx, deletions, connection, func(t Tombstone) (Tombstone, bool) {
		held := without(t.entry.Value.Held, stop.Case)
		isThere := len(held) < len(t.entry.Value.Held)
		return t.with(t.required(), append(held, stop), t.entry.Expires), !isThere
	})
}

// Release takes back what Hold stopped for a case. What is left of the tombstone may go at expires.
func Release(ctx context.Context, deletions record.Store, connection record.Connection, caseID string, expires time.Time) error {
	return change(ctx, deletions, connection, func(t Tombstone) (Tombstone, bool) {
		held := without(t.entry.Value.Held, caseID)
		return t.with(t.required(), held, expires), len(held) < len(t.entry.Value.Held)
	})
}

// without returns the stops but for a case's.
func without(stops []Stop, caseID string) []Stop {
	return slices.DeleteFunc(slices.Clone(stops), func(stop Stop) bool { return stop.Case == caseID })
}

// NoteReturn keeps that it was announced that the connection is back. Where another announced it, or a newer cutoff came, that stands.
func NoteReturn(ctx context.Context, deletions record.Store, t Tombstone) error {
	t.entry.Value.Returned = true
	_, err := record.Save(ctx, deletions, t.entry)
	if errors.Is(err, record.ErrChanged) {
		return nil
	}
	return err
}

// readsAtOnce is how many connections are read at the same time: a thousand take less than a second.
const readsAtOnce = 16

// Cutoffs reads the cutoffs of connections, of which a digest has up to a thousand, by their partition keys. Those without one are left
// out.
func Cutoffs(ctx context.Context, deletions record.Store, connections []record.Connection) (map[string]time.Time, error) {
	cutoffs := map[string]time.Time{}
	for chunk := range slices.Chunk(connections, readsAtOnce) {
		found := make([]time.Time, len(chunk))
		err := together.Do(len(chunk), func(i int) (err error) {
			found[i], err = record.Cutoff(ctx, deletions, chunk[i])
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, connection := range chunk {
			if !found[i].IsZero() {
				cutoffs[connection.Partition()] = found[i]
			}
		}
	}
	return cutoffs, nil
}
