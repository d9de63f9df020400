package attendance_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/operate/attendance"
)

func TestHowManyAttendIsTheSummarysNumberAndNobodyIsLookedAt(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.people.tally = attendance.Tally{Total: 250, ByStatus: map[string]int{"registered": 212, "pending": 38}}
	count, err := b.Count(t.Context(), "evt_1", attendance.Selection{})
	want := attendance.Count{EventID: "evt_1", Total: 250, ByStatus: map[string]int{"registered": 212, "pending": 38}}
	if err != nil || b.people.looks > 0 {
		t.Errorf("%v, %d looks", err, b.people.looks)
	}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}

func TestWhoBecameRegisteredIsCountedByTime(t *testing.T) {
	b := newBench(t)
	b.crowd()
	for name, test := range map[string]struct {
		selected       attendance.Selection
		total, undated int
	}{
		"since the moment itself":               {attendance.Selection{Since: at(10)}, 1, 1},
		"until a moment, which is not included": {attendance.Selection{Until: at(10)}, 1, 1},
		"between two":                           {attendance.Selection{Since: at(0), Until: at(11)}, 2, 1},
		"before anybody":                        {attendance.Selection{Until: at(-1)}, 0, 1},
		"who cancelled is not among them":       {attendance.Selection{Since: at(15)}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			count, err := b.Count(t.Context(), "evt_1", test.selected)
			if err != nil || count.Total != test.total || count.Undated != test.undated || count.ByStatus["registered"] != test.total {
				t.Errorf("%+v, %v", count, err)
			}
		})
	}
	if _, err := b.Count(t.Context(), "evt_1", attendance.Selection{Since: at(2), Until: at(1)}); !errors.Is(err, attendance.ErrTime) {
		t.Errorf("until before since: %v", err)
	}
}

func TestWhoIsHereIsWhoCheckedIn(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.clock = at(60)
	b.comes("ptp_1", at(30))
	if arrival := b.comes("ptp_3", time.Time{}); arrival.State != attendance.Cancelled || !arrival.CheckedInAt.Equal(at(60)) {
		t.Errorf("who cancelled and came: %+v", arrival)
	}
	b.comes("ptp_4", at(31))
	here := attendance.Selection{Here: true}
	if diff := cmp.Diff([]string{"ptp_1", "ptp_3", "ptp_4"}, b.lists(here)); diff != "" {
		t.Error(diff)
	}
	if count, err := b.Count(t.Context(), "evt_1", here); err != nil || count.Total != 3 {
		t.Errorf("%+v, %v", count, err)
	}
	here.Since = at(0)
	if count, err := b.Count(t.Context(), "evt_1", here); err != nil || count.Total != 2 || count.Undated != 1 {
		t.Errorf("of those who registered since: %+v, %v", count, err)
	}
	if all := b.lists(attendance.Selection{}); len(all) != 5 {
		t.Errorf("all: %v", all)
	}
}

// Three pages, with a check-in on each.
func TestAListGoesOnWhereItsPageEnded(t *testing.T) {
	b := newBench(t)
	const many = 2*attendance.PageSize + 500
	for i := range many {
		b.people.knows(attendance.Person{ID: fmt.Sprintf("ptp_%04d", i), State: attendance.Present})
	}
	first, second, last := b.people.persons[10], b.people.persons[attendance.PageSize+10], b.people.persons[many-1]
	for _, p := range []attendance.Person{first, second, last} {
		b.comes(p.ID, noon)
	}
	if all := b.lists(attendance.Selection{}); len(all) != many {
		t.Errorf("%d listed", len(all))
	}
	for after, want := range map[string]string{"": first.ID, b.people.persons[attendance.PageSize-1].Key: second.ID,
		b.people.persons[2*attendance.PageSize-1].Key: last.ID} {
		page, err := b.List(t.Context(), "evt_1", attendance.Selection{}, after)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Participants {
			if p.CheckedInAt.IsZero() != (p.ID != want) {
				t.Errorf("after %q: %s checked in at %s", after, p.ID, p.CheckedInAt)
			}
		}
	}
}

func TestAFullPageThatIsTheLastHasNoNext(t *testing.T) {
	b := newBench(t)
	for i := range attendance.PageSize {
		b.people.knows(attendance.Person{ID: fmt.Sprintf("ptp_%04d", i), State: attendance.Present})
	}
	if page, err := b.List(t.Context(), "evt_1", attendance.Selection{}, ""); err != nil || page.Next != "" {
		t.Errorf("next %q, %v", page.Next, err)
	}
}

func TestNobodyIsShownOfAConnectionThatIsOverOrHeldOrUnknown(t *testing.T) {
	for name, test := range map[string]struct {
		ends func(b *bench)
		want error
	}{
		"ended": {func(b *bench) {
			b.changes(func(s connection.Standing) (connection.Info, []record.Record, error) {
				next, _ := s.Moved(connection.Ended, connection.Disconnected, b.clock)
				return next, nil, nil
			})
		}, attendance.ErrState},
		"under a tombstone": {func(b *bench) { b.requires(connection.Stop{Case: "case", Cutoff: b.clock}) }, attendance.ErrState},
		"held for a person": {func(b *bench) { b.holds(connection.Stop{Case: "case", Cutoff: b.clock}) }, attendance.ErrState},
		"unknown": {func(b *bench) {
			b.records = nil
			b.Connections = &life.Operator{Lives: &life.Lives{Registry: newRegistry()}}
		}, life.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.crowd()
			test.ends(b)
			_, listErr := b.List(t.Context(), "evt_1", attendance.Selection{}, "")
			_, countErr := b.Count(t.Context(), "evt_1", attendance.Selection{})
			_, inErr := b.CheckIn(t.Context(), "evt_1", "ptp_1", noon)
			for _, err := range []error{listErr, countErr, inErr} {
				if !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
			}
		})
	}
}
