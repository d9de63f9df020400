package conformance

import (
	"sync"
	"time"
)

// Clock is a time that moves only when a test says so, for engines that are given theirs.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that stands at a moment between two whole seconds.
func NewClock() *Clock { return &Clock{at: time.Date(2026, 3, 1, 9, 30, 0, 250_000_000, time.UTC)} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
