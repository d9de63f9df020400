package sqlite

import (
	"context"
	"time"

	"revento-alerts/shared/ingest"
)

var _ ingest.Ledger = (*Ledger)(nil)

// Ledger is ingest's ledger.
type Ledger struct{ engine *Engine }

// Claim implements ingest.Ledger.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	return do(ctx, l.engine, func(s *session) (*ingest.Entry, error) {
		now := stamp(claim.Now)
		stored, err := s.exec(`
			INSERT INTO delivery (id, state, owner, identity, lease_end, expires) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE
			SET state = excluded.state, owner = excluded.owner, identity = excluded.identity,
				lease_end = excluded.lease_end, expires = excluded.expires
			WHERE expires <= ? OR (state = ? AND identity = excluded.identity AND lease_end <= ?)`,
			claim.DeliveryID, ingest.Claimed, claim.Owner, claim.Identity, stamp(claim.LeaseEnd), stamp(claim.Expires),
			now, ingest.Claimed, now)
		if err != nil || stored > 0 {
			return nil, err
		}
		return standing(s, claim.DeliveryID)
	})
}

func standing(s *session, deliveryID string) (*ingest.Entry, error) {
	var entry ingest.Entry
	var leaseEnd string
	err := s.row("SELECT state, owner, identity, lease_end FROM delivery WHERE id = ?", []any{deliveryID},
		&entry.State, &entry.Owner, &entry.Identity, &leaseEnd)
	if err != nil {
		return nil, err
	}
	entry.LeaseEnd, err = parseStamp(leaseEnd)
	return &entry, err
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, deliveryID, owner string, expires time.Time) error {
	return l.own(ctx, "UPDATE delivery SET state = ?, expires = ? WHERE id = ? AND owner = ?",
		ingest.HandedOff, stamp(expires), deliveryID, owner)
}

// Release implements ingest.Ledger.
func (l *Ledger) Release(ctx context.Context, deliveryID, owner string) error {
	return l.own(ctx, "DELETE FROM delivery WHERE id = ? AND owner = ? AND state = ?", deliveryID, owner, ingest.Claimed)
}

// own runs a statement that touches its owner's entry only.
func (l *Ledger) own(ctx context.Context, query string, args ...any) error {
	changed, err := do(ctx, l.engine, func(s *session) (int64, error) { return s.exec(query, args...) })
	if err == nil && changed == 0 {
		return ingest.ErrNotOwner
	}
	return err
}
