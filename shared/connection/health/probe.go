package health

import "time"

const (
	// RetryInterval is how long after a bad outcome one looks again, and the shortest time between two probes that nobody asked for.
	// (guide: /patterns/)
	RetryInterval = 15 * time.Minute
	// jitterPart of the time until the next probe is added at the most, so that connections that were made together are not probed
	// together. It is never taken off: probes are not more frequent than they may be.
	jitterPart = 10
)

// Next is when to look again. random is from 0 up to 1.
func (s State) Next(interval time.Duration, random float64, now time.Time) time.Time {
	wait := interval
	if s.IsIll() && !s.Status.needsPerson() {
		wait = min(wait, RetryInterval)
	}
	return now.Add(wait + time.Duration(random*float64(wait/jitterPart))).UTC()
}
