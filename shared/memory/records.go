package memory

import (
	"bytes"
	"context"
	"sync"

	"revento-alerts/shared/record"
)

var _ record.Store = (*Records)(nil)

// Records keeps records. None goes by itself: an expired one may still be returned, and here it is.
type Records struct {
	mu     sync.Mutex
	stored map[record.Key]record.Record
}

// NewRecords returns an empty store.
func NewRecords() *Records { return &Records{stored: map[record.Key]record.Record{}} }

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	if err := ctx.Err(); err != nil {
		return record.Record{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, ok := r.stored[key]
	if !ok {
		return record.Record{}, record.ErrNotFound
	}
	stored.Data = bytes.Clone(stored.Data)
	return stored, nil
}

// Put implements record.Store.
func (r *Records) Put(ctx context.Context, rec record.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stored[rec.Key].Version != rec.Version { // 0 where there is none
		return record.ErrChanged
	}
	rec.Version++
	rec.Data = bytes.Clone(rec.Data)
	r.stored[rec.Key] = rec
	return nil
}
