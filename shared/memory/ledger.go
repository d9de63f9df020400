// Package memory has the storage engines in memory, for tests and benchmarks of the rules: the same behaviour as the real
// ones (package conformance sees to it), gone with the process. They are safe for concurrent use, start no goroutine, and
// with one caller and one clock they do the same thing every time.
package memory

import (
	"context"
	"sync"
	"time"

	"revento-alerts/shared/ingest"
)

var _ ingest.Ledger = (*Ledger)(nil)

// Ledger is ingest's ledger.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]entry // by delivery id
}

type entry struct {
	ingest.Entry
	expires time.Time
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{entries: map[string]entry{}} }

// Claim implements ingest.Ledger.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if standing, ok := l.entries[claim.DeliveryID]; ok && standing.bars(claim) {
		return &standing.Entry, nil
	}
	l.entries[claim.DeliveryID] = entry{
		Entry:   ingest.Entry{State: ingest.Claimed, Owner: claim.Owner, Identity: claim.Identity, LeaseEnd: claim.LeaseEnd},
		expires: claim.Expires,
	}
	return nil, nil
}

// bars says whether the entry stands in the claim's way.
func (e entry) bars(claim ingest.Claim) bool {
	if !claim.Now.Before(e.expires) {
		return false
	}
	return e.State == ingest.HandedOff || e.Identity != claim.Identity || claim.Now.Before(e.LeaseEnd)
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, deliveryID, owner string, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.entries[deliveryID]
	if own.Owner != owner {
		return ingest.ErrNotOwner
	}
	own.State, own.expires = ingest.HandedOff, expires
	l.entries[deliveryID] = own
	return nil
}

// Release implements ingest.Ledger.
func (l *Ledger) Release(ctx context.Context, deliveryID, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if own := l.entries[deliveryID]; own.Owner != owner || own.State != ingest.Claimed {
		return ingest.ErrNotOwner
	}
	delete(l.entries, deliveryID)
	return nil
}
