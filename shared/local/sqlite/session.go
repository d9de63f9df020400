package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// session is the connection with its prepared statements.
type session struct {
	db         *sql.DB // only for conn
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	// changed names what may have changed for who waits once the transaction is committed, such as a queue that may have a
	// message to receive.
	changed map[subject]bool
	// bytes is how much the transaction has written and read so far, as far as it counts: see maxBatchBytes.
	bytes int
}

// context is never over: SQLite rolls the whole transaction back where a statement is interrupted, and that would take
// back the work of other callers. https://sqlite.org/c3ref/interrupt.html
func (s *session) context() context.Context { return context.Background() }

func (s *session) transaction(f func() error) error {
	if _, err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	err := f()
	if err == nil {
		_, err = s.exec("COMMIT")
	}
	if err == nil {
		return nil
	}
	// Where SQLite rolled back by itself, as it does when the disk is full, this fails and nothing is left to do.
	_, rollback := s.exec("ROLLBACK")
	return fmt.Errorf("commit a transaction: %w", errors.Join(err, rollback))
}

// attempt runs a job so that its error leaves no trace. broken says that the transaction cannot go on.
func (s *session) attempt(j *job) (result, broken error) {
	if err := j.ctx.Err(); err != nil {
		return err, nil
	}
	if _, err := s.exec("SAVEPOINT job"); err != nil {
		return nil, err
	}
	result = j.run(s)
	if result != nil {
		if _, err := s.exec("ROLLBACK TO job"); err != nil {
			return nil, errors.Join(result, err)
		}
	}
	_, broken = s.exec("RELEASE job")
	return result, broken
}

// exec returns how many rows the statement changed.
func (s *session) exec(query string, args ...any) (int64, error) {
	for _, arg := range args {
		s.bytes += sizeOf(arg)
	}
	statement, err := s.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(s.context(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// sizeOf is the size of what can be large.
func sizeOf(arg any) int {
	switch value := arg.(type) {
	case string:
		return len(value)
	case []byte:
		return len(value)
	}
	return 0
}

// row scans the one row that the statement returns into targets. It returns sql.ErrNoRows.
func (s *session) row(query string, args []any, targets ...any) error {
	statement, err := s.prepare(query)
	if err != nil {
		return err
	}
	return statement.QueryRowContext(s.context(), args...).Scan(targets...)
}

// each calls scan for each row that the query returns.
func (s *session) each(query string, args []any, scan func(*sql.Rows) error) (err error) {
	statement, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(s.context(), args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *session) prepare(query string) (*sql.Stmt, error) {
	if statement, ok := s.statements[query]; ok {
		return statement, nil
	}
	statement, err := s.conn.PrepareContext(s.context(), query)
	if err != nil {
		return nil, err
	}
	s.statements[query] = statement
	return statement, nil
}

// close ends the statements too: SQLite keeps a connection, and its lock on the file, open as long as one is left.
func (s *session) close() error {
	var failures error
	for _, statement := range s.statements {
		failures = errors.Join(failures, statement.Close())
	}
	return errors.Join(failures, s.conn.Close(), s.db.Close())
}
