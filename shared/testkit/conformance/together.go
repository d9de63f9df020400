package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/fault"
)

func (r *recordTest) putsAll(records ...record.Record) {
	r.Helper()
	wantSuccess(r.T, fmt.Sprintf("put %d records together", len(records)), r.store.PutAll(r.Context(), records...))
}

func (r *recordTest) areRefused(want error, records ...record.Record) {
	r.Helper()
	wantError(r.T, fmt.Sprintf("put %d records together", len(records)), r.store.PutAll(r.Context(), records...), want)
}

// named returns the test's record under an id, not stored yet.
func (r *recordTest) named(id string) record.Record {
	rec := with(r.first, 0, id)
	rec.Key.ID = id
	return rec
}

// removed returns the record as it is to be removed at a version.
func removed(rec record.Record, version int64) record.Record {
	rec.Version, rec.Remove = version, true
	return rec
}

var togetherScenarios = []scenario[*recordTest]{
	{"records that are put together are there together", func(_ *testing.T, r *recordTest) {
		one, two := r.named("one"), r.named("two")
		two.Key.Kind, two.Expires = record.Thread, time.Time{}
		r.puts(one)
		one = with(one, 1, "one, again")
		r.putsAll(one, two, r.named("three"))
		r.holds(one, 2)
		r.holds(two, 1)
		r.holds(r.named("three"), 1)
	}},
	{"where one of them was changed by another, none is stored", func(_ *testing.T, r *recordTest) {
		standing := r.named("standing")
		r.puts(standing)
		for name, stale := range map[string]record.Record{
			"created twice": with(standing, 0, "second"), "an old version": with(standing, 2, "third"),
			"gone": with(r.named("nowhere"), 1, "second"), "removed at an old version": removed(standing, 2),
			"removed already": removed(r.named("nowhere"), 1),
		} {
			r.areRefused(record.ErrChanged, r.named("before "+name), stale, r.named("after "+name))
			r.isMissing(r.named("before " + name).Key)
			r.isMissing(r.named("after " + name).Key)
		}
		r.holds(standing, 1)
		r.isMissing(r.named("nowhere").Key)
	}},
	{"what was read is removed together with what is stored, and its place is free", func(_ *testing.T, r *recordTest) {
		r.puts(r.named("old"))
		r.putsAll(removed(r.named("old"), 1), r.named("new"))
		r.isMissing(r.named("old").Key)
		r.holds(r.named("new"), 1)
		r.putsAll(removed(r.named("new"), 1))
		r.isMissing(r.named("new").Key)
		r.puts(r.named("old"))
		r.holds(r.named("old"), 1)
	}},
	{"one record is removed as it is stored, at its version", func(_ *testing.T, r *recordTest) {
		r.puts(r.first)
		r.isRefused(removed(r.first, 2))
		r.holds(r.first, 1)
		r.puts(removed(r.first, 1))
		r.isMissing(r.first.Key)
	}},
	{"as many as may be put together are there, each about a user", func(_ *testing.T, r *recordTest) {
		var records []record.Record
		for number := range record.MaxTogether {
			records = append(records, about(r.named(""), fmt.Sprint(number), fmt.Sprint("usr_", number)))
		}
		r.putsAll(records...)
		for _, rec := range records {
			r.holds(rec, 1)
		}
	}},
	{"what cannot be put together is a permanent error, and nothing is stored", func(_ *testing.T, r *recordTest) {
		elsewhere := r.named("elsewhere")
		elsewhere.Key.Connection.EventID += "2"
		crowd := make([]record.Record, record.MaxTogether+1)
		for number := range crowd {
			crowd[number] = r.named(strings.Repeat("x", number))
		}
		for name, records := range map[string][]record.Record{
			"two connections": {r.named("one"), elsewhere}, "one twice": {r.named("one"), r.named("two"), r.named("one")},
			"removed unread": {r.named("one"), removed(r.named("two"), 0)}, "too many": crowd,
		} {
			err := r.store.PutAll(r.Context(), records...)
			if err == nil || !fault.Has(err, fault.Permanent) {
				r.Errorf("%s: the error is %v, want a permanent one", name, err)
			}
			for _, rec := range records {
				r.isMissing(rec.Key)
			}
		}
	}},
	{"no records are put together without an error", func(_ *testing.T, r *recordTest) {
		r.putsAll()
	}},
	{"of many that put the same together at once one wins, and all is its own", func(_ *testing.T, r *recordTest) {
		r.puts(r.named("counter"))
		all := func(number int) []record.Record {
			text := fmt.Sprintf("writer %d", number)
			return []record.Record{with(r.named("counter"), 1, text), with(r.named("one"), 0, text), with(r.named("two"), 0, text)}
		}
		winner := -1
		for number, err := range atOnce(func(number int) error { return r.store.PutAll(r.Context(), all(number)...) }) {
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
		r.holds(all(winner)[0], 2)
		r.holds(all(winner)[1], 1)
		r.holds(all(winner)[2], 1)
	}},
	{"a context that is over is an error, and nothing is put together", func(t *testing.T, r *recordTest) {
		wantError(t, "put together", r.store.PutAll(ended(t), r.named("one"), r.named("two")), context.Canceled)
		r.isMissing(r.named("one").Key)
	}},
}

// areGated expects that the store refuses to put the records together.
func (d *deletionTest) areGated(records ...record.Record) {
	d.Helper()
	d.areRefused(record.ErrDeleted, records...)
}

var togetherDeletionScenarios = []scenario[*deletionTest]{
	{"where one of them is of up to the cutoff, none is created or updated", func(_ *testing.T, d *deletionTest) {
		standing := moved(d.first, "standing", 0)
		d.puts(standing)
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		for _, old := range []record.Record{moved(d.first, "at", 0), moved(d.first, "before", -1), moved(d.first, "centuries before", -centuries)} {
			after, more := moved(d.first, "after", 1), moved(d.first, "more", time.Hour)
			d.areGated(after, old, more, with(standing, 1, "second"))
			d.areGated(old, after)
			d.isMissing(old.Key)
			d.isMissing(after.Key)
		}
		d.holds(standing, 1)
	}},
	{"what is of after the cutoff is put together, and what is there is updated and removed, whatever the tombstone", func(_ *testing.T, d *deletionTest) {
		one, two := moved(d.first, "one", 0), moved(d.first, "two", 0)
		d.putsAll(one, two)
		d.deleted(d.first.Key.Connection, d.first.OccurredAt.Add(time.Hour), 0)
		after := moved(d.first, "after", time.Hour+1)
		d.putsAll(with(one, 1, "second"), removed(two, 1), after)
		d.holds(with(one, 1, "second"), 2)
		d.isMissing(two.Key)
		d.holds(after, 1)
		d.putsAll(with(one, 2, "third"))
		d.holds(with(one, 2, "third"), 3)
	}},
	{"records about users that are put together are found by their users, and removed with what finds them", func(_ *testing.T, d *deletionTest) {
		one, two := about(d.first, "one", "usr_1"), about(d.first, "two", "usr_2")
		d.putsAll(one, two, moved(d.first, "nobody's", 0))
		d.wantAll(d.ofUser(one.Key.Connection, one.User), stored(one))
		d.wantAll(d.ofUser(two.Key.Connection, two.User), stored(two))
		other := two
		other.User = one.User
		d.areRefused(record.ErrChanged, removed(other, 1))
		d.areRefused(record.ErrChanged, with(other, 1, "second"))
		d.putsAll(removed(two, 1))
		d.wantAll(d.ofUser(two.Key.Connection, two.User))
		d.wantAll(d.ofAll(), stored(moved(d.first, "nobody's", 0)), stored(one))
	}},
}
