package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
)

// Records holds the stores that open returns to the contract. They may be one and hold other records: each case has a
// connection of its own.
func Records(t *testing.T, open func(*testing.T) record.Store, exempt Exempt) {
	run(t, func(t *testing.T) *recordTest { return newRecordTest(t, open(t)) }, exempt, slices.Concat(recordScenarios, togetherScenarios))
}

type recordTest struct {
	*testing.T
	store record.Store
	first record.Record // not stored yet
}

func newRecordTest(t *testing.T, store record.Store) *recordTest {
	return &recordTest{T: t, store: store, first: record.Record{
		Key: record.Key{
			Connection: record.Connection{EventID: "evt_" + rand.Text(), OrganizationID: "org_1"},
			Kind:       record.Alert,
			ID:         "one",
		},
		OccurredAt: time.Date(2026, 3, 1, 9, 30, 0, 123456789, time.UTC),
		Expires:    time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour),
		Data:       []byte(`{"schema":1,"value":{"text":"première"}}`),
	}}
}

func (r *recordTest) puts(rec record.Record) {
	r.Helper()
	wantSuccess(r.T, fmt.Sprintf("put over version %d", rec.Version), r.store.Put(r.Context(), rec))
}

func (r *recordTest) isRefused(rec record.Record) {
	r.Helper()
	wantError(r.T, fmt.Sprintf("put over version %d", rec.Version), r.store.Put(r.Context(), rec), record.ErrChanged)
}

// holds expects the record as it was put, with the version that it has now.
func (r *recordTest) holds(rec record.Record, version int64) {
	r.Helper()
	got, err := r.store.Get(r.Context(), rec.Key)
	wantSuccess(r.T, "get", err)
	rec.Version = version
	if diff := cmp.Diff(rec, got, cmp.Comparer(bytes.Equal)); diff != "" {
		r.Fatalf("the stored record (-want +got):\n%s", diff)
	}
}

func (r *recordTest) isMissing(key record.Key) {
	r.Helper()
	_, err := r.store.Get(r.Context(), key)
	wantError(r.T, "get", err, record.ErrNotFound)
}

// with returns the record as a later write has it.
func with(rec record.Record, version int64, text string) record.Record {
	rec.Version = version
	rec.Data = fmt.Appendf(nil, `{"schema":1,"value":{"text":%q}}`, text)
	rec.OccurredAt = rec.OccurredAt.Add(time.Minute)
	rec.Expires = rec.Expires.Add(time.Minute)
	return rec
}

var recordScenarios = []scenario[*recordTest]{
	{"a record that is not there is not found", func(_ *testing.T, r *recordTest) {
		r.isMissing(r.first.Key)
	}},
	{"a created record comes back as it was, with version 1", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		r.holds(r.first, 1)
	}},
	{"creating what is there is refused and changes nothing", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		r.isRefused(with(r.first, 0, "second"))
		r.holds(r.first, 1)
	}},
	{"an update of the stored version replaces everything", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		second := with(r.first, 1, "second")
		r.puts(second)
		r.holds(second, 2)
	}},
	{"the version rises by one with each update", func(_ *testing.T, r *recordTest) {
		for version := range int64(5) {
			r.puts(with(r.first, version, "text"))
			r.holds(with(r.first, version, "text"), version+1)
		}
	}},
	{"an update of an older version is refused and changes nothing", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		second := with(r.first, 1, "second")
		r.puts(second)
		r.isRefused(with(r.first, 1, "third"))
		r.holds(second, 2)
	}},
	{"an update of a version that is not stored yet is refused", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		r.isRefused(with(r.first, 2, "third"))
		r.holds(r.first, 1)
	}},
	{"an update of what was deleted meanwhile is refused and creates nothing", func(_ *testing.T, r *recordTest) {
		r.isRefused(with(r.first, 1, "second"))
		r.isMissing(r.first.Key)
	}},
	{"records of two ids, kinds, events or organizations do not mix", func(_ *testing.T, r *recordTest) {
		records := []record.Record{r.first, r.first, r.first, r.first, r.first}
		records[1].Key.ID = "two"
		records[2].Key.Kind = record.Incident
		records[3].Key.Connection.EventID += "2"
		records[4].Key.Connection.OrganizationID = ""
		for number := range records {
			records[number] = with(records[number], 0, fmt.Sprint(number))
			r.puts(records[number])
		}
		for _, rec := range records {
			r.holds(rec, 1)
		}
	}},
	{"a zero Expires, which means never, comes back as zero", func(_ *testing.T, r *recordTest) {
		r.first.Expires = time.Time{}
		r.puts(r.first)
		r.holds(r.first, 1)
	}},
	{"an update can make a record stay for good, and let it expire again", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		forGood := with(r.first, 1, "open")
		forGood.Expires = time.Time{}
		r.puts(forGood)
		r.holds(forGood, 2)
		r.puts(with(r.first, 2, "closed"))
		r.holds(with(r.first, 2, "closed"), 3)
	}},
	{"a moment centuries ago, which a sender may well write, comes back as it was", func(_ *testing.T, r *recordTest) {
		r.first.OccurredAt = time.Date(1066, 10, 14, 9, 0, 0, 1, time.UTC)
		r.puts(r.first)
		r.holds(r.first, 1)
	}},
	{"300 KB of data come back as they were", func(_ *testing.T, r *recordTest) {
		r.first.Data = bytes.Join([][]byte{[]byte(`"`), bytes.Repeat([]byte("a"), 300<<10), []byte(`"`)}, nil)
		r.puts(r.first)
		r.holds(r.first, 1)
	}},
	{"odd characters in keys keep records apart", func(_ *testing.T, r *recordTest) {
		var records []record.Record
		for _, odd := range []string{"#", "##", "%23", "/", `'"\`, " ", "é", "e\u0301", "\U0001F389", "\x00", strings.Repeat("x", 900)} {
			rec := r.first
			rec.Key.ID = odd
			rec.Key.Connection.OrganizationID = odd
			rec = with(rec, 0, odd)
			r.puts(rec)
			records = append(records, rec)
		}
		for _, rec := range records {
			r.holds(rec, 1)
		}
	}},
	{"of many that create at once one wins", func(_ *testing.T, r *recordTest) {
		r.oneWins(0)
	}},
	{"of many that update at once one wins", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		r.oneWins(1)
	}},
	{"a context that is over is an error, and nothing is stored", func(t *testing.T, r *recordTest) {
		wantError(t, "put", r.store.Put(ended(t), r.first), context.Canceled)
		r.isMissing(r.first.Key)
	}},
}

func (r *recordTest) oneWins(version int64) {
	write := func(number int) record.Record { return with(r.first, version, fmt.Sprintf("writer %d", number)) }
	winner := -1
	for number, err := range atOnce(func(number int) error { return r.store.Put(r.Context(), write(number)) }) {
		switch {
		case err == nil && winner < 0:
			winner = number
		case err == nil:
			r.Fatalf("writers %d and %d both won", winner, number)
		case !errors.Is(err, record.ErrChanged):
			r.Fatalf("writer %d: %v", number, err)
		}
	}
	if winner < 0 {
		r.Fatal("no writer won")
	}
	r.holds(write(winner), version+1)
}
