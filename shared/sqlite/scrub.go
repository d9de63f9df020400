package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// errand is work that cannot be in a transaction, on its way to the working goroutine.
type errand struct {
	run    func(*session) error
	answer chan error // takes one
}

// Scrub leaves nothing of what was deleted, records, messages or others, in the files of the data folder. It is called at
// the end of a purge.
//
// SQLite overwrites what it deletes (secure_delete) where it stands. But where it moved a row between pages before, as it
// does when a page is full, the row's old place keeps a copy that nothing overwrites; only writing the whole file anew is
// free of those. That takes memory and space on the disk as large as the database, and all other calls wait for it: 1.3 s for
// 100 MB on two cores.
func (e *Engine) Scrub(ctx context.Context) error {
	err := e.alone(ctx, func(s *session) error {
		if _, err := s.conn.ExecContext(s.context(), "VACUUM"); err != nil {
			return err
		}
		return truncateLog(s)
	})
	if err != nil {
		return fmt.Errorf("scrub the data folder: %w", err)
	}
	return nil
}

// truncateLog empties the write-ahead log, which holds older contents of the database's pages.
func truncateLog(s *session) error {
	var busy, frames, moved int
	err := s.conn.QueryRowContext(s.context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err == nil && busy != 0 {
		return errors.New("the write-ahead log is being read")
	}
	return err
}

// alone runs f while no transaction is open. If the context ends while f is being worked on, it still takes effect.
func (e *Engine) alone(ctx context.Context, f func(*session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	work := &errand{run: f, answer: make(chan error, 1)}
	select {
	case e.errands <- work:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closing:
		return ErrClosed
	}
	select {
	case err := <-work.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
