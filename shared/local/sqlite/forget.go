package sqlite

import (
	"context"
	"database/sql"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

var _ ingest.Forgetter = (*Ledger)(nil)

// forgetBatch is how many stories are looked at in one transaction: others wait for no longer than that takes.
const forgetBatch = 500

// ForgetStories implements ingest.Forgetter. It looks at each entry: a purge is rare, and the ledger has no index of connections,
// which each delivery would pay for.
func (l *Ledger) ForgetStories(ctx context.Context, connection string, cutoff time.Time) (forgotten int, err error) {
	for after := ""; ; {
		var keys []string
		last, err := do(ctx, l.engine, func(s *session) (last string, err error) {
			last, keys, err = storiesOf(s, after, connection, cutoff)
			for _, key := range keys {
				if _, err := s.exec("UPDATE delivery SET story = ? WHERE id = ?", ingest.Story{Deleted: true}.Encode(), key); err != nil {
					return last, err
				}
			}
			return last, err
		})
		if err != nil {
			return forgotten, err
		}
		forgotten += len(keys)
		if last == after {
			return forgotten, nil
		}
		after = last
	}
}

// storiesOf looks at a batch of entries, and returns the last one's key and the keys of those whose stories are of the connection.
func storiesOf(s *session, after, connection string, cutoff time.Time) (last string, keys []string, err error) {
	last = after
	err = s.each("SELECT id, story FROM delivery WHERE id > ? ORDER BY id LIMIT ?", []any{after, forgetBatch}, func(row *sql.Rows) error {
		var story string
		if err := row.Scan(&last, &story); err != nil {
			return err
		}
		if ingest.ParseStory(story).IsOf(connection, cutoff) {
			keys = append(keys, last)
		}
		return nil
	})
	return last, keys, err
}
