package alert_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
)

// line is a line of n events, the first of them at the moment.
func line(partition, eventType, eventID string, at time.Time, n int) alert.Line {
	made := alert.Line{Partition: partition, Type: eventType, EventID: eventID}
	for i := range n {
		made.HappenedAt = append(made.HappenedAt, at.Add(time.Duration(i)*time.Second))
	}
	return made
}

func sighting(partition, resource string, at time.Time) alert.Sighting {
	return alert.Sighting{Partition: partition, Occurrence: alert.Occurrence{Type: "a", ResourceID: resource, HappenedAt: at}}
}

func TestATallyIsShownByTypeAndEventTheMostFrequentFirst(t *testing.T) {
	tally := alert.Tally{
		Waiting: 7,
		Lines: []alert.Line{
			line("p1", "a", "evt_1", first, 1), line("p2", "a", "evt_1", first, 1), // of two organizations
			line("p3", "b", "evt_2", first, 3), line("p3", "a", "evt_2", first, 1),
		},
		Newest: []alert.Sighting{sighting("p1", "one", first)},
	}
	want := alert.Digest{
		Events: 6, Waiting: 7,
		Counts: []alert.Count{
			{Type: "b", EventID: "evt_2", Events: 3}, {Type: "a", EventID: "evt_1", Events: 2}, {Type: "a", EventID: "evt_2", Events: 1},
		},
		Newest: []alert.Occurrence{{Type: "a", ResourceID: "one", HappenedAt: first}},
	}
	if diff := cmp.Diff(want, tally.Digest()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatATallyDoesNotShowIsCounted(t *testing.T) {
	var tally alert.Tally
	for i := range 23 {
		tally.Lines = append(tally.Lines, line("p", "a", fmt.Sprintf("evt_%02d", i), first, 2))
		tally.Newest = append(tally.Newest, sighting("p", fmt.Sprint(i), first))
	}
	shown := tally.Digest()
	if len(shown.Counts) != 20 || shown.OtherCounts != 3 || shown.OtherEvents != 6 || shown.Events != 46 || len(shown.Newest) != 5 {
		t.Errorf("%+v", shown)
	}
}

func TestATallyWithoutWhatWasDeleted(t *testing.T) {
	tally := alert.Tally{
		At: later, Since: first, Waiting: 2,
		Lines: []alert.Line{
			line("gone", "a", "evt_1", first, 3), line("back", "a", "evt_2", first, 3), line("here", "a", "evt_3", first, 1),
		},
		Newest: []alert.Sighting{
			sighting("back", "new", first.Add(2*time.Second)), sighting("gone", "one", first.Add(2*time.Second)), sighting("back", "old", first),
		},
		Crowds: []alert.Crowd{{Partition: "gone"}, {Partition: "back"}, {Partition: "here"}},
	}
	want := alert.Tally{
		At: later, Since: first, Waiting: 2,
		Lines:  []alert.Line{line("back", "a", "evt_2", first.Add(2*time.Second), 1), line("here", "a", "evt_3", first, 1)},
		Newest: []alert.Sighting{sighting("back", "new", first.Add(2*time.Second))},
		Crowds: []alert.Crowd{{Partition: "back"}, {Partition: "here"}},
	}
	got := tally.After(map[string]time.Time{"gone": later, "back": first.Add(time.Second)})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Events() != 2 || len(got.Partitions()) != 2 {
		t.Errorf("%d events of %q", got.Events(), got.Partitions())
	}
	if tally.Events() != 7 {
		t.Error("the tally itself was changed")
	}
}

// The oldest event was received so long before the tally was made.
func TestTitlesOfTallies(t *testing.T) {
	for _, test := range []struct {
		events int
		ago    time.Duration
		want   string
	}{
		{1, 20 * time.Second, "1 event in the last minute"},
		{2, 14*time.Minute + 40*time.Second, "2 events in the last 15 minutes"},
		{2, 119 * time.Minute, "2 events in the last 119 minutes"},
		{2, 3 * time.Hour, "2 events in the last 3 hours"},
		{2, 47 * time.Hour, "2 events in the last 47 hours"},
		{2, 71 * time.Hour, "2 events in the last 3 days"},
	} {
		tally := alert.Tally{At: first.Add(test.ago), Since: first, Lines: []alert.Line{line("p", "a", "", first, test.events)}}
		if got := tally.Title(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestADigestWithoutIDsIsByTypeAlone(t *testing.T) {
	digest := alert.Digest{
		Events: 9, OtherCounts: 1, OtherEvents: 1,
		Counts: []alert.Count{{Type: "b", EventID: "evt_1", Events: 3}, {Type: "a", EventID: "evt_1", Events: 3}, {Type: "a", EventID: "evt_2", Events: 2}},
		Newest: []alert.Occurrence{{Type: "a", EventID: "evt_1", ResourceID: "app_1"}},
	}
	want := alert.Digest{Events: 9, OtherCounts: 1, OtherEvents: 1, Counts: []alert.Count{{Type: "a", Events: 5}, {Type: "b", Events: 3}}}
	if diff := cmp.Diff(want, digest.WithoutIDs()); diff != "" {
		t.Error(diff)
	}
}
