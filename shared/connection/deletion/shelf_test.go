package deletion_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

// shelf keeps one connection's records in order, so that a page out of very many is cheap.
type shelf struct {
	keys   []string // the sort keys, in order; those of deleted records stay
	stored map[string]record.Record
}

var _ record.Purger = (*shelf)(nil)

const shelfPage = 100

func newShelf(records ...record.Record) *shelf {
	s := &shelf{stored: map[string]record.Record{}}
	for _, rec := range records {
		s.keys = append(s.keys, rec.Key.Sort())
		s.stored[rec.Key.Sort()] = rec
	}
	slices.Sort(s.keys)
	return s
}

func (s *shelf) Query(_ context.Context, _ record.Connection, after string) ([]record.Record, error) {
	return s.page(after, func(record.Record) bool { return true }), nil
}

func (s *shelf) QueryKind(_ context.Context, _ record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	return s.page(after, func(rec record.Record) bool { return rec.Key.Kind == kind }), nil
}

func (s *shelf) page(after string, choose func(record.Record) bool) []record.Record {
	from, found := slices.BinarySearch(s.keys, after)
	if found {
		from++
	}
	var page []record.Record
	for _, key := range s.keys[from:] {
		if rec, kept := s.stored[key]; kept && choose(rec) {
			page = append(page, rec)
		}
		if len(page) == shelfPage {
			break
		}
	}
	return page
}

func (s *shelf) Delete(_ context.Context, key record.Key, cutoff time.Time) (bool, error) {
	rec, kept := s.stored[key.Sort()]
	if !kept || rec.OccurredAt.After(cutoff) {
		return false, nil
	}
	delete(s.stored, key.Sort())
	return true, nil
}

// refusing is a purger that refuses the first deletion of every record.
type refusing struct {
	record.Purger
	mu      sync.Mutex
	refused map[string]bool
}

func (r *refusing) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	r.mu.Lock()
	refused := r.refused[key.ID]
	r.refused[key.ID] = true
	r.mu.Unlock()
	if !refused {
		return false, errors.New("refused")
	}
	return r.Purger.Delete(ctx, key, cutoff)
}

// purgeOf is the message that asks for the purge of a case.
func purgeOf(entry deletion.Entry) queue.Message {
	c := entry.Value
	named := map[string]any{"event_id": []byte(c.EventID), "organization_id": []byte(c.OrganizationID), "case": entry.Key.ID}
	body, err := json.Marshal(map[string]any{"schema": 1, "purge": named})
	if err != nil {
		panic(err)
	}
	return queue.Message{Body: string(body)}
}
