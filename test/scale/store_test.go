package scale

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/memory"
)

// latency is what a request to DynamoDB or SQS is assumed to take. AWS says "single-digit milliseconds".
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html
const latency = 6 * time.Millisecond

// far is a store as far as DynamoDB is, which counts what it is asked. It keeps each connection in a store of its own, so that ten thousand
// take no time.
type far struct {
	mu    sync.Mutex
	parts map[string]*memory.Records
	lists map[string]map[string]record.Record // by list, and place
	in    map[string]string                   // the list that a place is in
	// isNear makes it take no time, and count nothing.
	isNear bool
	usage
}

// usage is what was asked.
type usage struct {
	gets, queries, puts, transactions int
	// actions are the writes within transactions.
	actions int
}

func newFar() *far {
	return &far{parts: map[string]*memory.Records{}, lists: map[string]map[string]record.Record{}, in: map[string]string{}, isNear: true}
}

// asked takes the time of a request and counts it.
func (f *far) asked(count func(u *usage)) {
	if f.isNear {
		return
	}
	time.Sleep(latency)
	f.mu.Lock()
	defer f.mu.Unlock()
	count(&f.usage)
}

// counted returns what was asked since it was called last.
func (f *far) counted() usage {
	f.mu.Lock()
	defer f.mu.Unlock()
	counted := f.usage
	f.usage = usage{}
	return counted
}

func (f *far) part(of record.Connection) *memory.Records {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parts[of.Partition()] == nil {
		f.parts[of.Partition()] = memory.NewRecords()
	}
	return f.parts[of.Partition()]
}

func (f *far) Get(ctx context.Context, key record.Key) (record.Record, error) {
	f.asked(func(u *usage) { u.gets++ })
	return f.part(key.Connection).Get(ctx, key)
}

func (f *far) Put(ctx context.Context, rec record.Record) error {
	f.asked(func(u *usage) { u.puts++ })
	return f.put(ctx, rec)
}

func (f *far) PutAll(ctx context.Context, records ...record.Record) error {
	f.asked(func(u *usage) {
		u.transactions++
		u.actions += len(records)
	})
	return f.put(ctx, records...)
}

func (f *far) put(ctx context.Context, records ...record.Record) error {
	if err := f.part(records[0].Key.Connection).PutAll(ctx, records...); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, rec := range records {
		at := rec.Key.Sort() + rec.Key.Connection.Partition()
		delete(f.lists[f.in[at]], at)
		delete(f.in, at)
		if rec.Pending == "" || rec.Remove {
			continue
		}
		if f.lists[rec.Pending] == nil {
			f.lists[rec.Pending] = map[string]record.Record{}
		}
		f.in[at], rec.Key.Connection = rec.Pending, record.Connection{}
		f.lists[rec.Pending][at] = rec
	}
	return nil
}

func (f *far) QueryKind(ctx context.Context, of record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	f.asked(func(u *usage) { u.queries++ })
	return f.part(of).QueryKind(ctx, of, kind, after)
}

// pageSize is how many finders a page of an index holds, of 1 MB, at the least.
const pageSize = 1000

func (f *far) Pending(_ context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		f.mu.Lock()
		found := maps.Clone(f.lists[list])
		f.mu.Unlock()
		f.asked(func(u *usage) { u.queries++ })
		for i, at := range slices.Sorted(maps.Keys(found)) {
			if i > 0 && i%pageSize == 0 {
				f.asked(func(u *usage) { u.queries++ })
			}
			if !yield(found[at], nil) {
				return
			}
		}
	}
}

// tombstones are the other table, in which there are none.
type tombstones struct{ *far }

func (t tombstones) Get(context.Context, record.Key) (record.Record, error) {
	t.asked(func(u *usage) { u.gets++ })
	return record.Record{}, record.ErrNotFound
}
