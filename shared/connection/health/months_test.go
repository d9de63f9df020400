package health_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

// The properties that hold over any months: the numbers rise by one; nothing is told twice in a row; the first that is told is bad, and
// what is told last is what is, as soon as it is steady; a day holds few tellings, however it flaps.
func TestOverMonthsNothingIsToldTwiceAndNobodyIsPagedAllNight(t *testing.T) {
	const months, maxToldInADay, maxPagesInANight = 3, 16, 4
	for seed := range uint64(40) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 15))
			p := newPatient(t)
			consents := 0
			for end := noon.AddDate(0, months, 0); p.clock.Before(end); {
				p.clock = p.state.Next(interval, random.Float64(), p.clock)
				if p.state.Status == health.Revoked && random.IntN(48) == 0 {
					consents++
					p.grant = "grant-" + strconv.Itoa(consents+1)
				}
				p.observes(health.Observation{Grant: p.grant, Outcome: weather(random, seed, p.clock)})
			}
			wantNumbersToRise(t, p.told)
			wantNothingTwice(t, p.told)
			wantFew(t, p.told, 24*time.Hour, maxToldInADay)
			wantFew(t, opening(p.told), 8*time.Hour, maxPagesInANight)
			if p.state.Status != health.Revoked {
				for range 2 * health.SteadyProbes {
					p.sees("o")
				}
				if last := p.told; len(last) > 0 && last[len(last)-1].Status != health.Healthy {
					t.Errorf("it is healthy for long, and %s was told last", last[len(last)-1].Status)
				}
			}
		})
	}
}

// weather is how Revento answers: for hours it is fine, or it flaps as fast as it can be seen, or anything happens.
func weather(random *rand.Rand, seed uint64, at time.Time) health.Outcome {
	const failsLong = 4 // probes in a row
	switch phase := at.Sub(noon) / (6 * time.Hour) % 4; {
	case phase == 0:
		return health.Answered
	case phase == 1 || seed%4 == 0:
		if at.Unix()/int64(health.RetryInterval/time.Second)/failsLong%2 == 0 {
			return health.Failed
		}
		return health.Answered
	default:
		all := []health.Outcome{health.Answered, health.Answered, health.Answered, health.Failed, health.Failed, health.Limited}
		if random.IntN(300) == 0 {
			return health.TokenRevoked
		}
		return all[random.IntN(len(all))]
	}
}

func wantNumbersToRise(t *testing.T, told []health.Notice) {
	t.Helper()
	for i, notice := range told {
		if notice.Number != int64(i)+1 {
			t.Fatalf("notice %d has number %d", i+1, notice.Number)
		}
	}
}

func wantNothingTwice(t *testing.T, told []health.Notice) {
	t.Helper()
	last := health.Healthy
	for _, notice := range told {
		if notice.Status == last {
			t.Fatalf("%s is told twice in a row", last)
		}
		last = notice.Status
	}
}

// opening are the notices that open an incident: bad ones while none is open.
func opening(told []health.Notice) []health.Notice {
	var pages []health.Notice
	open := false
	for _, notice := range told {
		if !open && !notice.IsRestored() {
			pages = append(pages, notice)
		}
		open = !notice.IsRestored()
	}
	return pages
}

// wantFew wants at most so many notices within any window.
func wantFew(t *testing.T, told []health.Notice, window time.Duration, most int) {
	t.Helper()
	start := 0
	for i, notice := range told {
		for told[start].At.Before(notice.At.Add(-window)) {
			start++
		}
		if count := i - start + 1; count > most {
			t.Fatalf("%d were told within %s before %s", count, window, notice.At)
		}
	}
}

// Forty connections for two months, with outages and with faults of their own. Each fault of its own is told and ended once, each
// outage is told once, and beside those nothing is.
func TestOverMonthsEachOutageAndEachFaultIsToldOnce(t *testing.T) {
	const connections, days = 40, 60
	random := rand.New(rand.NewPCG(7, 15))
	w := &ward{T: t, clock: noon}
	due := map[*patient]time.Time{}
	for range connections {
		p := &patient{T: t, grant: "grant-1"}
		due[p] = noon.Add(time.Duration(random.Int64N(int64(interval))))
		w.patients = append(w.patients, p)
	}
	outages, faults := 0, map[*patient]int{}
	isOut := func(at time.Time) bool { return at.Sub(noon)%(7*24*time.Hour) > 6*24*time.Hour+20*time.Hour } // four hours a week
	isIll := func(p *patient, i int, at time.Time) bool {                                                   // six hours, each connection on a day of its own
		return i < days-2 && at.Sub(noon) > time.Duration(i)*24*time.Hour && at.Sub(noon) < time.Duration(i)*24*time.Hour+6*time.Hour
	}
	for end := noon.Add(days * 24 * time.Hour); w.clock.Before(end); {
		before := isOut(w.clock)
		w.clock = w.clock.Add(time.Minute)
		if !before && isOut(w.clock) {
			outages++
		}
		for i, p := range w.patients {
			if w.clock.Before(due[p]) {
				continue
			}
			outcome := ok
			if isIll(p, i, w.clock) {
				faults[p] = 1
				outcome = bad
			}
			if isOut(w.clock) {
				outcome = bad
			}
			w.look(p, rune(outcome))
			due[p] = p.state.Next(interval, random.Float64(), w.clock)
		}
	}
	if len(w.rounds) != outages || outages != 8 {
		t.Errorf("%d outages, %d told: %+v", outages, len(w.rounds), w.rounds)
	}
	for _, p := range w.patients {
		want := ""
		if faults[p] > 0 {
			want = "error healthy"
		}
		if got := p.statuses(); got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
}
