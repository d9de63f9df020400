package health

import "time"

// leastSilence is how long nobody looks at a connection at the least until nothing is known of it.
const leastSilence = 2 * time.Hour

// IsSilent says whether nobody looked at a connection for so long that nothing is known of it: twice the interval, and two hours at the
// least. since is from when somebody could have looked: the program's start, or the connection's beginning.
func (s State) IsSilent(since time.Time, interval time.Duration, now time.Time) bool {
	last := s.ObservedAt
	if last.Before(since) {
		last = since
	}
	return now.Sub(last) >= max(2*interval, leastSilence)
}

// Silence is what is known of whether anybody looks at connections. It is told once for all of them, since it is no connection's fault.
type Silence struct {
	// Number rises with each change.
	Number int64     `json:"number"`
	Open   bool      `json:"open,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Silent is how many connections nobody looked at when it began.
	Silent int `json:"silent,omitempty"`
}

// Judge returns the silence where nobody looked at so many connections for long.
func (s Silence) Judge(silent int, now time.Time) Silence {
	if s.Open == (silent > 0) {
		return s
	}
	return Silence{Number: s.Number + 1, Open: silent > 0, At: now.UTC(), Silent: silent}
}
