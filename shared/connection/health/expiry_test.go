package health_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

const oneDay = 24 * time.Hour

// warnings are those that were told, as "limit days".
func (p *patient) warnings() string {
	var words []string
	for _, notice := range p.told {
		if w := notice.Warning; w != nil {
			words = append(words, fmt.Sprintf("%s %d", w.Limit, w.Days))
		}
	}
	return strings.Join(words, ", ")
}

// looks observes once a day for so many days.
func (p *patient) looks(days int, outcome health.Outcome, ends map[health.Limit]time.Time) {
	for range days {
		p.clock = p.clock.Add(oneDay)
		p.observes(health.Observation{Grant: p.grant, Outcome: outcome, Ends: ends})
	}
}

func TestWhatEndsIsToldThirtySevenAndOneDaysBefore(t *testing.T) {
	p := newPatient(t)
	end := noon.Add(365*oneDay + time.Hour)
	p.looks(365, health.Answered, map[health.Limit]time.Time{health.OneYear: end})
	if got, want := p.warnings(), "one_year 30, one_year 7, one_year 1"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	for _, notice := range p.told {
		w := notice.Warning
		if left := end.Sub(notice.At); left > time.Duration(w.Days)*oneDay || left <= time.Duration(w.Days-1)*oneDay {
			t.Errorf("%d days before the end is told %s before", w.Days, left)
		}
		if w.Grant != p.grant || !w.Ends.Equal(end) || notice.Status != "" {
			t.Errorf("it says %+v", notice)
		}
	}
}

func TestBothLimitsAreWarnedOf(t *testing.T) {
	p := newPatient(t)
	p.looks(1, health.Failed, map[health.Limit]time.Time{health.OneYear: noon.Add(20 * oneDay), health.RefreshToken: noon.Add(6 * oneDay)})
	if got, want := p.warnings(), "one_year 30, refresh_token 7"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// The refresh token's end moves with each refresh: near, far, and near again.
func TestALimitThatMovedAwayIsWarnedOfAgain(t *testing.T) {
	p := newPatient(t)
	near := func() map[health.Limit]time.Time {
		return map[health.Limit]time.Time{health.RefreshToken: p.clock.Add(20*oneDay + time.Hour)}
	}
	p.looks(5, health.Answered, near()) // 15 days left
	p.looks(1, health.Answered, map[health.Limit]time.Time{health.RefreshToken: p.clock.Add(90 * oneDay)})
	p.looks(15, health.Answered, near())
	if got, want := p.warnings(), "refresh_token 30, refresh_token 30, refresh_token 7"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAnotherGrantIsWarnedOfAnew(t *testing.T) {
	p := newPatient(t)
	ends := map[health.Limit]time.Time{health.OneYear: noon.Add(20 * oneDay)}
	p.looks(2, health.Answered, ends)
	p.grant = "grant-2"
	p.looks(2, health.Answered, ends)
	if got, want := p.warnings(), "one_year 30, one_year 30"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestOfATokenThatIsGoneNobodyIsWarned(t *testing.T) {
	p := newPatient(t)
	p.looks(3, health.TokenRevoked, map[health.Limit]time.Time{health.OneYear: noon.Add(5 * oneDay)})
	if p.warnings() != "" {
		t.Errorf("told %q", p.warnings())
	}
}
