package mirror_test

import (
	"testing"
	"time"

	"revento-alerts/shared/connection/mirror"
)

// becomes settles a row's presence.
func (b *bench) becomes(id string, presence mirror.Presence) {
	b.Helper()
	ok, err := b.mirror.Settle(b.Context(), b.row(mirror.Participant, id), mirror.Change{Presence: presence})
	if err != nil || !ok {
		b.Fatalf("%t, %v", ok, err)
	}
}

func TestWhoCameToBeCancelledIsCountedByDay(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`, `{"id":"ptp_2"}`, `{"id":"ptp_3"}`))
	want := func(what string, today int) {
		t.Helper()
		if got := b.summary().CancelledToday(b.now); got != today {
			t.Errorf("%s: %d, want %d", what, got, today)
		}
	}
	want("before anybody", 0)
	b.becomes("ptp_1", mirror.Cancelled)
	b.becomes("ptp_2", mirror.Cancelled)
	want("two", 2)
	b.becomes("ptp_1", mirror.Cancelled)
	want("one of them again", 2)
	b.becomes("ptp_2", mirror.Present)
	want("one came back", 1)
	b.now = start.Add(12 * time.Hour) // midnight
	want("the next day", 0)
	b.becomes("ptp_3", mirror.Cancelled)
	want("one on the next day", 1)
	b.becomes("ptp_1", mirror.Present)
	b.becomes("ptp_1", mirror.Cancelled)
	want("one of the day before, who came back and went", 1)
	if _, err := b.mirror.Forget(t.Context(), summit, "ptp_3"); err != nil {
		t.Fatal(err)
	}
	want("who is forgotten did not come back", 1)
	if cancelled := b.summary().Cancelled; cancelled != 1 {
		t.Errorf("%d are cancelled in all", cancelled)
	}
}
