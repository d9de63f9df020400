// Package legible writes moments and durations as people read them, the same in messages, statements and on a terminal.
package legible

import (
	"fmt"
	"time"
)

// Layouts of a moment, always in UTC: people who compare lines of two machines need one zone.
const (
	layout      = "2006-01-02 15:04:05 UTC"
	exactLayout = "2006-01-02 15:04:05.999999999 UTC"
)

// Time is a moment to the second: "2026-05-09 12:00:00 UTC".
func Time(at time.Time) string { return at.UTC().Format(layout) }

// Exact is a moment with the fraction of a second that it may have, for what is compared with it.
func Exact(at time.Time) string { return at.UTC().Format(exactLayout) }

// TimeOr is Time, or other for a moment that is not known.
func TimeOr(at time.Time, other string) string {
	if at.IsZero() {
		return other
	}
	return Time(at)
}

// Duration is a duration in its two largest units, whole minutes at the least: "2 d 3 h", "1 h 5 min", "0 min".
func Duration(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return joined(days, "d", hours, "h")
	case hours > 0:
		return joined(hours, "h", minutes, "min")
	default:
		return fmt.Sprintf("%d min", minutes)
	}
}

func joined(large int, largeUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", large, largeUnit)
	}
	return fmt.Sprintf("%d %s %d %s", large, largeUnit, small, smallUnit)
}

// Days is a time that is kept in whole days: "14 days".
func Days(d time.Duration) string { return fmt.Sprintf("%d days", d/(24*time.Hour)) }
