package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/ground/lease"
)

var (
	_ ingest.Ledger  = (*Ledger)(nil)
	_ ingest.Journal = (*Ledger)(nil)
	_ ingest.Annals  = (*Ledger)(nil)
)

// Ledger is ingest's ledger.
type Ledger struct{ engine *Engine }

// The entries whose place another may take at the moment ?11.
const (
	notable   = "expires <= ?11 OR state = '" + string(ingest.StateIgnored) + "'"
	claimable = notable + " OR (state = '" + string(ingest.Claimed) + "' AND identity = excluded.identity AND lease_end <= ?11)"
)

// Claim implements ingest.Ledger.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	return do(ctx, l.engine, func(s *session) (*ingest.Entry, error) {
		stored, err := put(s, claim.Entry(), claimable, claim.Now)
		if err != nil || stored {
			return nil, err
		}
		standing, err := scanEntry(func(targets ...any) error {
			return s.row("SELECT "+entryColumns+" FROM delivery WHERE id = ?", []any{claim.Key()}, targets...)
		})
		return &standing, err
	})
}

// entryColumns begin with the entry's key.
const entryColumns = "id, state, owner, identity, lease_end, expires, received_at, claimed_at, handed_off_at, story"

// put stores an entry where none is, or one that replaceable describes.
func put(s *session, entry ingest.Entry, replaceable string, now time.Time) (stored bool, err error) {
	changed, err := s.exec("INSERT INTO delivery ("+entryColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
		ON CONFLICT (id) DO UPDATE
		SET state = excluded.state, owner = excluded.owner, identity = excluded.identity,
			lease_end = excluded.lease_end, expires = excluded.expires, received_at = excluded.received_at,
			claimed_at = excluded.claimed_at, handed_off_at = excluded.handed_off_at, story = excluded.story
		WHERE `+replaceable,
		entry.Key(), entry.State, entry.Owner, entry.Identity, stamp(entry.Ends), stamp(entry.Expires),
		stamp(entry.ReceivedAt), stamp(entry.ClaimedAt), stamp(entry.HandedOffAt), entry.Story.Encode(), stamp(now))
	return changed > 0, err
}

// scanEntry reads the columns of entryColumns.
func scanEntry(scan func(targets ...any) error) (ingest.Entry, error) {
	var entry ingest.Entry
	var key, story string
	err := scan(&key, &entry.State, &entry.Owner, &entry.Identity, (*moment)(&entry.Ends), (*moment)(&entry.Expires),
		(*moment)(&entry.ReceivedAt), (*moment)(&entry.ClaimedAt), (*moment)(&entry.HandedOffAt), &story)
	entry.DeliveryID, entry.Apart = ingest.SplitKey(key)
	entry.Story = ingest.ParseStory(story)
	return entry, err
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, key, owner string, at, expires time.Time) error {
	return l.own(ctx, "UPDATE delivery SET state = ?, handed_off_at = ?, expires = ? WHERE id = ? AND owner = ?",
		ingest.HandedOff, stamp(at), stamp(expires), key, owner)
}

// Release implements ingest.Ledger.
func (l *Ledger) Release(ctx context.Context, key, owner string) error {
	return l.own(ctx, "DELETE FROM delivery WHERE id = ? AND owner = ? AND state = ?", key, owner, ingest.Claimed)
}

// freeClaims ends the leases of a process that is gone: its deliveries can be claimed at once.
func freeClaims(s *session) error {
	_, err := s.exec("UPDATE delivery SET lease_end = ? WHERE state = ?", stamp(time.Time{}), ingest.Claimed)
	return err
}

// freeClaimsOfLater ends the leases that were claimed at a time that has not come. A claim comes with its receipt, which an index
// finds.
func freeClaimsOfLater(s *session, now time.Time) error {
	const receivedBefore = time.Minute
	_, err := s.exec("UPDATE delivery SET lease_end = ? WHERE received_at > ? AND state = ? AND claimed_at > ?",
		stamp(time.Time{}), stamp(now.Add(-receivedBefore)), ingest.Claimed, stamp(now))
	return err
}

// own runs a statement that touches its owner's entry only.
func (l *Ledger) own(ctx context.Context, query string, args ...any) error {
	changed, err := do(ctx, l.engine, func(s *session) (int64, error) { return s.exec(query, args...) })
	if err == nil && changed == 0 {
		return lease.ErrNotOwner
	}
	return err
}

// NoteIgnored implements ingest.Ledger.
func (l *Ledger) NoteIgnored(ctx context.Context, entry ingest.Entry, now time.Time) error {
	_, err := do(ctx, l.engine, func(s *session) (bool, error) { return put(s, entry, notable, now) })
	return err
}

// Find implements ingest.Finder.
func (l *Ledger) Find(ctx context.Context, deliveryID string, now time.Time) (ingest.Entry, error) {
	return read(ctx, l.engine, func(s *session) (ingest.Entry, error) {
		entry, err := scanEntry(func(targets ...any) error {
			return s.row("SELECT "+entryColumns+" FROM delivery WHERE id = ? AND expires > ?", []any{deliveryID, stamp(now)}, targets...)
		})
		if errors.Is(err, sql.ErrNoRows) {
			return ingest.Entry{}, ingest.ErrNotFound
		}
		return entry, err
	})
}

// Rewrite implements ingest.Annals.
func (l *Ledger) Rewrite(ctx context.Context, key string, was, is ingest.Story) (bool, error) {
	changed, err := do(ctx, l.engine, func(s *session) (int64, error) {
		return s.exec("UPDATE delivery SET story = ? WHERE id = ? AND story = ?", is.Encode(), key, was.Encode())
	})
	return changed > 0, err
}

// apart are the entries whose keys begin with a delivery id and a blank: '!' is the character behind it.
const apart = "SELECT " + entryColumns + ` FROM delivery WHERE id > ?1 || ' ' AND id < ?1 || '!' AND expires > ?2
	ORDER BY received_at, id LIMIT ?3`

// FindApart implements ingest.Finder.
func (l *Ledger) FindApart(ctx context.Context, deliveryID string, now time.Time) ([]ingest.Entry, error) {
	return l.list(ctx, apart, deliveryID, stamp(now), ingest.ApartLimit)
}

// list reads the entries that a query of entryColumns finds.
func (l *Ledger) list(ctx context.Context, query string, args ...any) ([]ingest.Entry, error) {
	return read(ctx, l.engine, func(s *session) (entries []ingest.Entry, err error) {
		err = s.each(query, args, func(rows *sql.Rows) error {
			entry, err := scanEntry(rows.Scan)
			entries = append(entries, entry)
			return err
		})
		return entries, err
	})
}

const recent = "SELECT " + entryColumns + ` FROM delivery WHERE (received_at, id) < (?, ?) AND expires > ?
	ORDER BY received_at DESC, id DESC LIMIT ?`

// newest is a cursor before every entry: as text, no stamp comes behind it.
const newest = "~"

// Recent implements ingest.Journal.
func (l *Ledger) Recent(ctx context.Context, now time.Time, limit int, cursor string) ([]ingest.Entry, string, error) {
	receivedAt, key, _ := strings.Cut(cmp.Or(cursor, newest), " ")
	// One more than asked for tells whether this page is the last.
	entries, err := l.list(ctx, recent, receivedAt, key, stamp(now), limit+1)
	if err != nil || len(entries) <= limit {
		return entries, "", err
	}
	last := entries[limit-1]
	return entries[:limit], stamp(last.ReceivedAt) + " " + last.Key(), nil
}
