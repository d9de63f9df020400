package legible_test

import (
	"testing"
	"time"

	"revento-alerts/shared/ground/legible"
)

func TestDurationsAreToldInTheirTwoLargestUnits(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0:                                 "0 min",
		59 * time.Second:                  "0 min",
		time.Minute:                       "1 min",
		time.Hour:                         "1 h",
		time.Hour + 5*time.Minute:         "1 h 5 min",
		day:                               "1 d",
		2*day + 3*time.Hour + time.Minute: "2 d 3 h",
	} {
		if got := legible.Duration(d); got != want {
			t.Errorf("%s is told as %q, want %q", d, got, want)
		}
	}
	if got := legible.Days(14*day + time.Hour); got != "14 days" {
		t.Errorf("two weeks are %q", got)
	}
}

func TestMomentsAreToldInUTC(t *testing.T) {
	at := time.Date(2026, 5, 9, 14, 0, 5, 700_000_000, time.FixedZone("", 7200))
	for _, test := range []struct{ got, want string }{
		{legible.Time(at), "2026-05-09 12:00:05 UTC"},
		{legible.Exact(at), "2026-05-09 12:00:05.7 UTC"},
		{legible.Exact(at.Truncate(time.Second)), "2026-05-09 12:00:05 UTC"},
		{legible.TimeOr(at, "-"), "2026-05-09 12:00:05 UTC"},
		{legible.TimeOr(time.Time{}, "-"), "-"},
	} {
		if test.got != test.want {
			t.Errorf("told %q, want %q", test.got, test.want)
		}
	}
}
