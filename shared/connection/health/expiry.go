package health

import (
	"maps"
	"slices"
	"time"
)

// Limit is something that ends a grant by itself.
type Limit string

// The limits. (guide: /mental-model/)
const (
	// RefreshToken ends where it is not used: 90 days after the last refresh.
	RefreshToken Limit = "refresh_token"
	// OneYear is the end of the grant, however often it is refreshed.
	OneYear Limit = "one_year"
)

const oneDay = 24 * time.Hour

// warningDays is how many days before the end people are told.
var warningDays = []int{30, 7, 1}

// Warned is the last warning about a limit: of which end, and how many days before.
type Warned struct {
	Ends time.Time `json:"ends"`
	Days int       `json:"days"`
}

// Warning is what a notice says of a limit.
type Warning struct {
	Grant string    `json:"grant"`
	Limit Limit     `json:"limit"`
	Ends  time.Time `json:"ends"`
	// Days is which of the warnings it is: 30, 7 or 1.
	Days int `json:"days"`
}

// warn puts a warning into the outbox for each limit of which the next is due. Where several are, as after a long time without a look,
// the last alone is told. A limit that moved away is warned of again when it is near.
func (s State) warn(ends map[Limit]time.Time, now time.Time) State {
	for _, limit := range slices.Sorted(maps.Keys(ends)) {
		end := ends[limit].UTC()
		days := reached(end, now)
		if days == 0 {
			s = s.withWarned(limit, Warned{})
			continue
		}
		if last := s.Warned[limit]; last.Days > 0 && last.Days <= days {
			continue
		}
		s = s.withWarned(limit, Warned{Ends: end, Days: days})
		s.Number++
		s.Outbox = append(slices.Clone(s.Outbox), Notice{
			Number: s.Number, At: now, Warning: &Warning{Grant: s.Grant, Limit: limit, Ends: end, Days: days},
		})
	}
	return s
}

// reached is the last of the warnings that an end calls for; 0 where it is far, or not known.
func reached(end, now time.Time) int {
	days := 0
	for _, of := range warningDays {
		if !end.IsZero() && end.Sub(now) <= time.Duration(of)*oneDay {
			days = of
		}
	}
	return days
}

// withWarned returns the state with what was told of a limit; the zero value forgets it.
func (s State) withWarned(limit Limit, warned Warned) State {
	all := maps.Clone(s.Warned)
	if all == nil {
		all = map[Limit]Warned{}
	}
	all[limit] = warned
	maps.DeleteFunc(all, func(_ Limit, w Warned) bool { return w.Days == 0 })
	if len(all) == 0 {
		all = nil
	}
	s.Warned = all
	return s
}
