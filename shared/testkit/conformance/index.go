package conformance

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"revento-alerts/shared/alerting/record"
)

// IndexedStore is a store with an index of what is pending.
type IndexedStore interface {
	KeptStore
	record.Index
}

// Index holds the stores that open returns to the contract of record.Index. They may hold other records: each case has lists
// of its own.
func Index(t *testing.T, open func(*testing.T) IndexedStore, exempt Exempt) {
	run(t, func(t *testing.T) *indexTest {
		store := open(t)
		return &indexTest{recordTest: newRecordTest(t, store), indexed: store, list: "list " + rand.Text()}
	}, exempt, indexScenarios)
}

type indexTest struct {
	*recordTest
	indexed IndexedStore
	list    string
}

// pending returns the test's record under an id, in the test's list.
func (i *indexTest) pending(id string) record.Record {
	rec := with(i.first, 0, id)
	rec.Key.ID, rec.Pending = id, i.list
	return rec
}

// shown returns the first few of what the index shows.
func (i *indexTest) shown(limit int) ([]record.Record, error) {
	var found []record.Record
	for pending, err := range i.indexed.Pending(i.Context(), i.list) {
		if err != nil {
			return nil, err
		}
		if found = append(found, pending); len(found) == limit {
			break
		}
	}
	return found, nil
}

// maxIndexLag is how long an index may show a former state.
const maxIndexLag = 10 * time.Second

// shows expects that the index shows these records, in this order, in a while.
func (i *indexTest) shows(limit int, want ...record.Record) {
	i.Helper()
	for n := range want {
		want[n].Version++
		want[n].Key.Connection = record.Connection{}
	}
	for end := time.Now().Add(maxIndexLag); ; {
		found, err := i.shown(limit)
		wantSuccess(i.T, "list what is pending", err)
		diff := cmp.Diff(want, found, cmp.Comparer(bytes.Equal), cmpopts.EquateEmpty())
		if diff == "" {
			return
		}
		if time.Now().After(end) {
			i.Fatalf("what is pending (-want +got):\n%s", diff)
		}
	}
}

var indexScenarios = []scenario[*indexTest]{
	{"a list that nothing is in is empty", func(_ *testing.T, i *indexTest) {
		i.shows(10)
	}},
	{"a record comes back as it was, both ways", func(_ *testing.T, i *indexTest) {
		one := i.pending("one")
		i.puts(one)
		i.holds(one, 1)
		i.shows(10, one)
	}},
	{"records of all connections and kinds are shown in the order of their sort keys", func(_ *testing.T, i *indexTest) {
		one, two, three := i.pending("one"), i.pending("two"), i.pending("three")
		one.Key.Kind = record.Thread
		two.Key.Connection.EventID += "another"
		for _, rec := range []record.Record{one, two, three} {
			i.puts(rec)
		}
		i.shows(10, three, two, one)
	}},
	{"however many there are, all are shown", func(_ *testing.T, i *indexTest) {
		const number, bytes = 123, 10_000 // more than a page of any engine
		var records []record.Record
		for n := range number {
			rec := i.pending(fmt.Sprintf("%04d", n/2)) // two connections have a record of one sort key
			rec.Key.Connection.EventID += fmt.Sprint(n % 2)
			rec.Data = fmt.Appendf(nil, `{"schema":1,"value":%q}`, strings.Repeat("x", bytes))
			records = append(records, rec)
			i.puts(rec)
		}
		i.shows(len(records)+1, records...)
	}},
	{"a range that is ended shows no more", func(_ *testing.T, i *indexTest) {
		var records []record.Record
		for number := range 5 {
			rec := i.pending(fmt.Sprint(number))
			records = append(records, rec)
			i.puts(rec)
		}
		i.shows(3, records[:3]...)
	}},
	{"a record without a list, and one of another, are not shown", func(_ *testing.T, i *indexTest) {
		one, two, three := i.pending("one"), i.pending("two"), i.pending("three")
		one.Pending, two.Pending = "", "another "+i.list
		for _, rec := range []record.Record{one, two, three} {
			i.puts(rec)
		}
		i.shows(10, three)
	}},
	{"a record that leaves its list is shown no more, and is there", func(_ *testing.T, i *indexTest) {
		one := i.pending("one")
		i.puts(one)
		i.shows(10, one)
		left := with(one, 1, "told")
		left.Pending = ""
		i.puts(left)
		i.shows(10)
		i.holds(left, 2)
	}},
	{"a record enters a list", func(_ *testing.T, i *indexTest) {
		one := i.pending("one")
		one.Pending = ""
		i.puts(one)
		entered := with(one, 1, "to be told")
		entered.Pending = i.list
		i.puts(entered)
		i.shows(10, entered)
	}},
	{"what finds a record comes and goes together with it", func(_ *testing.T, i *indexTest) {
		found, old, next := i.pending("found"), i.pending("at 1"), i.pending("at 2")
		found.Pending = ""
		i.putsAll(found, old)
		i.shows(10, old)
		i.putsAll(with(found, 1, "moved"), removed(old, 1), next)
		i.shows(10, next)
		i.holds(with(found, 1, "moved"), 2)
	}},
	{"a record that is deleted is shown no more", func(t *testing.T, i *indexTest) {
		one := i.pending("one")
		i.puts(one)
		deleted, err := i.indexed.Delete(t.Context(), one.Key, one.OccurredAt)
		wantSuccess(t, "delete", err)
		if !deleted {
			t.Fatal("nothing was deleted")
		}
		i.shows(10)
	}},
}
