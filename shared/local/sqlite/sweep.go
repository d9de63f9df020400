package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// sweepBatch is how many rows a sweep removes in one transaction: others wait for no longer than that takes.
const sweepBatch = 500

// sweeps remove up to sweepBatch rows each and return how many there were.
var sweeps = []func(s *session, a age) (int64, error){
	expired("DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM deletion WHERE rowid IN (SELECT rowid FROM deletion WHERE expires <= ? LIMIT ?)"),
	expired("DELETE FROM deduplication WHERE (queue, id) IN (SELECT queue, id FROM deduplication WHERE expires <= ? LIMIT ?)"),
	oldMessages,
}

func expired(statement string) func(*session, age) (int64, error) {
	return func(s *session, a age) (int64, error) { return s.exec(statement, stamp(a.believed), sweepBatch) }
}

// oldMessages ends the retention of messages: a dead letter goes, and any other becomes one, so that nothing goes that a person
// could not see. What is being worked on is left until then.
func oldMessages(s *session, a age) (int64, error) {
	var old []queue.Received
	err := s.each(`SELECT seq, queue, group_id, sent_at, attributes FROM message
		WHERE kept_from <= ? AND NOT (receives > 0 AND deferred = 0 AND visible_at > ?) LIMIT ?`,
		[]any{int64(a.ran - queue.Retention), stamp(a.now), sweepBatch}, func(row *sql.Rows) error {
			var m queue.Received
			var attributes string
			if err := row.Scan(&m.ID, &m.Queue, &m.Group, (*moment)(&m.SentAt), &attributes); err != nil {
				return err
			}
			old = append(old, m)
			return decodeAttributes(attributes, &old[len(old)-1].Message)
		})
	if err != nil {
		return 0, err
	}
	for _, m := range old {
		if err := endRetention(s, m, a.now); err != nil {
			return 0, err
		}
	}
	return int64(len(old)), nil
}

func endRetention(s *session, m queue.Received, now time.Time) error {
	if !m.Queue.IsDeadLetter() {
		return giveUp(s, m, queue.ReasonRetention, now)
	}
	if _, err := s.exec("DELETE FROM message WHERE seq = ?", m.ID); err != nil {
		return err
	}
	return promote(s, m.Queue, m.Group, now)
}

// Sweep removes what has expired: deliveries, records, deletions and deduplication ids, and dead letters past their retention; other
// messages become dead letters then. Retention counts the time for which this program ran here. Expiries count by the clock, but
// where it goes on further than that (it was set, or the machine was off) not before this program ran for another day. What it
// and others deleted is then gone from the write-ahead log too; see Scrub for the rest. It is called now and then.
func (e *Engine) Sweep(ctx context.Context) error {
	a, err := do(ctx, e, e.passTime)
	if err != nil {
		return fmt.Errorf("sweep the database: %w", err)
	}
	for _, sweep := range sweeps {
		for removed := int64(sweepBatch); removed == sweepBatch; {
			removed, err = do(ctx, e, func(s *session) (int64, error) { return sweep(s, a) })
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
