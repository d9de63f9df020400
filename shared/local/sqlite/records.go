package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"time"

	"revento-alerts/shared/alerting/record"
)

var (
	_ record.Store  = (*Records)(nil)
	_ record.Purger = (*Records)(nil)
	_ record.Lister = (*Records)(nil)
	_ record.Index  = (*Records)(nil)
	_ record.Users  = (*Records)(nil)
)

// Records keeps records, in a table of its own.
type Records struct {
	engine *Engine
	table  string
	// gated says that the tombstones, which are in the table deletion, count.
	gated bool
}

// pageSize is how many records Query returns, and Pending reads at a time, at the most.
const pageSize = 100

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	return read(ctx, r.engine, func(s *session) (record.Record, error) {
		var found columns
		err := s.row("SELECT "+columnNames+" FROM "+r.table+" WHERE connection = ? AND sort = ?",
			[]any{key.Connection.Partition(), key.Sort()}, found.targets()...)
		if errors.Is(err, sql.ErrNoRows) {
			return record.Record{}, record.ErrNotFound
		}
		if err != nil {
			return record.Record{}, err
		}
		return found.record(key.Connection)
	})
}

// Put implements record.Store.
func (r *Records) Put(ctx context.Context, rec record.Record) error { return r.PutAll(ctx, rec) }

// PutAll implements record.Store. The looks at the tombstone and all that is written are one transaction.
func (r *Records) PutAll(ctx context.Context, records ...record.Record) error {
	if err := record.Check(records...); err != nil || len(records) == 0 {
		return err
	}
	_, err := do(ctx, r.engine, func(s *session) (stored bool, err error) {
		for _, rec := range records {
			if err := r.write(s, rec); err != nil {
				return false, err // which takes back what was written before
			}
		}
		return true, nil
	})
	return err
}

// The statements that write a record, on condition of its version: one that finds none changes nothing.
const (
	creation = ` (version, occurred_at, expires, data, pending, connection, sort, user)
		VALUES (?1 + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING`
	update = ` SET version = ?1 + 1, occurred_at = ?2, expires = ?3, data = ?4, pending = ?5
		WHERE connection = ?6 AND sort = ?7 AND version = ?1 AND user IS ?8`
	removal = " WHERE connection = ? AND sort = ? AND version = ? AND user IS ?"
)

// write stores the record, or removes it.
func (r *Records) write(s *session, rec record.Record) error {
	if err := r.gate(s, rec); err != nil {
		return err
	}
	expires := sql.NullString{String: stamp(rec.Expires), Valid: !rec.Expires.IsZero()}
	pending := sql.NullString{String: rec.Pending, Valid: rec.Pending != ""}
	user := sql.NullString{String: rec.User, Valid: rec.User != ""}
	partition, sort := rec.Key.Connection.Partition(), rec.Key.Sort()
	query, args := "UPDATE "+r.table+update, []any{rec.Version, stamp(rec.OccurredAt), expires, rec.Data, pending, partition, sort, user}
	switch {
	case rec.Remove:
		query, args = "DELETE FROM "+r.table+removal, []any{partition, sort, rec.Version, user}
	case rec.Version == 0:
		query = "INSERT INTO " + r.table + creation
	}
	written, err := s.exec(query, args...)
	if err == nil && written == 0 {
		return record.ErrChanged
	}
	return err
}

// gate returns record.ErrDeleted where the connection's tombstone forbids to create the record.
func (r *Records) gate(s *session, rec record.Record) error {
	if !r.gated || rec.Version > 0 {
		return nil
	}
	tombstone := record.TombstoneKey(rec.Key.Connection)
	var deleted bool
	err := s.row("SELECT EXISTS (SELECT 1 FROM deletion WHERE connection = ? AND sort = ? AND occurred_at >= ?)",
		[]any{tombstone.Connection.Partition(), tombstone.Sort(), stamp(rec.OccurredAt)}, &deleted)
	if err == nil && deleted {
		return record.ErrDeleted
	}
	return err
}

// Query implements record.Purger.
func (r *Records) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	return r.find(ctx, connection, "connection = ? AND sort > ? ORDER BY sort LIMIT ?", connection.Partition(), after, pageSize)
}

// afterKind is greater than the sort keys of every record of a kind, and not than those of any kind behind it.
func afterKind(kind record.Kind) string {
	begin := kind.Sort()
	return begin[:len(begin)-1] + string(begin[len(begin)-1]+1)
}

// QueryKind implements record.Purger.
func (r *Records) QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	return r.find(ctx, connection, kindCondition, connection.Partition(), max(after, kind.Sort()), after, afterKind(kind), pageSize)
}

const kindCondition = "connection = ? AND sort >= ? AND sort > ? AND sort < ? ORDER BY sort LIMIT ?"

// QueryUser implements record.Users.
func (r *Records) QueryUser(ctx context.Context, connection record.Connection, user, after string) ([]record.Record, error) {
	return r.find(ctx, connection, userCondition, connection.Partition(), user, after, pageSize)
}

const userCondition = "connection = ? AND user = ? AND sort > ? ORDER BY sort LIMIT ?"

// List implements record.Lister. It reads the whole table: for the store of deletions, which is small.
func (r *Records) List(ctx context.Context, kind record.Kind) ([]record.Record, error) {
	prefix := record.Key{Kind: kind}.Sort()
	return r.find(ctx, record.Connection{}, "substr(sort, 1, length(?1)) = ?1", prefix)
}

// pendingPage is the condition of a page's records, with the place of the last one of the page before.
const pendingPage = "pending = ? AND (sort, connection) > (?, ?) ORDER BY sort, connection LIMIT ?"

// Pending implements record.Index, without delay.
func (r *Records) Pending(ctx context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var last columns
		for {
			page, err := r.pendingAfter(ctx, list, &last)
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			for _, found := range page {
				if !yield(found, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

// pendingAfter returns the page behind a row, and moves that to the page's last one.
func (r *Records) pendingAfter(ctx context.Context, list string, last *columns) ([]record.Record, error) {
	return r.scan(ctx, record.Connection{}, last, pendingPage, list, last.sort, last.connection, pageSize)
}

// find returns the records that the condition is true of, with the connection given in their keys.
func (r *Records) find(
	ctx context.Context, connection record.Connection, condition string, args ...any,
) ([]record.Record, error) {
	return r.scan(ctx, connection, new(columns), condition, args...)
}

// scan is find, and leaves the last row in found.
func (r *Records) scan(
	ctx context.Context, connection record.Connection, found *columns, condition string, args ...any,
) ([]record.Record, error) {
	return read(ctx, r.engine, func(s *session) ([]record.Record, error) {
		var records []record.Record
		err := s.each("SELECT "+columnNames+" FROM "+r.table+" WHERE "+condition, args, func(row *sql.Rows) error {
			if err := row.Scan(found.targets()...); err != nil {
				return err
			}
			rec, err := found.record(connection)
			records = append(records, rec)
			return err
		})
		return records, err
	})
}

// Delete implements record.Purger. SQLite overwrites what it deletes, but other copies are in the files until Scrub.
func (r *Records) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	deleted, err := do(ctx, r.engine, func(s *session) (int64, error) {
		return s.exec("DELETE FROM "+r.table+" WHERE connection = ? AND sort = ? AND occurred_at <= ?",
			key.Connection.Partition(), key.Sort(), stamp(cutoff))
	})
	return deleted > 0, err
}

// columns is a row of a table of records.
type columns struct {
	connection, sort, occurredAt string
	version                      int64
	data                         []byte

	expires, pending, user sql.NullString
}

const columnNames = "connection, sort, version, occurred_at, expires, data, pending, user"

// targets is where the columns named are scanned into.
func (c *columns) targets() []any {
	return []any{&c.connection, &c.sort, &c.version, &c.occurredAt, &c.expires, &c.data, &c.pending, &c.user}
}

// record is the row's record of the connection, which the row does not name in a readable form.
func (c *columns) record(connection record.Connection) (rec record.Record, err error) {
	rec = record.Record{
		Key: record.Key{Connection: connection}, Version: c.version, Pending: c.pending.String, User: c.user.String, Data: c.data,
	}
	rec.Key.Kind, rec.Key.ID = record.ParseSort(c.sort)
	if rec.OccurredAt, err = parseStamp(c.occurredAt); err != nil {
		return record.Record{}, err
	}
	if c.expires.Valid {
		rec.Expires, err = parseStamp(c.expires.String)
	}
	return rec, err
}
