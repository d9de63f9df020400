package sqlite

import (
	"context"
	"fmt"
	"time"

	"revento-alerts/shared/queue"
)

// sweepBatch is how many rows a sweep removes in one transaction: others wait for no longer than that takes.
const sweepBatch = 500

// sweeps remove up to sweepBatch rows each and return how many there were.
var sweeps = []func(s *session, now time.Time) (int64, error){
	expired("DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM deletion WHERE rowid IN (SELECT rowid FROM deletion WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM deduplication WHERE (queue, id) IN (SELECT queue, id FROM deduplication WHERE expires <= ? LIMIT ?)"),
	oldMessages,
}

func expired(statement string) func(*session, time.Time) (int64, error) {
	return func(s *session, now time.Time) (int64, error) { return s.exec(statement, stamp(now), sweepBatch) }
}

// oldMessages removes messages past their retention, and makes the next ones of their groups the first.
func oldMessages(s *session, now time.Time) (int64, error) {
	removed, err := s.exec("DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE sent_at <= ? LIMIT ?)",
		stamp(now.Add(-queue.Retention)), sweepBatch)
	if err != nil || removed == 0 {
		return removed, err
	}
	_, err = s.exec(`UPDATE message SET head = 1, visible_at = max(visible_at, ?) WHERE seq IN (
		SELECT min(seq) FROM message WHERE group_id <> '' GROUP BY queue, group_id HAVING max(head) = 0)`, stamp(now))
	return removed, err
}

// Sweep removes what has expired: deliveries, records, deletions, deduplication ids and messages past their retention. What it and
// others deleted is then gone from the write-ahead log too; see Scrub for the rest. It is called now and then.
func (e *Engine) Sweep(ctx context.Context) error {
	for _, sweep := range sweeps {
		for removed := int64(sweepBatch); removed == sweepBatch; {
			var err error
			removed, err = do(ctx, e, func(s *session) (int64, error) { return sweep(s, e.now()) })
			if err != nil {
				return fmt.Errorf("sweep the database: %w", err)
			}
		}
	}
	if err := e.truncate(ctx); err != nil {
		return fmt.Errorf("truncate the write-ahead log: %w", err)
	}
	return nil
}
