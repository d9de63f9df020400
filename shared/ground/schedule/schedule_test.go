package schedule_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the test's own, whatever the machine has

	"revento-alerts/shared/ground/schedule"
)

func parse(t *testing.T, expression, zone string) schedule.Schedule {
	t.Helper()
	location, err := schedule.Zone(zone)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := schedule.Parse(expression, location)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return parsed
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02 15:04:05Z07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// May 9, 2026 is a Saturday.
func TestNext(t *testing.T) {
	for _, test := range []struct {
		name, expression, zone, after string
		want                          []string // as UTC, without seconds
	}{
		{"every quarter of an hour", "cron(0/15 * * * ? *)", "UTC", "2026-05-09 12:00:00Z",
			[]string{"2026-05-09 12:15", "2026-05-09 12:30", "2026-05-09 12:45", "2026-05-09 13:00"}},
		{"just before a moment", "cron(0/15 * * * ? *)", "UTC", "2026-05-09 12:14:59Z", []string{"2026-05-09 12:15"}},
		{"over midnight and the year's end", "cron(0 0 * * ? *)", "UTC", "2026-12-30 12:00:00Z",
			[]string{"2026-12-31 00:00", "2027-01-01 00:00"}},
		{"a list, a range and a step of a range", "cron(5,10-11,20-40/10 8 * * ? *)", "UTC", "2026-05-09 00:00:00Z",
			[]string{"2026-05-09 08:05", "2026-05-09 08:10", "2026-05-09 08:11", "2026-05-09 08:20", "2026-05-09 08:30", "2026-05-09 08:40",
				"2026-05-10 08:05"}},
		{"names, in either case", "cron(0 9 ? jan,MAY mon-WED *)", "UTC", "2026-05-09 00:00:00Z",
			[]string{"2026-05-11 09:00", "2026-05-12 09:00", "2026-05-13 09:00", "2026-05-18 09:00"}},
		{"numbers of days: 1 is Sunday", "cron(0 9 ? * 1,7 *)", "UTC", "2026-05-09 00:00:00Z", []string{"2026-05-09 09:00", "2026-05-10 09:00"}},
		{"the last day of the month", "cron(0 9 L * ? *)", "UTC", "2028-01-15 00:00:00Z", []string{"2028-01-31 09:00", "2028-02-29 09:00"}},
		{"the 31st, where there is one", "cron(0 9 31 * ? *)", "UTC", "2026-05-31 09:00:00Z", []string{"2026-07-31 09:00"}},
		{"a leap day", "cron(0 9 29 2 ? *)", "UTC", "2026-05-09 00:00:00Z", []string{"2028-02-29 09:00", "2032-02-29 09:00"}},
		{"the weekday nearest to a Saturday", "cron(0 9 9W 5 ? *)", "UTC", "2026-05-01 00:00:00Z", []string{"2026-05-08 09:00", "2027-05-10 09:00"}},
		{"nearest to a Saturday the 1st, within the month", "cron(0 9 1W 8 ? *)", "UTC", "2026-07-30 00:00:00Z", []string{"2026-08-03 09:00"}},
		{"nearest to a Sunday the 31st, within the month", "cron(0 9 31W 5 ? *)", "UTC", "2026-05-01 00:00:00Z", []string{"2026-05-29 09:00"}},
		{"nearest to a day that the month lacks", "cron(0 9 31W 4-5 ? *)", "UTC", "2027-04-01 00:00:00Z", []string{"2027-05-31 09:00"}},
		{"the last day of the week", "cron(0 9 ? * L *)", "UTC", "2026-05-09 09:00:00Z", []string{"2026-05-16 09:00"}},
		{"the last Friday", "cron(15 10 ? * 6L 2026-2027)", "UTC", "2026-05-09 00:00:00Z", []string{"2026-05-29 10:15", "2026-06-26 10:15"}},
		{"the last Friday of a month that ends with one", "cron(15 10 ? * 6L *)", "UTC", "2026-07-01 00:00:00Z",
			[]string{"2026-07-31 10:15", "2026-08-28 10:15"}},
		{"the last Saturday of a month of four weeks", "cron(0 9 ? 2 7L *)", "UTC", "2026-01-01 00:00:00Z", []string{"2026-02-28 09:00"}},
		{"the second Tuesday", "cron(0 9 ? * 3#2 *)", "UTC", "2026-05-01 00:00:00Z", []string{"2026-05-12 09:00", "2026-06-09 09:00"}},
		{"the fifth Saturday, by name", "cron(0 9 ? * SAT#5 *)", "UTC", "2026-05-01 00:00:00Z", []string{"2026-05-30 09:00", "2026-08-29 09:00"}},
		{"a year that is over", "cron(0 9 * * ? 2025)", "UTC", "2026-05-01 00:00:00Z", []string{""}},
		{"a year to come", "cron(0 9 1 1 ? 2030/5)", "UTC", "2026-05-01 00:00:00Z", []string{"2030-01-01 09:00", "2035-01-01 09:00"}},
		{"the end of all years", "cron(59 23 31 12 ? *)", "UTC", "2199-12-31 23:59:00Z", []string{""}},
		{"before the first year", "cron(0 0 1 1 ? *)", "UTC", "0001-01-01 00:00:00Z", []string{"1970-01-01 00:00"}},

		{"a zone's own time", "cron(0 9 * * ? *)", "Europe/Berlin", "2026-05-09 00:00:00Z", []string{"2026-05-09 07:00"}},
		{"a zone whose day is another", "cron(0 1 ? * SUN *)", "Pacific/Auckland", "2026-05-09 00:00:00Z", []string{"2026-05-09 13:00"}},
		{"a time that spring skips is left out", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-03-28 00:00:00Z",
			[]string{"2026-03-28 01:30", "2026-03-30 00:30"}},
		{"a time that comes twice in autumn counts once, at first", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-24 12:00:00Z",
			[]string{"2026-10-25 00:30", "2026-10-26 01:30"}},
		{"between the two", "cron(30 2 * * ? *)", "Europe/Berlin", "2026-10-25 00:45:00Z", []string{"2026-10-26 01:30"}},
		{"every half hour through spring", "cron(0/30 * * * ? *)", "Europe/Berlin", "2026-03-29 00:15:00Z",
			[]string{"2026-03-29 00:30", "2026-03-29 01:00", "2026-03-29 01:30"}},
		{"every half hour through autumn", "cron(0/30 * * * ? *)", "Europe/Berlin", "2026-10-25 00:15:00Z",
			[]string{"2026-10-25 00:30", "2026-10-25 02:00"}},
		{"a day that a zone skipped", "cron(0 12 * 12 ? 2011)", "Pacific/Apia", "2011-12-29 23:00:00Z", []string{"2011-12-30 22:00"}},

		{"a rate of minutes", "rate(15 minutes)", "UTC", "2026-05-09 12:00:00Z", []string{"2026-05-09 12:15", "2026-05-09 12:30"}},
		{"a rate of one", "rate(1 hour)", "UTC", "2026-05-09 12:00:01Z", []string{"2026-05-09 13:00"}},
		{"a rate of days is not moved by summer time", "rate(1 days)", "Europe/Berlin", "2026-03-28 12:00:00Z",
			[]string{"2026-03-29 00:00", "2026-03-30 00:00"}},
		{"a rate before 1970", "rate(1 hours)", "UTC", "1969-12-31 22:30:00Z", []string{"1969-12-31 23:00", "1970-01-01 00:00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			parsed := parse(t, test.expression, test.zone)
			var got []string
			for after := at(t, test.after); len(got) < len(test.want); {
				after = parsed.Next(after)
				if after.IsZero() {
					got = append(got, "")
					continue
				}
				got = append(got, after.UTC().Format("2006-01-02 15:04"))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsNoScheduleIsRefusedWithFieldAndRemedy(t *testing.T) {
	for _, test := range []struct{ expression, names, remedy string }{
		{"", "write", "rate(15 minutes)"},
		{"0/15 * * * ? *", "write", "cron(0/15 * * * ? *)"},
		{"cron(0/15 * * * ? *", "write", "cron(0/15 * * * ? *)"},
		{"cron(0/15 * * * *)", "5 fields", "has 6"},
		{"at(2026-05-09T12:00:00)", "one moment", "rate(15 minutes)"},
		{"cron(60 * * * ? *)", `minutes is "60"`, "0 to 59"},
		{"cron(0/0 * * * ? *)", `minutes is "0/0"`, "0/2"},
		{"cron(1,, * * * ? *)", `minutes is "1,,"`, "list with commas"},
		{"cron(? * * * ? *)", `minutes is "?"`, "0 to 59"},
		{"cron(0 24 * * ? *)", `hours is "24"`, "0 to 23"},
		{"cron(0 5-3 * * ? *)", `hours is "5-3"`, "0-2"},
		{"cron(0 0 0 * ? *)", `day of month is "0"`, "L for the last day"},
		{"cron(0 0 W * ? *)", `day of month is "W"`, "3W"},
		{"cron(0 0 32W * ? *)", `day of month is "32W"`, "3W"},
		{"cron(0 0 1 FOO ? *)", `month is "FOO"`, "JAN to DEC"},
		{"cron(0 0 ? * 8 *)", `day of week is "8"`, "SUN to SAT"},
		{"cron(0 0 ? * 3#6 *)", `day of week is "3#6"`, "3#2"},
		{"cron(0 0 ? * 3#1,6#3 *)", `day of week is "3#1,6#3"`, "3#2"},
		{"cron(0 0 ? * XL *)", `day of week is "XL"`, "6L"},
		{"cron(0 0 * * * *)", "day of week", "write ? for one"},
		{"cron(0 0 ? * ? *)", "day of week", "write ? for one"},
		{"cron(0 0 1 1 ? 1969)", `year is "1969"`, "1970 to 2199"},
		{"cron(0 0 30 2 ? *)", "no day is like that", "change"},
		{"rate(15)", "a number and a unit", "rate(15 minutes)"},
		{"rate(15 weeks)", `unit is "weeks"`, "days"},
		{"rate(0 minutes)", `value is "0"`, "from 1"},
		{"rate(-1 days)", `value is "-1"`, "to 366"},
		{"rate(99999999999999999999 days)", "value is", "to 366"},
	} {
		t.Run(test.expression, func(t *testing.T) {
			_, err := schedule.Parse(test.expression, time.UTC)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, part := range []string{test.names, test.remedy} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestZonesAreNamedInFull(t *testing.T) {
	for _, name := range []string{"", "Local", "CEST2", "../etc/passwd", "Europe/Atlantis"} {
		if _, err := schedule.Zone(name); err == nil || !strings.Contains(err.Error(), "Europe/Berlin") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTheZeroScheduleHasNoMoment(t *testing.T) {
	if next := (schedule.Schedule{}).Next(time.Unix(0, 0)); !next.IsZero() {
		t.Errorf("Next = %s", next)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"cron(0/15 * * * ? *)", "cron(5,10-11,20-40/10 8 L * ? 2026)", "cron(0 9 ? JAN mon-WED *)", "cron(0 9 31W 2/2 ? *)",
		"cron(0 9 ? * 6L *)", "cron(0 9 ? * 3#5 *)", "rate(15 minutes)", "rate(1 day)", "at(x)",
	} {
		f.Add(seed, int64(1778329200), "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, expression string, seconds int64, name string) {
		zone, err := schedule.Zone(name)
		if err != nil {
			zone = time.UTC
		}
		parsed, err := schedule.Parse(expression, zone)
		if err != nil {
			return
		}
		after := time.Unix(seconds%1e10, 0)
		for range 3 {
			next := parsed.Next(after)
			if next.IsZero() {
				return
			}
			if !next.After(after) || next.Second() != 0 && strings.HasPrefix(expression, "rate") {
				t.Fatalf("%s: after %s comes %s", expression, after, next)
			}
			after = next
		}
	})
}
