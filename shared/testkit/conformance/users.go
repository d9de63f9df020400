package conformance

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
)

// reading reads a page of records after a sort key.
type reading func(after string) ([]record.Record, error)

// wantAll expects these records, sorted, on the pages of a reading, and returns how many pages there were.
func (d *deletionTest) wantAll(read reading, want ...record.Record) (pages int) {
	d.Helper()
	var got []record.Record
	for after := ""; ; pages++ {
		page, err := read(after)
		wantSuccess(d.T, "query", err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		after = page[len(page)-1].Key.Sort()
	}
	slices.SortFunc(want, func(a, b record.Record) int { return strings.Compare(a.Key.Sort(), b.Key.Sort()) })
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		d.Fatalf("the records (-want +got):\n%s", diff)
	}
	return pages
}

func (d *deletionTest) ofKind(kind record.Kind) reading {
	return func(after string) ([]record.Record, error) {
		return d.kept.QueryKind(d.Context(), d.first.Key.Connection, kind, after)
	}
}

var kindScenarios = []scenario[*deletionTest]{
	{"a kind that nothing is kept of has no page", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		d.wantAll(d.ofKind(record.Digest))
	}},
	{"all of a kind comes in the order of the sort keys, in pages, and nothing else", func(_ *testing.T, d *deletionTest) {
		another := d.first.Key.Connection
		another.EventID += "2"
		d.many(another, 3)
		all := d.many(d.first.Key.Connection, 3*pagefuls)
		for _, kind := range []record.Kind{record.Alert, record.Incident, record.Thread} {
			want := slices.DeleteFunc(slices.Clone(all), func(rec record.Record) bool { return rec.Key.Kind != kind })
			if pages := d.wantAll(d.ofKind(kind), want...); pages < 2 {
				d.Errorf("%d records came in %d page, which tests no paging", len(want), pages)
			}
		}
	}},
	{"a kind whose name begins as another's is another", func(_ *testing.T, d *deletionTest) {
		run, entry := d.first, d.first
		run.Key.Kind, entry.Key.Kind = record.DigestRun, record.Digest
		d.puts(run)
		d.puts(entry)
		d.wantAll(d.ofKind(record.Digest), stored(entry))
		d.wantAll(d.ofKind(record.DigestRun), stored(run))
	}},
	{"a query of a kind goes on after a sort key that is gone meanwhile", func(_ *testing.T, d *deletionTest) {
		var all []record.Record
		for _, id := range []string{"1", "2", "3"} {
			d.puts(moved(d.first, id, 0))
			all = append(all, stored(moved(d.first, id, 0)))
		}
		d.deletes(all[1].Key, all[1].OccurredAt, true)
		page, err := d.kept.QueryKind(d.Context(), d.first.Key.Connection, d.first.Key.Kind, all[1].Key.Sort())
		wantSuccess(d.T, "query", err)
		if diff := cmp.Diff(all[2:], page); diff != "" {
			d.Fatalf("the page (-want +got):\n%s", diff)
		}
	}},
	{"a query of a kind whose context is over is an error", func(t *testing.T, d *deletionTest) {
		_, err := d.kept.QueryKind(ended(t), d.first.Key.Connection, record.Alert, "")
		wantError(t, "query", err, context.Canceled)
	}},
}

func (d *deletionTest) ofUser(connection record.Connection, user string) reading {
	return func(after string) ([]record.Record, error) {
		return d.kept.QueryUser(d.Context(), connection, user, after)
	}
}

// about returns the record with another id, about a user of its connection.
func about(rec record.Record, id, userID string) record.Record {
	rec.Key.ID = id
	rec.User = record.UserKey(rec.Key.Connection, userID)
	return rec
}

var userScenarios = []scenario[*deletionTest]{
	{"a record about a user comes back as it was, is found by the user, and once among all", func(_ *testing.T, d *deletionTest) {
		rec := about(d.first, "one", "usr_1")
		d.puts(rec)
		d.holds(rec, 1)
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), stored(rec))
		d.wantAll(d.ofKind(rec.Key.Kind), stored(rec))
		d.wantAll(d.ofAll(), stored(rec))
	}},
	{"a user of whom nothing is kept has no page", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		d.puts(about(d.first, "another's", "usr_2"))
		d.wantAll(d.ofUser(d.first.Key.Connection, record.UserKey(d.first.Key.Connection, "usr_1")))
	}},
	{"all of a user comes in the order of the sort keys, in pages, and nothing of others", func(_ *testing.T, d *deletionTest) {
		another := d.first
		another.Key.Connection.EventID += "2"
		d.puts(about(another, "1", "usr_1"))
		var mine []record.Record
		for number := range pagefuls {
			rec := moved(d.first, fmt.Sprint(number), time.Duration(number))
			if number < len(oddIDs) {
				rec.Key.ID = oddIDs[number]
			}
			rec.Key.Kind = []record.Kind{record.Alert, record.Incident, record.Thread}[number%3]
			rec.User = record.UserKey(rec.Key.Connection, fmt.Sprint("usr_", number%2))
			d.puts(rec)
			if number%2 == 0 {
				mine = append(mine, stored(rec))
			}
		}
		if pages := d.wantAll(d.ofUser(d.first.Key.Connection, record.UserKey(d.first.Key.Connection, "usr_0")), mine...); pages < 2 {
			d.Errorf("%d records came in %d page, which tests no paging", len(mine), pages)
		}
	}},
	{"an update keeps its user, and none of another user is written", func(_ *testing.T, d *deletionTest) {
		rec := about(d.first, "one", "usr_1")
		d.puts(rec)
		second := with(rec, 1, "second")
		d.puts(second)
		d.holds(second, 2)
		for _, user := range []string{"", record.UserKey(rec.Key.Connection, "usr_2")} {
			third := with(rec, 2, "third")
			third.User = user
			d.isRefused(third)
		}
		d.holds(second, 2)
		second.Version = 2
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), second)
		plain := moved(d.first, "plain", 0)
		d.puts(plain)
		named := with(plain, 1, "second")
		named.User = rec.User
		d.isRefused(named)
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), second)
	}},
	{"a record about a user is created once, and not against a tombstone", func(_ *testing.T, d *deletionTest) {
		rec := about(d.first, "one", "usr_1")
		d.puts(rec)
		d.isRefused(with(rec, 0, "second"))
		d.deleted(rec.Key.Connection, rec.OccurredAt, 0)
		d.isGated(about(d.first, "two", "usr_1"))
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), stored(rec))
		later := about(moved(d.first, "", 1), "later", "usr_1")
		d.puts(later)
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), stored(rec), stored(later))
	}},
	{"a record about a user that is deleted is not found by the user, and nothing is left of it", func(_ *testing.T, d *deletionTest) {
		rec, newer := about(d.first, "one", "usr_1"), about(moved(d.first, "", 1), "newer", "usr_1")
		d.puts(rec)
		d.puts(newer)
		d.deletes(newer.Key, rec.OccurredAt, false)
		d.deletes(rec.Key, rec.OccurredAt, true)
		d.deletes(rec.Key, rec.OccurredAt, false)
		d.isMissing(rec.Key)
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), stored(newer))
		d.wantAll(d.ofAll(), stored(newer))
		d.puts(about(d.first, "one", "usr_2")) // its place is free for anybody
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User), stored(newer))
	}},
	{"one user's records go alone", func(t *testing.T, d *deletionTest) {
		connection := d.first.Key.Connection
		user := record.UserKey(connection, "usr_1")
		others := []record.Record{stored(moved(d.first, "nobody's", 0)), stored(about(d.first, "another's", "usr_2"))}
		for _, rec := range others {
			rec.Version = 0
			d.puts(rec)
		}
		newer := about(moved(d.first, "", 1), "newer", "usr_1")
		d.puts(newer)
		for number := range pagefuls / 10 {
			d.puts(about(d.first, fmt.Sprint(number), "usr_1"))
		}
		deleted, err := record.DeleteUser(t.Context(), d.kept, connection, user, d.first.OccurredAt)
		wantSuccess(t, "delete a user's records", err)
		if deleted != pagefuls/10 {
			t.Errorf("%d were deleted, want %d", deleted, pagefuls/10)
		}
		d.wantAll(d.ofUser(connection, user), stored(newer))
		d.wantAll(d.ofAll(), append(others, stored(newer))...)
	}},
	{"the purge of a connection takes its users' records, and what finds them", func(_ *testing.T, d *deletionTest) {
		rec := about(d.first, "one", "usr_1")
		d.puts(rec)
		d.purge(rec.Key.Connection, rec.OccurredAt)
		d.wantAll(d.ofAll())
		d.wantAll(d.ofUser(rec.Key.Connection, rec.User))
	}},
	{"a query of a user whose context is over is an error", func(t *testing.T, d *deletionTest) {
		_, err := d.kept.QueryUser(ended(t), d.first.Key.Connection, "a user", "")
		wantError(t, "query", err, context.Canceled)
	}},
}

func (d *deletionTest) ofAll() reading {
	return func(after string) ([]record.Record, error) {
		return d.kept.Query(d.Context(), d.first.Key.Connection, after)
	}
}
