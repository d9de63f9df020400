package pass

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
)

// ErrNotHeld is returned for a pass of which nothing is held.
var ErrNotHeld = errors.New("nothing is held of that pass")

// Judged notes that a complete pass was judged at its marker. held is what of it is held for a person, or nil. Where it missed a row for
// the first time, confirm has the next follow soon. Repeating it, or judging a pass that is not the last, changes nothing.
func (p *Passes) Judged(ctx context.Context, of record.Connection, number int64, confirm bool, held *Held) error {
	err := p.register(ctx, of, func(v *stored) (time.Time, error) {
		if v.State != Read || v.Number != number {
			return time.Time{}, errMoved
		}
		now := p.Now().UTC()
		v.State = Judged
		v.Last = Complete{Scope: v.Scope, Calls: v.Calls, At: now}
		v.Last.Number, v.Last.StartedAt = v.Number, v.StartedAt
		v.Held = stillHeld(v.Held, held, now)
		if confirm {
			v.Soon = earlier(v.Soon, now.Add(ConfirmTime))
		}
		return v.Soon, nil
	})
	if errors.Is(err, errMoved) || errors.Is(err, ErrNotServed) || errors.Is(err, record.ErrDeleted) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("note that a pass was judged: %w", err)
	}
	return nil
}

// stillHeld is what is held after a pass: what it holds itself, or what was accepted and is in force.
func stillHeld(standing, next *Held, now time.Time) *Held {
	if next == nil && standing.Accepts(now) {
		return standing
	}
	return next
}

// Accept lets go the rows that a held pass did not see, at the passes of the next two days, of which the first is due now. It returns
// ErrNotHeld.
func (p *Passes) Accept(ctx context.Context, of record.Connection, number int64) error {
	err := p.register(ctx, of, func(v *stored) (time.Time, error) {
		if v.Held == nil || v.Held.Pass != number {
			return time.Time{}, ErrNotHeld
		}
		now := p.Now().UTC()
		held := *v.Held
		held.AcceptedUntil = now.Add(AcceptTime)
		v.Held = &held
		if v.State != Reading {
			v.Soon = now
		}
		return v.Soon, nil
	})
	if err != nil {
		return fmt.Errorf("accept what a pass did not see: %w", err)
	}
	return nil
}
