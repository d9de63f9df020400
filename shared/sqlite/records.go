package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"revento-alerts/shared/record"
)

var _ record.Store = (*Records)(nil)

// Records keeps records.
type Records struct{ engine *Engine }

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	return do(ctx, r.engine, func(s *session) (record.Record, error) {
		stored := record.Record{Key: key}
		var occurredAt string
		var expires sql.NullString
		err := s.row("SELECT version, occurred_at, expires, data FROM record WHERE connection = ? AND sort = ?",
			[]any{key.Connection.Partition(), key.Sort()}, &stored.Version, &occurredAt, &expires, &stored.Data)
		if errors.Is(err, sql.ErrNoRows) {
			return record.Record{}, record.ErrNotFound
		}
		if err != nil {
			return record.Record{}, err
		}
		if stored.OccurredAt, err = parseStamp(occurredAt); err != nil {
			return record.Record{}, err
		}
		if expires.Valid {
			stored.Expires, err = parseStamp(expires.String)
		}
		return stored, err
	})
}

// Put implements record.Store.
func (r *Records) Put(ctx context.Context, rec record.Record) error {
	query := `UPDATE record SET version = ?1 + 1, occurred_at = ?2, expires = ?3, data = ?4
		WHERE connection = ?5 AND sort = ?6 AND version = ?1`
	if rec.Version == 0 {
		query = `INSERT INTO record (version, occurred_at, expires, data, connection, sort)
			VALUES (?1 + 1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING`
	}
	expires := sql.NullString{String: stamp(rec.Expires), Valid: !rec.Expires.IsZero()}
	stored, err := do(ctx, r.engine, func(s *session) (int64, error) {
		return s.exec(query, rec.Version, stamp(rec.OccurredAt), expires, rec.Data, rec.Key.Connection.Partition(), rec.Key.Sort())
	})
	if err == nil && stored == 0 {
		return record.ErrChanged
	}
	return err
}
