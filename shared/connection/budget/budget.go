// Package budget paces the calls that are made with a grant's tokens, whichever process makes them, so that Revento's limits are never
// reached by our own doing. One record per grant holds a GCRA cell, which bounds a minute and an hour at once, and the calls in flight.
//
// Nothing here waits: who may not call yet is told for how long, and waits in its queue.
// GCRA: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
package budget

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

// Limits are a kind of token's: so many calls at once, and then one every so often. In any window of a length the calls are at most
// Burst + length/Every.
type Limits struct {
	Burst int
	Every time.Duration
}

// The limits keep below Revento's in a minute and in an hour, also where calls arrive a few seconds later than they were taken, or the
// clocks of two processes are a few seconds apart: 28 of 30 and 500 of 500, 13 of 20 and 199 of 200. (guide: /rate-limits/)
var (
	Installation = Limits{Burst: 20, Every: 7500 * time.Millisecond}
	User         = Limits{Burst: 10, Every: 18950 * time.Millisecond}
)

const (
	// slots are the calls in flight: one less than Revento allows, for one that we take for over and Revento does not.
	slots = revento.InFlight - 1
	// slotTime ends the slot of a process that died. It outlasts a call.
	slotTime = 15 * time.Second
	// reserve is how many calls of a burst background work leaves to others.
	reserve = 5
	// idleTime is how long a record that tells nothing any more is kept.
	idleTime = 2 * time.Hour
)

// Class is whose call it is.
type Class int

// The classes.
const (
	// Foreground is what somebody waits for, and what tells that a connection is broken.
	Foreground Class = iota
	// Background stops while a part of the burst is still there.
	Background
)

// Of is what a budget is of: a grant, with the time of its consent.
type Of struct {
	Connection record.Connection
	Grant      string
	Consented  time.Time
	Limits     Limits
}

// stored is a budget as it is kept.
type stored struct {
	// Cell is GCRA's theoretical arrival time: when the burst would be whole again.
	Cell time.Time `json:"cell"`
	// Slots are the calls in flight.
	Slots []lease.Lease `json:"slots,omitempty"`
}

// Budget keeps the budgets of all grants. It is safe for concurrent use, as are several on one store.
type Budget struct {
	Records record.Store
	Now     func() time.Time
	// Jitter returns a duration from nothing to that given: Random, outside of tests.
	Jitter func(upTo time.Duration) time.Duration
}

// Random is any duration from nothing to that given.
func Random(upTo time.Duration) time.Duration { return rand.N(upTo + 1) }

// ErrWait is returned where no call may be made yet, inside a transient *fault.Error that says how long to wait. Waiting is no attempt.
var ErrWait = errors.New("the budget of calls is used up for now")

// The reasons of ErrWait.
const (
	reasonPaced    = "paced"
	reasonInFlight = "calls_in_flight"
	reasonRaced    = "budget_was_taken_by_others"
)

func wait(reason string, d time.Duration) error {
	return &fault.Error{Class: fault.Transient, Op: "take from the budget of calls", Reason: reason, RetryAfter: d, Err: ErrWait}
}

// The waits that are nobody's to name.
const (
	// slotWait is how long one waits for a call in flight.
	slotWait = time.Second
	// raceWait is how long one waits where others were faster each time.
	raceWait = time.Second
	// throttledWait is how long one waits after a 429 that names no time: the shorter of Revento's windows.
	throttledWait = time.Minute
	// After concurrent_limit_exceeded, which names none either. (guide: /api/errors/)
	minConcurrentWait = time.Second
	maxConcurrentWait = 3 * time.Second
)

// maxRaces is how often a write is tried that others' writes came before. Each of those was a call that was taken.
const maxRaces = 2 * slots * slots

// Do makes a call if the budget allows it, and heeds what its reply tells. It returns ErrWait, or the call's own error.
func (b *Budget) Do(ctx context.Context, of Of, class Class, call func(ctx context.Context) (revento.Allowance, error)) error {
	taken, err := b.take(ctx, of, class)
	if err != nil {
		return err
	}
	allowance, err := call(ctx)
	err = b.throttled(err)
	b.give(ctx, of, taken, b.until(allowance, err))
	return err
}

// take takes a call from the budget, and the slot of a call in flight.
func (b *Budget) take(ctx context.Context, of Of, class Class) (lease.Lease, error) {
	var taken lease.Lease
	err := b.change(ctx, of, func(s stored, now time.Time) (stored, error) {
		burst := of.Limits.Burst
		if class == Background {
			burst -= reserve
		}
		if s.Cell.Before(now) {
			s.Cell = now
		}
		if early := s.Cell.Sub(now) - time.Duration(burst-1)*of.Limits.Every; early > 0 {
			return s, wait(reasonPaced, early)
		}
		if len(s.Slots) >= slots {
			return s, wait(reasonInFlight, slotWait)
		}
		taken = lease.Take(lease.NewOwner(), now, slotTime)
		s.Cell, s.Slots = s.Cell.Add(of.Limits.Every), append(s.Slots, taken)
		return s, nil
	})
	return taken, err
}

// giveTime bounds what is written after a call, also where the caller has given up.
const giveTime = 3 * time.Second

// give gives the slot back, and lets no call before until. Should that fail, the slot ends by itself.
func (b *Budget) give(ctx context.Context, of Of, taken lease.Lease, until time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveTime)
	defer cancel()
	_ = b.change(ctx, of, func(s stored, _ time.Time) (stored, error) {
		s.Slots = slices.DeleteFunc(s.Slots, func(held lease.Lease) bool { return held.IsOf(taken.Owner) })
		// At until there is one call, and the burst comes back from there.
		if full := until.Add(time.Duration(of.Limits.Burst-1) * of.Limits.Every); !until.IsZero() && full.After(s.Cell) {
			s.Cell = full
		}
		return s, nil
	})
}

// until is when Revento allows the next call, or zero.
func (b *Budget) until(allowance revento.Allowance, err error) time.Time {
	switch {
	case revento.CodeOf(err) == revento.CodeConcurrentLimitExceeded:
		return time.Time{} // the other calls' end is what it waits for
	case fault.Has(err, fault.Throttled):
		return b.Now().Add(fault.Of(err).RetryAfter)
	case allowance.IsUsedUp():
		return b.Now().Add(allowance.ResetIn)
	default:
		return time.Time{}
	}
}

// throttled gives a 429 the wait that it does not name.
func (b *Budget) throttled(err error) error {
	if !fault.Has(err, fault.Throttled) {
		return err
	}
	failure := *fault.Of(err)
	if revento.CodeOf(err) == revento.CodeConcurrentLimitExceeded {
		failure.RetryAfter = minConcurrentWait + b.Jitter(maxConcurrentWait-minConcurrentWait)
	} else if failure.RetryAfter <= 0 {
		failure.RetryAfter = throttledWait
	}
	return &failure
}

// change writes what decide makes of the budget, without the slots that have ended, and again where another wrote meanwhile.
func (b *Budget) change(ctx context.Context, of Of, decide func(s stored, now time.Time) (stored, error)) error {
	key := record.Key{Connection: of.Connection, Kind: record.Budget, ID: of.Grant}
	for range maxRaces {
		standing, err := record.Load[stored](ctx, b.Records, key)
		if err != nil {
			return err
		}
		now := b.Now()
		standing.Value.Slots = slices.DeleteFunc(standing.Value.Slots, func(held lease.Lease) bool { return !held.IsHeld(now) })
		if standing.Value, err = decide(standing.Value, now); err != nil {
			return err
		}
		standing.OccurredAt, standing.Expires = of.Consented, now.Add(idleTime)
		if standing.Value.Cell.After(now) {
			standing.Expires = standing.Value.Cell.Add(idleTime)
		}
		if _, err = record.Save(ctx, b.Records, standing); !errors.Is(err, record.ErrChanged) {
			return err
		}
	}
	return wait(reasonRaced, raceWait)
}
