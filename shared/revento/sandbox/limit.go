package sandbox

import (
	"slices"
	"time"

	"revento-alerts/shared/revento"
)

// budget is what one window allows.
type budget struct {
	length time.Duration
	calls  int
}

// budgets are the limits of a kind of token, for each of its tokens.
var budgets = map[Kind][]budget{
	Installation: {{time.Minute, revento.InstallationPerMinute}, {time.Hour, revento.InstallationPerHour}},
	User:         {{time.Minute, revento.UserPerMinute}, {time.Hour, revento.UserPerHour}},
}

// windows are the calls that count against a token's budgets: those of the last hour, the oldest first.
type windows struct {
	calls []time.Time
	// begun are where the fixed windows began, for each budget.
	begun []time.Time
}

// standing is how a token's budget is used.
type standing struct {
	limit, remaining int
	// reset is when the whole limit is there again.
	reset time.Time
	// wait is how long the next call has to wait.
	wait time.Duration
}

// take counts a call if the budgets have room for it, and tells how the one with the least left stands. Which one Revento's
// headers tell of is not known. A call that is refused counts for nothing.
func (w *windows) take(limits []budget, now time.Time, fixed bool) (least standing, taken bool) {
	longest := limits[len(limits)-1].length
	w.calls = slices.DeleteFunc(w.calls, func(at time.Time) bool { return now.Sub(at) >= longest })
	taken = true
	for i, limit := range limits {
		if w.standing(i, limit, now, fixed).remaining == 0 {
			taken = false
		}
	}
	if taken {
		w.calls = append(w.calls, now)
	}
	for i, limit := range limits {
		if next := w.standing(i, limit, now, fixed); i == 0 || next.remaining < least.remaining || next.wait > least.wait {
			least = next
		}
	}
	return least, taken
}

// standing looks at one budget.
func (w *windows) standing(i int, limit budget, now time.Time, fixed bool) standing {
	start := now.Add(-limit.length)
	if fixed {
		start = w.begin(i, limit, now).Add(-1)
	}
	first := len(w.calls)
	for first > 0 && w.calls[first-1].After(start) {
		first--
	}
	counted := w.calls[first:]
	found := standing{limit: limit.calls, remaining: max(limit.calls-len(counted), 0), reset: now}
	if len(counted) == 0 {
		return found
	}
	found.reset = counted[len(counted)-1].Add(limit.length)
	if fixed {
		found.reset = start.Add(1 + limit.length)
	}
	if found.remaining == 0 {
		found.wait = counted[len(counted)-limit.calls].Add(limit.length).Sub(now)
		if fixed {
			found.wait = found.reset.Sub(now)
		}
	}
	return found
}

// begin returns where the fixed window stands that now is in: it begins with the first call after the one before.
func (w *windows) begin(i int, limit budget, now time.Time) time.Time {
	for len(w.begun) <= i {
		w.begun = append(w.begun, now)
	}
	if now.Sub(w.begun[i]) >= limit.length {
		w.begun[i] = now
	}
	return w.begun[i]
}
