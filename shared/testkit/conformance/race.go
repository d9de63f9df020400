package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
)

var raceScenarios = []scenario[*deletionTest]{
	{"writers that run against a purge leave nothing old, and lose nothing else", func(_ *testing.T, d *deletionTest) {
		r := newRace(d)
		for number := range attempts {
			d.puts(r.standing(number))
		}
		written := make(chan error, attempts)
		for number := range attempts {
			go func() { written <- r.write(d.Context(), number) }()
		}
		<-r.underWay
		d.deleted(r.connection, r.cutoff, 0)
		d.purge(r.connection, r.cutoff)
		for range attempts {
			wantSuccess(d.T, "write", <-written)
		}
		r.wantKept(r.connection)
		r.wantKept(r.another)
	}},
}

// race is a purge with writers running against it.
type race struct {
	*deletionTest
	connection, another record.Connection
	cutoff              time.Time
	// underWay is closed once a writer is in the midst of it.
	underWay chan struct{}
	begin    func()

	mu   sync.Mutex
	kept map[record.Key]bool // what must be there in the end
}

func newRace(d *deletionTest) *race {
	r := &race{
		deletionTest: d,
		connection:   d.first.Key.Connection,
		another:      record.Connection{EventID: d.first.Key.Connection.EventID},
		cutoff:       d.first.OccurredAt,
		underWay:     make(chan struct{}),
		kept:         map[record.Key]bool{},
	}
	r.begin = sync.OnceFunc(func() { close(r.underWay) })
	return r
}

// standing is a record that is there when the race begins.
func (r *race) standing(number int) record.Record {
	return moved(r.first, fmt.Sprintf("standing %d", number), -time.Hour)
}

// rounds is how often each writer writes.
const rounds = 10

func (r *race) write(ctx context.Context, number int) error {
	defer r.begin()
	for round := range rounds {
		if round == rounds/3 {
			r.begin()
		}
		id := fmt.Sprintf("writer %d, round %d", number, round)
		anothers := moved(r.first, id, -time.Hour)
		anothers.Key.Connection = r.another
		err := errors.Join(
			allow(r.store.Put(ctx, moved(r.first, id+", old", -time.Duration(round))), record.ErrDeleted),
			r.mustKeep(ctx, moved(r.first, id+", new", 1)),
			r.mustKeep(ctx, anothers),
			r.update(ctx, r.standing(number).Key),
			r.together(ctx, id),
		)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return nil
}

// mustKeep creates a record that no deletion is about.
func (r *race) mustKeep(ctx context.Context, rec record.Record) error {
	r.mu.Lock()
	r.kept[rec.Key] = true
	r.mu.Unlock()
	return r.store.Put(ctx, rec)
}

// update writes a standing record anew, as of the cutoff.
func (r *race) update(ctx context.Context, key record.Key) error {
	rec, err := r.store.Get(ctx, key)
	if err != nil {
		return allow(err, record.ErrNotFound)
	}
	rec.OccurredAt = r.cutoff
	return allow(r.store.Put(ctx, rec), record.ErrChanged)
}

// together puts records together: those of after the cutoff, and those of which one is old.
func (r *race) together(ctx context.Context, id string) error {
	one, two, old := moved(r.first, id+", one", 1), moved(r.first, id+", two", time.Hour), moved(r.first, id+", older", -time.Hour)
	r.mu.Lock()
	r.kept[one.Key], r.kept[two.Key] = true, true
	r.mu.Unlock()
	also := moved(r.first, id+", as old", 0)
	return errors.Join(r.store.PutAll(ctx, one, two), allow(r.store.PutAll(ctx, old, also), record.ErrDeleted))
}

// allow lets an error pass that may come.
func allow(err, may error) error {
	if errors.Is(err, may) {
		return nil
	}
	return err
}

// wantKept expects what was to be kept of the connection, and nothing else of it.
func (r *race) wantKept(connection record.Connection) {
	r.Helper()
	found := map[record.Key]bool{}
	r.walk(connection, func(rec record.Record) {
		found[rec.Key] = true
		if !r.kept[rec.Key] {
			r.Errorf("%v is there", rec.Key)
		}
	})
	for key := range r.kept {
		if key.Connection == connection && !found[key] {
			r.Errorf("%v is missing", key)
		}
	}
}
