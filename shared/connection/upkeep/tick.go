package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/together"
)

// TickInterval is how often Tick is to be called, and tickGap how long it can be apart until that counts as the program's stop.
const (
	TickInterval = 5 * time.Minute
	tickGap      = 3 * TickInterval
)

// Tick has done what is due, and has told what was not told yet. It returns how many messages it sent for connections.
func (u *Upkeep) Tick(ctx context.Context) (sent int, err error) {
	known, err := u.loadWatch(ctx)
	if err != nil {
		return 0, err
	}
	since := known.Value.since(u.Now())
	counts, silent := make([]int, connection.Shards), make([]int, connection.Shards)
	for first := 0; first < connection.Shards; first += max(u.Copies, 1) {
		err = together.Do(min(max(u.Copies, 1), connection.Shards-first), func(i int) (err error) {
			shard := first + i
			counts[shard], silent[shard], err = u.tickShard(ctx, shard, since)
			return err
		})
		if err != nil {
			return total(counts), fmt.Errorf("look for what is due: %w", err)
		}
	}
	return total(counts), u.send(ctx, tellMessage(tellBody{At: u.Now().UTC(), Tick: true, Silent: total(silent)}))
}

func total(counts []int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}

func (u *Upkeep) tickShard(ctx context.Context, shard int, since time.Time) (sent, silent int, err error) {
	for s, err := range u.Registry.Due(ctx, shard, u.Now()) {
		if err != nil {
			return sent, silent, err
		}
		if !isServed(s) {
			continue
		}
		is, err := u.forget(ctx, s, since)
		if err != nil {
			return sent, silent, err
		}
		if is {
			silent++
		}
		took, err := u.take(ctx, s)
		if err != nil {
			return sent, silent, err
		}
		if took {
			sent++
		}
	}
	return sent, silent, nil
}

// take takes the mark and sends the message, unless one is out.
func (u *Upkeep) take(ctx context.Context, s connection.Standing) (took bool, err error) {
	marked, err := u.loadMark(ctx, s)
	if err != nil || marked.Value.IsHeld(u.Now()) {
		return false, err
	}
	owner := lease.NewOwner()
	marked.Value = mark{Lease: lease.Take(owner, u.Now(), markTime)}
	_, err = record.Save(ctx, u.Records, marked)
	if errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted) { // another took it, or it is stopped
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, u.send(ctx, syncMessage(s.Connection, owner))
}

// forget says whether nobody looked at a connection for long, of which nothing is known then.
func (u *Upkeep) forget(ctx context.Context, s connection.Standing, since time.Time) (bool, error) {
	if u.Now().Sub(s.Due) < u.ProbeInterval/2 { // it was looked at an interval before it was due
		return false, nil
	}
	known, err := u.loadVitals(ctx, s)
	if err != nil {
		return false, err
	}
	state := known.Value.Health
	if s.ConnectedAt.After(since) {
		since = s.ConnectedAt
	}
	if !state.IsSilent(since, u.ProbeInterval, u.Now()) {
		return false, nil
	}
	forgotten := state.Forgotten(u.Now())
	if same(state, forgotten) || !known.Known {
		return true, nil
	}
	known.Value.Health = forgotten
	_, err = record.Save(ctx, u.Records, listed(known))
	if errors.Is(err, record.ErrChanged) || errors.Is(err, record.ErrDeleted) { // somebody looks at it right now, or it is stopped
		return false, nil
	}
	return true, err
}
