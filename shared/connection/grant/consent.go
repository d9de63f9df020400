package grant

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// Standing is what may be told of a connection's tokens.
type Standing struct {
	State       connection.State
	Reason      connection.Reason
	Grant       string
	Generation  int64
	Scope       string
	Consented   time.Time
	FirstIssued time.Time
	// RefreshEnds is when the refresh token dies unless it is refreshed before.
	RefreshEnds time.Time
	// Failures is how many refreshes failed in a row, and FailureReason why the last one did.
	Failures      int
	FailureReason string
}

// Standing returns how a connection's tokens stand; its State is "" where nobody ever consented.
func (k *Keeper) Standing(ctx context.Context, of record.Connection) (Standing, error) {
	held, err := record.Load[stored](ctx, k.Records, keyOf(of))
	if err != nil {
		return Standing{}, err
	}
	s := held.Value
	return Standing{
		State: s.State, Reason: s.Reason, Grant: s.Grant, Generation: s.Generation, Scope: s.Scope, Consented: held.OccurredAt,
		FirstIssued: s.FirstIssued, RefreshEnds: s.RefreshEnds, Failures: s.Failures, FailureReason: s.FailureReason,
	}, nil
}

const opConsent = "keep what was consented to"

// ErrForeign is returned for tokens that are not the connection's, inside a permanent *fault.Error.
var ErrForeign = errors.New("the tokens are another event's or organization's")

// Consent begins a grant with its generation 1, in the place of whatever was there. at is the consent's time. It returns ErrForeign, and
// record.ErrDeleted for a consent that is not newer than the connection's cutoff.
func (k *Keeper) Consent(ctx context.Context, of record.Connection, tokens revento.Tokens, at time.Time) error {
	for {
		begun, err := k.Begin(ctx, of, tokens, at)
		if err != nil {
			return err
		}
		if err = k.Records.Put(ctx, begun); !errors.Is(err, record.ErrChanged) {
			return errors.Join(err, k.endStopped(ctx, of, at))
		}
	}
}

// Begin is Consent without writing: it returns the record that is to be put, alone or with others of the connection.
func (k *Keeper) Begin(ctx context.Context, of record.Connection, tokens revento.Tokens, at time.Time) (record.Record, error) {
	if isForeign(of, tokens) || tokens.EventID == "" {
		return record.Record{}, &fault.Error{Class: fault.Permanent, Op: opConsent, Reason: string(connection.Broken), Err: ErrForeign}
	}
	ring, err := k.Rings.Get(ctx)
	if err != nil {
		return record.Record{}, &fault.Error{Class: fault.Transient, Op: opConsent, Reason: reasonNoRing, Err: err}
	}
	begun := stored{Grant: rand.Text(), Generation: 1, State: connection.Active, FirstIssued: at}.issued(tokens, at)
	begun, err = sealed(ring, of, begun, pair{}.after(tokens))
	if err != nil {
		return record.Record{}, err
	}
	standing, err := record.Load[stored](ctx, k.Records, keyOf(of))
	if err != nil {
		return record.Record{}, err
	}
	standing.Value, standing.OccurredAt = begun, at
	return record.Encode(standing)
}

// endStopped erases what was consented to just when the connection was stopped: what stops it erases only what it finds.
func (k *Keeper) endStopped(ctx context.Context, of record.Connection, at time.Time) error {
	cutoff, err := record.Cutoff(ctx, k.Deletions, of)
	if err != nil || cutoff.IsZero() || at.After(cutoff) {
		return err
	}
	return errors.Join(record.ErrDeleted, k.End(ctx, of, cutoff, connection.Deletion))
}

// End erases a connection's tokens, at once and for good: a reply that is still on its way is not taken. Those of a consent that is newer
// than cutoff stay.
func (k *Keeper) End(ctx context.Context, of record.Connection, cutoff time.Time, reason connection.Reason) error {
	return k.replace(ctx, of, func(standing entry) (entry, bool) {
		isOver := standing.Value.State == connection.Ended && standing.Value.Sealed == ""
		if !standing.Known || isOver || standing.OccurredAt.After(cutoff) {
			return standing, false
		}
		standing.Value = standing.Value.quiet("").as(connection.Ended, reason)
		standing.Value.Sealed, standing.Value.Attempts = "", nil
		return standing, true
	})
}

// replace writes what change makes of the record, again where another wrote meanwhile.
func (k *Keeper) replace(ctx context.Context, of record.Connection, change func(entry) (entry, bool)) error {
	for {
		standing, err := record.Load[stored](ctx, k.Records, keyOf(of))
		if err != nil {
			return err
		}
		changed, write := change(standing)
		if !write {
			return nil
		}
		if _, err = record.Save(ctx, k.Records, changed); !errors.Is(err, record.ErrChanged) {
			return err
		}
	}
}
