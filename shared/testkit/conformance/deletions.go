package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
)

// KeptStore is the store of what is kept of connections.
type KeptStore interface {
	record.Store
	record.Purger
	record.Users
}

// DeletionStore is the store of deletions.
type DeletionStore interface {
	record.Store
	record.Lister
}

// Deletions holds the two stores that open returns to the contract of deleting what is kept of a connection. They may hold
// other records.
func Deletions(t *testing.T, open func(*testing.T) (KeptStore, DeletionStore), exempt Exempt) {
	run(t, func(t *testing.T) *deletionTest {
		kept, deletions := open(t)
		return &deletionTest{recordTest: newRecordTest(t, kept), kept: kept, deletions: deletions}
	}, exempt, slices.Concat(gateScenarios, purgeScenarios, kindScenarios, userScenarios, listScenarios, raceScenarios, togetherDeletionScenarios, stoppedPurgeScenarios))
}

// deletionTest is a recordTest of the store of what is kept.
type deletionTest struct {
	*recordTest
	kept      KeptStore
	deletions DeletionStore
}

// deleted sets the connection's tombstone over its stored version.
func (d *deletionTest) deleted(connection record.Connection, cutoff time.Time, version int64) {
	d.Helper()
	tombstone := record.Record{Key: record.TombstoneKey(connection), Version: version, OccurredAt: cutoff, Data: []byte(`{}`)}
	wantSuccess(d.T, "set the tombstone", d.deletions.Put(d.Context(), tombstone))
}

// isGated expects that the store refuses to create the record.
func (d *deletionTest) isGated(rec record.Record) {
	d.Helper()
	wantError(d.T, "create", d.kept.Put(d.Context(), rec), record.ErrDeleted)
	d.isMissing(rec.Key)
}

func (d *deletionTest) deletes(key record.Key, cutoff time.Time, want bool) {
	d.Helper()
	got, err := d.kept.Delete(d.Context(), key, cutoff)
	wantSuccess(d.T, "delete", err)
	if got != want {
		d.Fatalf("delete returned %t, want %t", got, want)
	}
}

// walk calls f with each record of the connection, and returns the number of pages.
func (d *deletionTest) walk(connection record.Connection, f func(record.Record)) (pages int) {
	d.Helper()
	for after := ""; ; pages++ {
		page, err := d.kept.Query(d.Context(), connection, after)
		wantSuccess(d.T, "query", err)
		if len(page) == 0 {
			return pages
		}
		for _, rec := range page {
			if rec.Key.Sort() <= after {
				d.Fatalf("%q comes after %q", rec.Key.Sort(), after)
			}
			after = rec.Key.Sort()
			f(rec)
		}
	}
}

// moved returns the record with another id and moment.
func moved(rec record.Record, id string, by time.Duration) record.Record {
	rec.Key.ID = id
	rec.OccurredAt = rec.OccurredAt.Add(by)
	return rec
}

// centuries is about what a time.Duration holds.
const centuries = 250 * 365 * 24 * time.Hour

// stored returns the record as it comes back after its creation.
func stored(rec record.Record) record.Record {
	rec.Version = 1
	return rec
}

var gateScenarios = []scenario[*deletionTest]{
	{"where a connection has a tombstone, only what occurred after its cutoff is created", func(_ *testing.T, d *deletionTest) {
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		d.isGated(moved(d.first, "centuries before", -centuries))
		d.isGated(moved(d.first, "just before", -1))
		d.isGated(moved(d.first, "at", 0))
		for id, by := range map[string]time.Duration{"just after": 1, "a year after": 365 * 24 * time.Hour} {
			d.puts(moved(d.first, id, by))
			d.holds(moved(d.first, id, by), 1)
		}
	}},
	{"a cutoff is a moment, whatever its zone", func(_ *testing.T, d *deletionTest) {
		d.deleted(d.first.Key.Connection, d.first.OccurredAt.In(time.FixedZone("behind UTC", -7*3600)), 0)
		d.isGated(d.first)
		d.puts(moved(d.first, "just after", 1))
	}},
	{"another connection's tombstone is in nobody's way", func(_ *testing.T, d *deletionTest) {
		for _, another := range []record.Connection{
			{EventID: d.first.Key.Connection.EventID},
			{OrganizationID: d.first.Key.Connection.OrganizationID},
			{EventID: d.first.Key.Connection.EventID + "2", OrganizationID: d.first.Key.Connection.OrganizationID},
		} {
			another.EventID += rand.Text()
			d.deleted(another, d.first.OccurredAt, 0)
		}
		d.puts(d.first)
		d.holds(d.first, 1)
	}},
	{"a connection's deletion records alone are in nobody's way", func(_ *testing.T, d *deletionTest) {
		request := d.first
		request.Key.Kind = record.Deletion
		wantSuccess(d.T, "put a deletion record", d.deletions.Put(d.Context(), request))
		d.puts(d.first)
	}},
	{"a cutoff that was raised counts", func(_ *testing.T, d *deletionTest) {
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		d.puts(moved(d.first, "after the first cutoff", 1))
		d.deleted(d.first.Key.Connection, d.first.OccurredAt.Add(time.Hour), 1)
		d.isGated(moved(d.first, "after the first cutoff too", 1))
		d.isGated(moved(d.first, "at the second", time.Hour))
		d.puts(moved(d.first, "after the second", time.Hour+1))
	}},
	{"a record that is there is updated, whatever the tombstone", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		d.deleted(d.first.Key.Connection, d.first.OccurredAt.Add(time.Hour), 0)
		second := with(d.first, 1, "second")
		d.puts(second)
		d.holds(second, 2)
	}},
	{"a record that was deleted is not created again by an update", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		d.deletes(d.first.Key, d.first.OccurredAt, true)
		d.isRefused(with(d.first, 1, "second"))
		d.isMissing(d.first.Key)
		d.isGated(d.first)
	}},
	{"the deletions are in no tombstone's way", func(_ *testing.T, d *deletionTest) {
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		request := moved(d.first, "an older request", -time.Hour)
		request.Key.Kind = record.Deletion
		wantSuccess(d.T, "put a deletion record", d.deletions.Put(d.Context(), request))
	}},
	{"what is kept and the deletions do not mix", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		_, err := d.deletions.Get(d.Context(), d.first.Key)
		wantError(d.T, "get what is kept from the deletions", err, record.ErrNotFound)
		d.deleted(d.first.Key.Connection, d.first.OccurredAt, 0)
		d.isMissing(record.TombstoneKey(d.first.Key.Connection))
	}},
}

// oddIDs are ids whose order and separation an engine may get wrong.
var oddIDs = []string{"", "#", "##", "%23", "/", `'"\`, " ", "a", "A", "é", "e\u0301", "\uFFFD", "\U0001F389", "\x00", "\x00a",
	strings.Repeat("x", 900)}

// many creates records of all kinds in the connection, with odd ids among them, and returns them as they come back, sorted.
func (d *deletionTest) many(connection record.Connection, count int) []record.Record {
	d.Helper()
	var records []record.Record
	for number := range count {
		rec := moved(d.first, fmt.Sprint(number), time.Duration(number))
		if number/3 < len(oddIDs) {
			rec.Key.ID = oddIDs[number/3]
		}
		rec.Key.Connection = connection
		rec.Key.Kind = []record.Kind{record.Alert, record.Incident, record.Thread}[number%3]
		d.puts(rec)
		records = append(records, stored(rec))
	}
	slices.SortFunc(records, func(a, b record.Record) int { return strings.Compare(a.Key.Sort(), b.Key.Sort()) })
	return records
}

// pagefuls is a number of records that no engine returns in one page.
const pagefuls = 300

var purgeScenarios = []scenario[*deletionTest]{
	{"a connection of which only the partition key is known has the same records", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		known := d.first
		known.Key.Connection = record.ConnectionOfPartition(d.first.Key.Connection.Partition())
		d.holds(known, 1)
		found := 0
		d.walk(known.Key.Connection, func(rec record.Record) {
			found++
			if diff := cmp.Diff(stored(known), rec, cmp.Comparer(bytes.Equal)); diff != "" {
				d.Errorf("the queried record (-want +got):\n%s", diff)
			}
		})
		if found != 1 {
			d.Errorf("%d records were found, want 1", found)
		}
		d.isMissing(record.Key{Connection: record.ConnectionOfPartition("another"), Kind: known.Key.Kind, ID: known.Key.ID})
	}},
	{"a connection of which nothing is kept has no page", func(_ *testing.T, d *deletionTest) {
		d.walk(d.first.Key.Connection, func(rec record.Record) { d.Errorf("there is %v", rec.Key) })
	}},
	{"all of a connection comes in the order of the sort keys, in pages, and nothing else", func(_ *testing.T, d *deletionTest) {
		another := d.first.Key.Connection
		another.EventID += "2"
		d.many(another, 3)
		want := d.many(d.first.Key.Connection, pagefuls)
		var got []record.Record
		if pages := d.walk(d.first.Key.Connection, func(rec record.Record) { got = append(got, rec) }); pages < 2 {
			d.Errorf("%d records came in %d page, which tests no paging", pagefuls, pages)
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
			d.Fatalf("the connection's records (-want +got):\n%s", diff)
		}
	}},
	{"a query goes on after a sort key that is gone meanwhile", func(_ *testing.T, d *deletionTest) {
		all := d.many(d.first.Key.Connection, 3)
		d.deletes(all[1].Key, all[1].OccurredAt, true)
		page, err := d.kept.Query(d.Context(), d.first.Key.Connection, all[1].Key.Sort())
		wantSuccess(d.T, "query", err)
		if diff := cmp.Diff(all[2:], page); diff != "" {
			d.Fatalf("the page (-want +got):\n%s", diff)
		}
	}},
	{"deleting all that a query returns leaves nothing, and nothing of others is missing", func(_ *testing.T, d *deletionTest) {
		another := d.first.Key.Connection
		another.OrganizationID += "2"
		others := d.many(another, 30)
		d.many(d.first.Key.Connection, pagefuls)
		d.purge(d.first.Key.Connection, d.first.OccurredAt.Add(time.Hour))
		d.walk(d.first.Key.Connection, func(rec record.Record) { d.Errorf("%v is left", rec.Key) })
		var left []record.Record
		d.walk(another, func(rec record.Record) { left = append(left, rec) })
		if diff := cmp.Diff(others, left); diff != "" {
			d.Fatalf("the other connection's records (-want +got):\n%s", diff)
		}
	}},
	{"a record that is older than the cutoff or as old is deleted", func(_ *testing.T, d *deletionTest) {
		for id, by := range map[string]time.Duration{"older": -1, "centuries older": -centuries, "as old": 0} {
			rec := moved(d.first, id, by)
			d.puts(rec)
			d.deletes(rec.Key, d.first.OccurredAt, true)
			d.isMissing(rec.Key)
		}
	}},
	{"a record that is newer than the cutoff is kept", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		d.deletes(d.first.Key, d.first.OccurredAt.Add(-1), false)
		d.holds(d.first, 1)
	}},
	{"a record that became newer is kept", func(_ *testing.T, d *deletionTest) {
		d.puts(d.first)
		second := with(d.first, 1, "second")
		d.puts(second)
		d.deletes(d.first.Key, d.first.OccurredAt, false)
		d.holds(second, 2)
	}},
	{"a record that is gone is not deleted again", func(_ *testing.T, d *deletionTest) {
		d.deletes(d.first.Key, d.first.OccurredAt, false)
		d.puts(d.first)
		d.deletes(d.first.Key, d.first.OccurredAt, true)
		d.deletes(d.first.Key, d.first.OccurredAt, false)
	}},
	{"a context that is over is an error, and nothing is deleted", func(t *testing.T, d *deletionTest) {
		d.puts(d.first)
		_, err := d.kept.Query(ended(t), d.first.Key.Connection, "")
		wantError(t, "query", err, context.Canceled)
		_, err = d.kept.Delete(ended(t), d.first.Key, d.first.OccurredAt)
		wantError(t, "delete", err, context.Canceled)
		_, err = d.deletions.List(ended(t), record.Deletion)
		wantError(t, "list", err, context.Canceled)
		d.holds(d.first, 1)
	}},
}

// purge deletes what is not newer than the cutoff, once through.
func (d *deletionTest) purge(connection record.Connection, cutoff time.Time) {
	d.Helper()
	d.walk(connection, func(rec record.Record) {
		if !rec.OccurredAt.After(cutoff) {
			_, err := d.kept.Delete(d.Context(), rec.Key, cutoff)
			wantSuccess(d.T, "delete", err)
		}
	})
}

var listScenarios = []scenario[*deletionTest]{
	{"a kind that no record has lists none", func(_ *testing.T, d *deletionTest) {
		d.lists(record.Kind(rand.Text()), nil)
	}},
	{"all records of a kind are listed, of whatever connection, and no others", func(_ *testing.T, d *deletionTest) {
		kind := record.Kind(rand.Text())
		var want []record.Record
		for number := range 60 {
			rec := moved(d.first, fmt.Sprintf("%03d", number), time.Duration(number))
			rec.Key.Connection.EventID += fmt.Sprint(number / 2)
			rec.Data = fmt.Appendf(nil, `{"schema":1,"value":%q}`, strings.Repeat("a", 20<<10)) // a page of DynamoDB is 1 MB
			for _, another := range []record.Kind{kind + "2", kind[1:]} {
				rec.Key.Kind = another
				wantSuccess(d.T, "put another kind", d.deletions.Put(d.Context(), rec))
			}
			rec.Key.Kind = kind
			wantSuccess(d.T, "put", d.deletions.Put(d.Context(), rec))
			listed := stored(rec)
			listed.Key.Connection = record.Connection{}
			want = append(want, listed)
		}
		d.lists(kind, want)
	}},
	{"an id with the separator in it is listed as it is", func(_ *testing.T, d *deletionTest) {
		rec := moved(d.first, "#a#", 0)
		rec.Key.Kind = record.Kind(rand.Text())
		wantSuccess(d.T, "put", d.deletions.Put(d.Context(), rec))
		listed := stored(rec)
		listed.Key.Connection = record.Connection{}
		d.lists(rec.Key.Kind, []record.Record{listed})
	}},
}

// lists expects the records of the kind, which are sorted by their ids.
func (d *deletionTest) lists(kind record.Kind, want []record.Record) {
	d.Helper()
	got, err := d.deletions.List(d.Context(), kind)
	wantSuccess(d.T, "list", err)
	slices.SortFunc(got, func(a, b record.Record) int { return strings.Compare(a.Key.ID, b.Key.ID) })
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		d.Fatalf("the listed records (-want +got):\n%s", diff)
	}
}
