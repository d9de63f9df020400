package lease_test

import (
	"encoding/json"
	"testing"
	"time"

	"revento-alerts/shared/ground/lease"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

func TestALeaseKeepsOthersOffUntilItsEnd(t *testing.T) {
	const life = 9 * time.Second
	held := lease.Take("me", noon, life)
	for after, want := range map[time.Duration]bool{0: true, life - 1: true, life: false, life + 1: false} {
		now := noon.Add(after)
		if got := held.IsHeld(now); got != want {
			t.Errorf("%s after it was taken it is held: %t", after, got)
		}
		if got := held.Left(now); got != max(life-after, 0) {
			t.Errorf("%s after it was taken %s are left", after, got)
		}
	}
}

func TestALeaseIsItsOwnersAlone(t *testing.T) {
	held := lease.Take("me", noon, time.Second)
	if !held.IsOf("me") || held.IsOf("another") || held.IsOf("") {
		t.Error("it is not its owner's alone")
	}
	if one, two := lease.NewOwner(), lease.NewOwner(); one == two || one == "" {
		t.Errorf("two attempts are %q and %q", one, two)
	}
}

func TestNobodyHoldsTheZeroLease(t *testing.T) {
	var free lease.Lease
	if free.IsHeld(noon) || free.IsOf("") || free.IsOf("me") || free.Left(noon) != 0 {
		t.Error("the zero value is held")
	}
}

// It lies in records, which wait across releases.
func TestALeaseStaysReadable(t *testing.T) {
	const stored = `{"owner":"me","ends":"2026-05-09T12:00:01Z"}`
	held := lease.Take("me", noon, time.Second)
	var read lease.Lease
	if err := json.Unmarshal([]byte(stored), &read); err != nil || read != held {
		t.Errorf("read %+v, %v; want %+v", read, err, held)
	}
	if written, err := json.Marshal(held); err != nil || string(written) != stored {
		t.Errorf("written %s, %v; want %s", written, err, stored)
	}
}
