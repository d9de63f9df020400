package schedule

import (
	"errors"
	"slices"
	"time"
)

// The years that a schedule can name (schedule-types).
const (
	firstYear = 1970
	lastYear  = 2199
)

// cron is a schedule of six fields, read.
type cron struct {
	minutes, hours, months, years set
	// day says whether a date is one of the schedule's, by its day of month or its day of week.
	day func(date) bool
}

// date is a day of the calendar, in no time zone.
type date struct{ time.Time }

func dateOf(at time.Time) date {
	return date{time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)}
}

func (d date) next() date { return date{d.AddDate(0, 0, 1)} }

// lastOfMonth is the number of the month's last day.
func (d date) lastOfMonth() int {
	return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// weekday counts as the schedules do: 1 is Sunday.
func (d date) weekday() int { return int(d.Weekday()) + 1 }

func (c *cron) includes(d date) bool {
	return c.years.has(d.Year()) && c.months.has(int(d.Month())) && c.day(d)
}

// next looks at one day after another. A day's moments come in the order of the clock, since each counts once.
func (c *cron) next(after time.Time, zone *time.Location) time.Time {
	begin := dateOf(after.In(zone))
	if begin.Year() < firstYear {
		begin = date{time.Date(firstYear, time.January, 1, 0, 0, 0, 0, time.UTC)}
	}
	for d := begin; d.Year() <= lastYear; d = d.next() {
		if !c.includes(d) {
			continue
		}
		for _, hour := range c.hours.sorted() {
			for _, minute := range c.minutes.sorted() {
				if at, exists := moment(d, hour, minute, zone); exists && at.After(after) {
					return at
				}
			}
		}
	}
	return time.Time{}
}

// moment is when the clocks of a zone first show a time of a day. It does not exist where summer time skips it.
func moment(d date, hour, minute int, zone *time.Location) (time.Time, bool) {
	shown := d.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} { // before and after a change of the offset
		_, offset := shown.Add(near).In(zone).Zone()
		at := shown.Add(-time.Duration(offset) * time.Second)
		if local := at.In(zone); dateOf(local) == d && local.Hour() == hour && local.Minute() == minute {
			found = append(found, at)
		}
	}
	if len(found) == 0 {
		return time.Time{}, false
	}
	return slices.MinFunc(found, time.Time.Compare), true
}

// set is the values that a field admits.
type set map[int]bool

func (s set) has(value int) bool { return s[value] }

func (s set) sorted() []int {
	values := make([]int, 0, len(s))
	for value := range s {
		values = append(values, value)
	}
	slices.Sort(values)
	return values
}

// errNever is returned for a schedule that has no moment at all.
var errNever = errors.New("no day is like that: change the day of month, the month or the year")
