// Package memory has the storage engines in memory, for tests and benchmarks of the rules: the same behaviour as the real
// ones (package conformance sees to it), gone with the process. They are safe for concurrent use, start no goroutine, and
// with one caller and one clock they do the same thing every time.
package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/ground/lease"
)

var (
	_ ingest.Ledger  = (*Ledger)(nil)
	_ ingest.Journal = (*Ledger)(nil)
	_ ingest.Annals  = (*Ledger)(nil)

	_ ingest.Forgetter = (*Ledger)(nil)
)

// Ledger is ingest's ledger.
type Ledger struct {
	mu      sync.Mutex
	entries map[string]ingest.Entry // by key
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{entries: map[string]ingest.Entry{}} }

// Claim implements ingest.Ledger.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if standing, ok := l.stands(claim.Key(), claim.Now); ok && bars(standing, claim) {
		return &standing, nil
	}
	l.entries[claim.Key()] = claim.Entry()
	return nil, nil
}

// stands returns the entry of a key if it has not expired.
func (l *Ledger) stands(key string, now time.Time) (standing ingest.Entry, ok bool) {
	standing, ok = l.entries[key]
	return standing, ok && now.Before(standing.Expires)
}

// bars says whether an entry that stands is in the claim's way.
func bars(standing ingest.Entry, claim ingest.Claim) bool {
	switch standing.State {
	case ingest.StateIgnored:
		return false
	case ingest.HandedOff:
		return true
	default:
		return standing.Identity != claim.Identity || standing.IsHeld(claim.Now)
	}
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, key, owner string, at, expires time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.entries[key]
	if !own.IsOf(owner) {
		return lease.ErrNotOwner
	}
	own.State, own.HandedOffAt, own.Expires = ingest.HandedOff, at, expires
	l.entries[key] = own
	return nil
}

// Release implements ingest.Ledger.
func (l *Ledger) Release(ctx context.Context, key, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if own := l.entries[key]; !own.IsOf(owner) || own.State != ingest.Claimed {
		return lease.ErrNotOwner
	}
	delete(l.entries, key)
	return nil
}

// NoteIgnored implements ingest.Ledger.
func (l *Ledger) NoteIgnored(ctx context.Context, entry ingest.Entry, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if standing, ok := l.stands(entry.Key(), now); !ok || standing.State == ingest.StateIgnored {
		l.entries[entry.Key()] = entry
	}
	return nil
}

// ForgetStories implements ingest.Forgetter.
func (l *Ledger) ForgetStories(ctx context.Context, connection string, cutoff time.Time) (forgotten int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, entry := range l.entries {
		if entry.Story.IsOf(connection, cutoff) {
			entry.Story = ingest.Story{Deleted: true}
			l.entries[key] = entry
			forgotten++
		}
	}
	return forgotten, nil
}

// Find implements ingest.Finder.
func (l *Ledger) Find(ctx context.Context, deliveryID string, now time.Time) (ingest.Entry, error) {
	if err := ctx.Err(); err != nil {
		return ingest.Entry{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if standing, ok := l.stands(deliveryID, now); ok {
		return standing, nil
	}
	return ingest.Entry{}, ingest.ErrNotFound
}

// Rewrite implements ingest.Annals.
func (l *Ledger) Rewrite(ctx context.Context, key string, was, is ingest.Story) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entry, ok := l.entries[key]
	if !ok || entry.Story.Encode() != was.Encode() {
		return false, nil
	}
	entry.Story = is
	l.entries[key] = entry
	return true, nil
}

// FindApart implements ingest.Finder.
func (l *Ledger) FindApart(ctx context.Context, deliveryID string, now time.Time) ([]ingest.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var entries []ingest.Entry
	l.mu.Lock()
	for _, entry := range l.entries {
		if entry.Apart && entry.DeliveryID == deliveryID && now.Before(entry.Expires) {
			entries = append(entries, entry)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(entries, func(a, b ingest.Entry) int { return strings.Compare(cursorAt(a), cursorAt(b)) })
	return entries[:min(len(entries), ingest.ApartLimit)], nil
}

// Recent implements ingest.Journal.
func (l *Ledger) Recent(ctx context.Context, now time.Time, limit int, cursor string) ([]ingest.Entry, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	var entries []ingest.Entry
	l.mu.Lock()
	for _, entry := range l.entries {
		if now.Before(entry.Expires) && (cursor == "" || cursorAt(entry) < cursor) {
			entries = append(entries, entry)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(entries, func(a, b ingest.Entry) int { return strings.Compare(cursorAt(b), cursorAt(a)) })
	if len(entries) <= limit {
		return entries, "", nil
	}
	return entries[:limit], cursorAt(entries[limit-1]), nil
}

// cursorAt is the cursor of a page that ends with the entry. As text, cursors sort by the moment of receipt.
func cursorAt(entry ingest.Entry) string {
	return entry.ReceivedAt.UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + entry.Key()
}
