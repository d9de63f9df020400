package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
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

// pageSize is small, so that tests see more than one page.
const pageSize = 7

// Records keeps records. None goes by itself: an expired one may still be returned, and here it is.
type Records struct {
	// Deletions is the store of deletions, which holds the tombstones; nil in that store itself.
	Deletions *Records

	mu     *sync.Mutex // one for both stores: a tombstone and a creation come one after the other
	stored map[place]record.Record
}

// place is where a record is stored, as in the engines with tables.
type place struct{ partition, sort string }

func placeOf(key record.Key) place {
	return place{partition: key.Connection.Partition(), sort: key.Sort()}
}

// NewRecords returns the store of what is kept of connections, and within it that of deletions, both empty.
func NewRecords() *Records {
	deletions := &Records{mu: new(sync.Mutex), stored: map[place]record.Record{}}
	return &Records{Deletions: deletions, mu: deletions.mu, stored: map[place]record.Record{}}
}

// Get implements record.Store.
func (r *Records) Get(ctx context.Context, key record.Key) (record.Record, error) {
	if err := ctx.Err(); err != nil {
		return record.Record{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, ok := r.stored[placeOf(key)]
	if !ok {
		return record.Record{}, record.ErrNotFound
	}
	stored = clone(stored)
	stored.Key = key
	return stored, nil
}

// Put implements record.Store.
func (r *Records) Put(ctx context.Context, rec record.Record) error { return r.PutAll(ctx, rec) }

// PutAll implements record.Store.
func (r *Records) PutAll(ctx context.Context, records ...record.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := record.Check(records...); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range records {
		if err := r.refuses(rec); err != nil {
			return err
		}
	}
	for _, rec := range records {
		r.write(rec)
	}
	return nil
}

// refuses returns what forbids to write the record.
func (r *Records) refuses(rec record.Record) error {
	standing := r.stored[placeOf(rec.Key)]
	if standing.Version != rec.Version { // 0 where there is none
		return record.ErrChanged
	}
	if rec.Version > 0 && standing.User != rec.User {
		return record.ErrChanged
	}
	if rec.Version == 0 && r.isDeleted(rec) {
		return record.ErrDeleted
	}
	return nil
}

func (r *Records) write(rec record.Record) {
	if rec.Remove {
		delete(r.stored, placeOf(rec.Key))
		return
	}
	rec.Version++
	r.stored[placeOf(rec.Key)] = clone(rec)
}

func (r *Records) isDeleted(rec record.Record) bool {
	if r.Deletions == nil {
		return false
	}
	tombstone, ok := r.Deletions.stored[placeOf(record.TombstoneKey(rec.Key.Connection))]
	return ok && !rec.OccurredAt.After(tombstone.OccurredAt)
}

// Query implements record.Purger.
func (r *Records) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	return r.page(ctx, connection, after, func(record.Record) bool { return true })
}

// QueryKind implements record.Purger.
func (r *Records) QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	return r.page(ctx, connection, after, func(stored record.Record) bool { return stored.Key.Kind == kind })
}

// QueryUser implements record.Users.
func (r *Records) QueryUser(ctx context.Context, connection record.Connection, user, after string) ([]record.Record, error) {
	return r.page(ctx, connection, after, func(stored record.Record) bool { return stored.User == user })
}

// page returns the first records after a sort key that are chosen.
func (r *Records) page(
	ctx context.Context, connection record.Connection, after string, choose func(record.Record) bool,
) ([]record.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []record.Record
	for at, stored := range r.stored {
		if at.partition == connection.Partition() && at.sort > after && choose(stored) {
			listed := clone(stored)
			listed.Key.Connection = connection
			found = append(found, listed)
		}
	}
	slices.SortFunc(found, func(a, b record.Record) int { return cmp.Compare(a.Key.Sort(), b.Key.Sort()) })
	return found[:min(len(found), pageSize)], nil
}

// Delete implements record.Purger.
func (r *Records) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	stored, ok := r.stored[placeOf(key)]
	if !ok || stored.OccurredAt.After(cutoff) {
		return false, nil
	}
	delete(r.stored, placeOf(key))
	return true, nil
}

// Pending implements record.Index, without delay.
func (r *Records) Pending(ctx context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(record.Record{}, err)
			return
		}
		for _, found := range r.pending(list) {
			if !yield(found, nil) {
				return
			}
		}
	}
}

func (r *Records) pending(list string) []record.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []record.Record
	for _, stored := range r.stored {
		if stored.Pending == list {
			found = append(found, withoutConnection(stored))
		}
	}
	slices.SortFunc(found, func(a, b record.Record) int { return cmp.Compare(a.Key.Sort(), b.Key.Sort()) })
	return found
}

// List implements record.Lister.
func (r *Records) List(ctx context.Context, kind record.Kind) ([]record.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []record.Record
	for _, stored := range r.stored {
		if stored.Key.Kind == kind {
			found = append(found, withoutConnection(stored))
		}
	}
	return found, nil
}

func withoutConnection(stored record.Record) record.Record {
	listed := clone(stored)
	listed.Key.Connection = record.Connection{}
	return listed
}

func clone(rec record.Record) record.Record {
	rec.Data = bytes.Clone(rec.Data)
	return rec
}
