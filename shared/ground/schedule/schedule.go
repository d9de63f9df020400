// Package schedule reads the recurring schedules of Amazon EventBridge Scheduler, so that one machine keeps the same ones.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Forms are the forms of a schedule, for messages and documents.
const Forms = "cron(0/15 * * * ? *) with minutes, hours, day of month, month, day of week and year, or rate(15 minutes)"

// maxRate is the longest interval of a rate: what is meant to be rarer is better written as a date.
const maxRate = 366 * 24 * time.Hour

// Schedule is moments that come again and again. The zero Schedule has none.
type Schedule struct {
	every time.Duration // of a rate
	cron  *cron
	zone  *time.Location
}

// Zone finds a time zone by its IANA name, such as Europe/Berlin.
func Zone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == time.Local.String() {
		return nil, errors.New("write the IANA name of a time zone, such as UTC or Europe/Berlin")
	}
	return zone, nil
}

// Parse reads a schedule that is kept in a time zone. Its errors say what is wrong and what to write instead.
func Parse(expression string, zone *time.Location) (Schedule, error) {
	kind, rest, _ := strings.Cut(expression, "(")
	inner, closed := strings.CutSuffix(rest, ")")
	switch {
	case kind == "rate" && closed:
		return parseRate(inner)
	case kind == "cron" && closed:
		return parseCron(inner, zone)
	case kind == "at":
		return Schedule{}, fmt.Errorf("at() is one moment and not a schedule: write %s", Forms)
	default:
		return Schedule{}, fmt.Errorf("write %s", Forms)
	}
}

var units = map[string]time.Duration{
	"minute": time.Minute, "minutes": time.Minute, "hour": time.Hour, "hours": time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
}

func parseRate(text string) (Schedule, error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return Schedule{}, errors.New("a rate is a number and a unit: write rate(15 minutes)")
	}
	unit, known := units[words[1]]
	if !known {
		return Schedule{}, fmt.Errorf("the unit is %q: write minutes, hours or days", words[1])
	}
	value, err := strconv.Atoi(words[0])
	if err != nil || value < 1 || value > int(maxRate/unit) {
		return Schedule{}, fmt.Errorf("the value is %q: write a whole number from 1 to %d", words[0], maxRate/unit)
	}
	return Every(time.Duration(value) * unit), nil
}

// Every is the schedule of an interval in whole seconds, at least one.
func Every(interval time.Duration) Schedule { return Schedule{every: interval} }

// Next is the first moment later than after; zero where there is none. A rate counts from 1970, so that a restart changes
// nothing; its days have 24 hours. A moment that summer time skips is left out, and of one that comes twice the first counts.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.cron != nil:
		return s.cron.next(after, s.zone)
	case s.every > 0:
		return nextOf(s.every, after)
	default:
		return time.Time{}
	}
}

func nextOf(every time.Duration, after time.Time) time.Time {
	seconds := int64(every / time.Second)
	past := after.Unix() % seconds
	if past < 0 {
		past += seconds
	}
	return time.Unix(after.Unix()-past+seconds, 0).UTC()
}
