package conformance

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
)

// JournalLedger is a ledger that can be read in order.
type JournalLedger interface {
	FindingLedger
	ingest.Journal
	ingest.Forgetter
}

// Journal holds the ledgers that open returns to the contract. Each is empty and a case's own.
func Journal(t *testing.T, open func(*testing.T) JournalLedger, exempt Exempt) {
	run(t, func(t *testing.T) *journalTest {
		ledger := open(t)
		return &journalTest{newLedgerTest(t, ledger), ledger}
	}, exempt, journalScenarios)
}

type journalTest struct {
	*ledgerTest
	journal JournalLedger
}

// claims claims a delivery that was received so much later than the first.
func (j *journalTest) claims(id string, after time.Duration) ingest.Claim {
	j.Helper()
	claim := j.later("owner", after)
	claim.DeliveryID = id
	j.wins(claim)
	return claim
}

// reads expects these pages of so many entries at most, and that there are no more.
func (j *journalTest) reads(now time.Time, limit int, want ...[]string) {
	j.Helper()
	var pages [][]string
	for cursor := ""; len(pages) == 0 || cursor != "" && len(pages) <= len(want); {
		var page []string
		entries, next, err := j.journal.Recent(j.Context(), now, limit, cursor)
		wantSuccess(j.T, "recent", err)
		for _, entry := range entries {
			page = append(page, entry.DeliveryID)
		}
		pages, cursor = append(pages, page), next
	}
	if diff := cmp.Diff(want, pages); diff != "" {
		j.Fatalf("the pages (-want +got):\n%s", diff)
	}
}

var journalScenarios = []scenario[*journalTest]{
	{"the stories of a connection up to the cutoff are forgotten, and the entries stay", func(_ *testing.T, j *journalTest) {
		cutoff := time.Date(2026, 5, 9, 12, 0, 10, 0, time.UTC)
		told := func(id, connection string, at time.Time) ingest.Claim {
			claim := j.later("owner", 0)
			claim.DeliveryID = id
			claim.Story = ingest.Story{Type: "a type", Connection: connection, IncidentKey: "a key", OccurredAt: at}
			j.wins(claim)
			return claim
		}
		want := map[string]ingest.Entry{}
		for id, at := range map[string]time.Time{"before": cutoff.Add(-1), "at": cutoff, "unknown": {}} {
			entry := told(id, "ours", at).Entry()
			entry.Story = ingest.Story{Deleted: true}
			want[id] = entry
		}
		want["after"] = told("after", "ours", cutoff.Add(1)).Entry()
		want["another's"] = told("another's", "theirs", cutoff.Add(-1)).Entry()
		for _, forgotten := range []int{3, 0} {
			got, err := j.journal.ForgetStories(j.Context(), "ours", cutoff)
			wantSuccess(j.T, "forget the stories", err)
			if got != forgotten {
				j.Errorf("%d stories were forgotten, want %d", got, forgotten)
			}
		}
		for id, entry := range want {
			got, err := j.journal.Find(j.Context(), id, entry.ClaimedAt)
			wantSuccess(j.T, "find", err)
			if diff := cmp.Diff(entry, got); diff != "" {
				j.Errorf("%s (-want +got):\n%s", id, diff)
			}
		}
	}},
	{"the stories of many deliveries are forgotten", func(_ *testing.T, j *journalTest) {
		const many = 1200
		for number := range many {
			claim := j.later("owner", time.Duration(number)*time.Millisecond)
			claim.DeliveryID, claim.Story = strconv.Itoa(number), ingest.Story{Connection: "ours"}
			j.wins(claim)
		}
		got, err := j.journal.ForgetStories(j.Context(), "ours", time.Now())
		wantSuccess(j.T, "forget the stories", err)
		if got != many {
			j.Errorf("%d stories were forgotten, want %d", got, many)
		}
	}},
	{"an empty ledger is one empty page", func(_ *testing.T, j *journalTest) {
		j.reads(j.first.Now, 10, nil)
	}},
	{"the newest received comes first, whenever it was claimed", func(_ *testing.T, j *journalTest) {
		for id, after := range map[string]time.Duration{"a": 2 * time.Nanosecond, "b": 0, "c": time.Second, "d": time.Nanosecond} {
			j.claims(id, after)
		}
		j.reads(j.first.Now, 10, []string{"c", "a", "d", "b"})
	}},
	{"pages follow one another, and the last says so", func(_ *testing.T, j *journalTest) {
		for number := range 6 {
			j.claims(strconv.Itoa(number), time.Duration(number)*time.Minute)
		}
		now := j.first.Now
		j.reads(now, 2, []string{"5", "4"}, []string{"3", "2"}, []string{"1", "0"})
		j.reads(now, 4, []string{"5", "4", "3", "2"}, []string{"1", "0"})
		j.reads(now, 5, []string{"5", "4", "3", "2", "1"}, []string{"0"})
		j.reads(now, 6, []string{"5", "4", "3", "2", "1", "0"})
	}},
	{"of one moment none is lost between two pages", func(_ *testing.T, j *journalTest) {
		for _, id := range []string{"a", "~", "!", "A"} {
			j.claims(id, 0)
		}
		j.reads(j.first.Now, 1, []string{"~"}, []string{"a"}, []string{"A"}, []string{"!"})
	}},
	{"what comes between two pages does not shift the second", func(t *testing.T, j *journalTest) {
		for number := range 4 {
			j.claims(strconv.Itoa(number), time.Duration(number)*time.Minute)
		}
		_, next, err := j.journal.Recent(t.Context(), j.first.Now, 2, "")
		wantSuccess(t, "recent", err)
		j.claims("new", time.Hour)
		entries, next, err := j.journal.Recent(t.Context(), j.first.Now, 2, next)
		wantSuccess(t, "recent", err)
		if len(entries) != 2 || entries[0].DeliveryID != "1" || entries[1].DeliveryID != "0" || next != "" {
			t.Fatalf("the second page is %+v, then %q; want 1 and 0, then nothing", entries, next)
		}
	}},
	{"deliveries of every state are in it, as they are found", func(t *testing.T, j *journalTest) {
		note := j.notes(j.first)
		claimed := j.claims("claimed", time.Minute)
		handedOff := j.claims("handed-off", 2*time.Minute)
		wantSuccess(t, "mark", j.marks(handedOff))
		entries, _, err := j.journal.Recent(t.Context(), j.first.Now, 10, "")
		wantSuccess(t, "recent", err)
		want := []ingest.Entry{j.entry(handedOff, ingest.HandedOff), j.entry(claimed, ingest.Claimed), note}
		if diff := cmp.Diff(want, entries); diff != "" {
			t.Fatalf("the entries (-want +got):\n%s", diff)
		}
	}},
	{"another event under a delivery id is an entry of its own, and of one moment none is lost between two pages", func(t *testing.T, j *journalTest) {
		first := j.claims("a", 0)
		other := apart(first)
		j.wins(other)
		j.reads(j.first.Now, 1, []string{"a"}, []string{"a"})
		entries, _, err := j.journal.Recent(t.Context(), j.first.Now, 10, "")
		wantSuccess(t, "recent", err)
		if len(entries) != 2 || !entries[0].Apart || entries[1].Apart {
			t.Fatalf("the entries are %+v; want the one apart, which came second, and the first", entries)
		}
	}},
	{"what has expired is not in it, and does not end a page", func(_ *testing.T, j *journalTest) {
		for number := range 4 {
			claim := j.later("owner", time.Duration(number)*time.Minute)
			claim.DeliveryID = strconv.Itoa(number)
			if number%2 == 1 {
				claim.Expires = j.first.Now.Add(time.Hour)
			}
			j.wins(claim)
		}
		j.reads(j.first.Now.Add(time.Hour), 1, []string{"2"}, []string{"0"})
	}},
	{"a context that is over is an error", func(t *testing.T, j *journalTest) {
		_, _, err := j.journal.Recent(ended(t), j.first.Now, 1, "")
		wantError(t, "recent", err, context.Canceled)
	}},
}
