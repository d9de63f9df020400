package deletion

import (
	"context"
	"errors"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
)

// mark is a cutoff, and the case that set it.
type mark struct {
	Case   string    `json:"case"` // the key's id
	Cutoff time.Time `json:"cutoff"`
}

// tombstone is what is kept beside a connection's cutoff, which is the latest of those in force.
type tombstone struct {
	// Returned says that something of after the cutoff came, and that it was announced.
	Returned bool `json:"returned,omitempty"`
	// Case is the key's id of the case whose cutoff it is; "" where none is in force.
	Case string `json:"case"`
	// Held are the cutoffs of requests that stop the connection and are held: each falls where a person closes its request.
	Held []mark `json:"held,omitempty"`
	// Required is the latest cutoff of the other requests, which only rises. It is set only beside Held: else it is the one above.
	Required mark `json:"required,omitzero"`
}

// stone is a tombstone as it is stored.
type stone = record.Entry[tombstone]

func loadTombstone(ctx context.Context, store record.Store, connection record.Connection) (stone, error) {
	return record.Load[tombstone](ctx, store, record.TombstoneKey(connection))
}

// isInForce says whether the tombstone stops anything: where every request was closed, it does not.
func isInForce(s stone) bool { return s.Known && !s.OccurredAt.IsZero() }

// required is the latest cutoff of the requests that are not held; zero where there is none.
func required(s stone) mark {
	if len(s.Value.Held) > 0 {
		return s.Value.Required
	}
	return mark{Case: s.Value.Case, Cutoff: s.OccurredAt}
}

// latest returns the tombstone with these cutoffs, of which the latest rules. While one is held it never expires: a person may
// take as long as it takes.
func latest(s stone, required mark, held []mark, expires time.Time) stone {
	ruling := required
	for _, m := range held {
		if m.Cutoff.After(ruling.Cutoff) {
			ruling = m
		}
	}
	returned := s.Value.Returned && s.Value.Case == ruling.Case
	s.OccurredAt, s.Expires = ruling.Cutoff, expires
	s.Value = tombstone{Case: ruling.Case, Returned: returned}
	if len(held) > 0 {
		s.Value.Held, s.Value.Required, s.Expires = held, required, time.Time{}
	}
	return s
}

// change writes what decide makes of the connection's tombstone, unless that is nothing, and again where another wrote meanwhile.
func change(
	ctx context.Context, store record.Store, connection record.Connection, decide func(stone) (changed stone, write bool),
) error {
	for {
		standing, err := loadTombstone(ctx, store, connection)
		if err != nil {
			return err
		}
		changed, write := decide(standing)
		if !write {
			return nil
		}
		if _, err = record.Save(ctx, store, changed); !errors.Is(err, record.ErrChanged) {
			return err
		}
	}
}

// require makes a cutoff one that only rises; newest is false where a later one stands. What was held of the same case is not
// held any more.
func require(ctx context.Context, store record.Store, key record.Key, cutoff, expires time.Time) (newest bool, err error) {
	err = change(ctx, store, key.Connection, func(s stone) (stone, bool) {
		standing, held := required(s), without(s.Value.Held, key.ID)
		order := cutoff.Compare(standing.Cutoff)
		newest = order >= 0
		if order > 0 {
			standing = mark{Case: key.ID, Cutoff: cutoff}
		}
		return latest(s, standing, held, expires), order > 0 || len(held) < len(s.Value.Held)
	})
	return newest, err
}

// hold stops what happened up to a cutoff until release.
func hold(ctx context.Context, store record.Store, key record.Key, cutoff time.Time) error {
	return change(ctx, store, key.Connection, func(s stone) (stone, bool) {
		held := without(s.Value.Held, key.ID)
		isThere := len(held) < len(s.Value.Held)
		return latest(s, required(s), append(held, mark{Case: key.ID, Cutoff: cutoff}), s.Expires), !isThere
	})
}

// release takes back what hold stopped.
func release(ctx context.Context, store record.Store, key record.Key, expires time.Time) error {
	return change(ctx, store, key.Connection, func(s stone) (stone, bool) {
		held := without(s.Value.Held, key.ID)
		return latest(s, required(s), held, expires), len(held) < len(s.Value.Held)
	})
}

// without returns the marks but for a case's.
func without(marks []mark, caseID string) []mark {
	return slices.DeleteFunc(slices.Clone(marks), func(m mark) bool { return m.Case == caseID })
}
