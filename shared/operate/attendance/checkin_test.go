package attendance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/testkit/memory"
)

func newRegistry() *connection.Registry {
	records := memory.NewRecords()
	return &connection.Registry{Records: records, Deletions: records.Deletions}
}

func (b *bench) requires(stop connection.Stop) {
	b.Helper()
	if _, err := connection.Require(b.Context(), b.records.Deletions, ours, stop, b.clock.AddDate(3, 0, 0)); err != nil {
		b.Fatal(err)
	}
}

// holds sets a cutoff that a person can still take away.
func (b *bench) holds(stop connection.Stop) {
	b.Helper()
	if err := connection.Hold(b.Context(), b.records.Deletions, ours, stop); err != nil {
		b.Fatal(err)
	}
}

func TestWhoComesAgainCameAtTheFirstTime(t *testing.T) {
	b := newBench(t)
	b.crowd()
	if first := b.comes("ptp_1", noon); first.Again || !first.CheckedInAt.Equal(noon) || first.Name != "Ada" {
		t.Errorf("%+v", first)
	}
	b.clock = at(5)
	if again := b.comes("ptp_1", time.Time{}); !again.Again || !again.CheckedInAt.Equal(noon) {
		t.Errorf("%+v", again)
	}
	if b.kept() != 1 {
		t.Errorf("%d are kept", b.kept())
	}
}

// doors is a store on which another door is faster, once.
type doors struct {
	attendance.Records
	faster func()
}

func (d *doors) Put(ctx context.Context, rec record.Record) error {
	if faster := d.faster; faster != nil {
		d.faster = nil
		faster()
	}
	return d.Records.Put(ctx, rec)
}

func TestTwoDoorsAtTheSameTimeLetSomebodyInOnce(t *testing.T) {
	b := newBench(t)
	b.crowd()
	other := *b.Attendance
	b.Attendance.Records = &doors{b.records, func() {
		if _, err := other.CheckIn(t.Context(), "evt_1", "ptp_1", at(-1)); err != nil {
			t.Error(err)
		}
	}}
	if slower := b.comes("ptp_1", noon); !slower.Again || !slower.CheckedInAt.Equal(at(-1)) {
		t.Errorf("%+v", slower)
	}
}

func TestWhoIsNotKnownIsNotLetIn(t *testing.T) {
	b := newBench(t)
	b.crowd()
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_9", noon); !errors.Is(err, attendance.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if b.kept() != 0 {
		t.Errorf("%d are kept", b.kept())
	}
}

func TestNobodyComesInTheFuture(t *testing.T) {
	b := newBench(t)
	b.crowd()
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_1", at(6)); !errors.Is(err, attendance.ErrTime) {
		t.Errorf("six minutes ahead: %v", err)
	}
	if ahead := b.comes("ptp_1", at(4)); !ahead.CheckedInAt.Equal(noon) {
		t.Errorf("a clock that is four minutes ahead: %+v", ahead)
	}
}

func TestACheckInGoesWithItsConnectionsDeletion(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.comes("ptp_1", noon)
	b.clock = at(1)
	b.requires(connection.Stop{Case: "case", Cutoff: b.clock})
	b.clock = at(2)
	b.consents() // before the purge has come to it
	if here := b.lists(attendance.Selection{Here: true}); len(here) > 0 {
		t.Errorf("of the life before: %v", here)
	}
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_2", at(1)); !errors.Is(err, attendance.ErrState) {
		t.Errorf("of before the deletion: %v", err)
	}
	if arrival := b.comes("ptp_1", at(2)); arrival.Again || !arrival.CheckedInAt.Equal(at(2)) {
		t.Errorf("in the new life: %+v", arrival)
	}
	for after := ""; ; {
		page, err := b.records.Query(t.Context(), ours, after)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			if _, err := b.records.Delete(t.Context(), rec.Key, at(1)); err != nil {
				t.Fatal(err)
			}
		}
		after = page[len(page)-1].Key.Sort()
	}
	if here := b.lists(attendance.Selection{Here: true}); len(here) != 1 || b.kept() != 1 {
		t.Errorf("%v are here, %d kept, after the purge of the life before", here, b.kept())
	}
}

// A request for deletion is signed before it comes: what happened in between is of the life that it ends.
func TestWhoCameBetweenARequestsSigningAndItsComingIsForgottenToo(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.clock = at(10)
	b.comes("ptp_1", at(10))
	deleted, err := b.records.Delete(t.Context(), b.keyOf("ptp_1"), at(5))
	if err != nil || !deleted {
		t.Errorf("%t, %v", deleted, err)
	}
}

func TestACheckInGoesWithItsUser(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.comes("ptp_1", noon)
	b.comes("ptp_2", noon)
	deleted, err := record.DeleteUser(t.Context(), b.records, ours, record.UserKey(ours, "usr of ptp_1"), noon)
	if err != nil || deleted != 1 || b.kept() != 1 {
		t.Errorf("%d deleted, %v, %d kept", deleted, err, b.kept())
	}
}

func TestWhoIsForgottenWhileTheyCheckInLeavesNothing(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.people.gone = func(look int) bool { return look > 1 }
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_1", noon); !errors.Is(err, attendance.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if b.kept() != 0 {
		t.Errorf("%d are kept", b.kept())
	}
}

func TestACheckInNamesNobody(t *testing.T) {
	b := newBench(t)
	b.crowd()
	b.comes("ptp_1", noon)
	page, err := b.records.QueryKind(t.Context(), ours, record.CheckIn, "")
	if err != nil || len(page) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	const want = `{"schema":1,"value":{"life":"2026-05-09T12:00:00.000000000Z","at":"2026-05-09T12:00:00Z"}}`
	if got := string(page[0].Data); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
