package health

import (
	"slices"
	"time"
)

// Outage is what is known of whether Revento answers anybody. While it is open, nothing bad is told of single connections.
//
//	closed --more than half of the connections, 3 at the least, turned bad within one interval--> open, told once
//	open --no more than half of them are bad still--> closed; those that are bad still are told
type Outage struct {
	// Round counts the outages.
	Round int64 `json:"round"`
	Open  bool  `json:"open,omitempty"`
	// From is when the first of its connections turned bad.
	From time.Time `json:"from,omitzero"`
	// BeganAt and EndedAt are when that was judged.
	BeganAt time.Time `json:"began_at,omitzero"`
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Bad of All connections were bad when it began.
	Bad int `json:"bad,omitempty"`
	All int `json:"all,omitempty"`
}

// LeastOutage is how many connections an outage takes at the least.
const LeastOutage = 3

// NeedsCount says whether it takes the number of all connections to judge: where few are ill, it does not.
func (o Outage) NeedsCount(ill []State, interval time.Duration) bool {
	_, bad := o.crowd(ill, interval)
	return o.Open || bad >= LeastOutage
}

// Judge returns the outage as these connections show it: ill are those of which something is bad, or begins to be, of all that there are.
// A connection counts from its first failure on: where one has failed three times, the others have had their first, so that none is told
// before the outage is.
func (o Outage) Judge(ill []State, all int, interval time.Duration, now time.Time) Outage {
	if o.Open {
		if isMost(o.still(ill), all) {
			return o
		}
		o.Open, o.EndedAt = false, now.UTC()
		return o
	}
	from, bad := o.crowd(ill, interval)
	if !isMost(bad, all) {
		return o
	}
	return Outage{Round: o.Round + 1, Open: true, From: from, BeganAt: now.UTC(), Bad: bad, All: all, EndedAt: o.EndedAt}
}

// still counts those that the outage is about, or that turned bad since.
func (o Outage) still(ill []State) int {
	count := 0
	for _, s := range ill {
		if s.IsIll() && !s.BadSince.Before(o.From) {
			count++
		}
	}
	return count
}

func isMost(bad, all int) bool { return bad >= LeastOutage && 2*bad > all }

// crowd is the most connections that turned bad within one interval, and when the first of them did. One of them at the least is news:
// of what people were told of, nobody needs to hear again. What was bad when the last outage ended belongs to that.
func (o Outage) crowd(ill []State, interval time.Duration) (from time.Time, most int) {
	ill = slices.DeleteFunc(slices.Clone(ill), func(s State) bool { return !s.IsIll() || !s.BadSince.After(o.EndedAt) })
	slices.SortFunc(ill, func(a, b State) int { return a.BadSince.Compare(b.BadSince) })
	end, news := 0, 0
	for start, first := range ill {
		for ; end < len(ill) && ill[end].BadSince.Sub(first.BadSince) <= interval; end++ {
			news += countNews(ill[end])
		}
		if news > 0 && end-start > most {
			from, most = first.BadSince, end-start
		}
		news -= countNews(first)
	}
	return from, most
}

func countNews(s State) int {
	if s.Status.IsBad() && s.differs() {
		return 1
	}
	return 0
}

// Holds says whether nothing bad is told of a connection: while the outage is open, and after it until a look has shown that the
// connection is bad still.
func (o Outage) Holds(s State) bool {
	if o.Open {
		return true
	}
	return !s.Status.needsPerson() && (s.Good > 0 || !s.BadAt.After(o.EndedAt))
}
