package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// field is one of the six.
type field struct {
	name        string
	least, most int
	// names stand for the numbers from least on.
	names []string
	// wildcards tell what else may be written.
	wildcards string
}

var (
	minutesField = field{name: "minutes", most: 59}
	hoursField   = field{name: "hours", most: 23}
	dayField     = field{name: "day of month", least: 1, most: 31, wildcards: ", or L for the last day, 3W for the weekday nearest to the 3rd, or ?"}
	monthField   = field{name: "month", least: 1, most: 12, names: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")}
	weekdayField = field{name: "day of week", least: 1, most: 7, names: strings.Fields("SUN MON TUE WED THU FRI SAT"),
		wildcards: ", or L for Saturday, 6L for the last Friday of the month, 3#2 for its second Tuesday, or ?"}
	yearField = field{name: "year", least: firstYear, most: lastYear}
)

// unspecified stands in that one of the two fields for days that does not matter.
const unspecified = "?"

func parseCron(text string, zone *time.Location) (Schedule, error) {
	texts := strings.Fields(text)
	if len(texts) != 6 {
		return Schedule{}, fmt.Errorf("it has %d fields, a schedule has 6: write %s", len(texts), Forms)
	}
	parsed := &cron{}
	var err error
	for _, part := range []struct {
		field field
		text  string
		into  *set
	}{
		{minutesField, texts[0], &parsed.minutes}, {hoursField, texts[1], &parsed.hours},
		{monthField, texts[3], &parsed.months}, {yearField, texts[5], &parsed.years},
	} {
		if *part.into, err = part.field.parse(part.text); err != nil {
			return Schedule{}, err
		}
	}
	if parsed.day, err = parseDays(texts[2], texts[4]); err != nil {
		return Schedule{}, err
	}
	if parsed.next(time.Time{}, time.UTC).IsZero() {
		return Schedule{}, errNever
	}
	return Schedule{cron: parsed, zone: zone}, nil
}

// parseDays reads the two fields for days, of which one is "?".
func parseDays(day, weekday string) (func(date) bool, error) {
	switch {
	case (day == unspecified) == (weekday == unspecified):
		return nil, fmt.Errorf("the day of month is %q and the day of week %q: write ? for one of them", day, weekday)
	case weekday == unspecified:
		return parseDayOfMonth(day)
	default:
		return parseDayOfWeek(strings.ToUpper(weekday))
	}
}

func parseDayOfMonth(text string) (func(date) bool, error) {
	if strings.EqualFold(text, "L") {
		return func(d date) bool { return d.Day() == d.lastOfMonth() }, nil
	}
	if number, nearest := strings.CutSuffix(strings.ToUpper(text), "W"); nearest {
		wanted, err := dayField.value(number)
		if err != nil {
			return nil, dayField.fault(text)
		}
		return func(d date) bool { return d.Day() == nearestWeekday(d, wanted) }, nil
	}
	days, err := dayField.parse(text)
	return func(d date) bool { return days.has(d.Day()) }, err
}

// nearestWeekday is the day from Monday to Friday nearest to a day of the month, within the month; 0 where it has no such day.
func nearestWeekday(d date, wanted int) int {
	last := d.lastOfMonth()
	if wanted > last {
		return 0
	}
	switch time.Date(d.Year(), d.Month(), wanted, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if wanted == 1 {
			return 3
		}
		return wanted - 1
	case time.Sunday:
		if wanted == last {
			return wanted - 2
		}
		return wanted + 1
	default:
		return wanted
	}
}

// maxOccurrence is how often a day of week can come in a month.
const maxOccurrence = 5

func parseDayOfWeek(text string) (func(date) bool, error) {
	if name, number, nth := strings.Cut(text, "#"); nth {
		weekday, err := weekdayField.value(name)
		occurrence, numberErr := strconv.Atoi(number)
		if err != nil || numberErr != nil || occurrence < 1 || occurrence > maxOccurrence {
			return nil, weekdayField.fault(text)
		}
		return func(d date) bool { return d.weekday() == weekday && (d.Day()-1)/7+1 == occurrence }, nil
	}
	if text == "L" {
		return func(d date) bool { return d.weekday() == weekdayField.most }, nil
	}
	if name, last := strings.CutSuffix(text, "L"); last {
		weekday, err := weekdayField.value(name)
		if err != nil {
			return nil, weekdayField.fault(text)
		}
		return func(d date) bool { return d.weekday() == weekday && d.Day()+7 > d.lastOfMonth() }, nil
	}
	weekdays, err := weekdayField.parse(text)
	return func(d date) bool { return weekdays.has(d.weekday()) }, err
}

// parse reads a list of values, ranges and steps.
func (f field) parse(text string) (set, error) {
	admitted := set{}
	for element := range strings.SplitSeq(text, ",") {
		first, last, step, err := f.element(element)
		if err != nil {
			return nil, f.fault(text)
		}
		for value := first; value <= last; value += step {
			admitted[value] = true
		}
	}
	return admitted, nil
}

// element reads "*", "3", "3-5", and each of them with a step: "3/5" is every fifth from 3 on.
func (f field) element(text string) (first, last, step int, err error) {
	values, stepText, stepped := strings.Cut(text, "/")
	step = 1
	if stepped {
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.most {
			return 0, 0, 0, f.fault(text)
		}
	}
	if values == "*" {
		return f.least, f.most, step, nil
	}
	from, to, ranged := strings.Cut(values, "-")
	if first, err = f.value(from); err != nil {
		return 0, 0, 0, err
	}
	last = first
	switch {
	case ranged:
		if last, err = f.value(to); err == nil && last < first {
			err = f.fault(text)
		}
	case stepped:
		last = f.most
	}
	return first, last, step, err
}

func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.least + i, nil
		}
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < f.least || value > f.most {
		return 0, f.fault(text)
	}
	return value, nil
}

func (f field) fault(text string) error {
	values := fmt.Sprintf("%d to %d", f.least, f.most)
	if f.names != nil {
		values += fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
	}
	return fmt.Errorf("the %s is %q: write * or values from %s, such as %d, %d-%d or %d/2, in a list with commas%s",
		f.name, text, values, f.least, f.least, f.least+2, f.least, f.wildcards)
}
