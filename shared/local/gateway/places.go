package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// workLimit is how many bytes of bodies are read and worked on at the same time. Working on one takes about nine times its
	// size in memory.
	workLimit = 4 << 20
	// leastWeight is what the smallest request counts, so that workLimit bounds their number too: 128.
	leastWeight = 32 << 10
)

// orderTime is for how long those who wait take their turns: past it the newest goes first.
const orderTime = time.Second

// errBusy is returned to who waited for a place in vain.
var errBusy = errors.New("there is no place")

// places bounds what is worked on at the same time, by weight. Who finds none waits in line. Where the line is longer than can be
// worked on in a second, the newest goes first: its sender waits no longer than it has to, and the others are told so while their
// senders still listen. They are not told so at once: senders who try again at once would have the processor answer them and
// work on nothing. Nothing of a body is read while its request waits.
type places struct {
	mu   sync.Mutex
	free int64
	line []*waiter // the oldest first
}

type waiter struct {
	weight int64
	since  time.Time
	given  chan struct{} // closed when the place is the waiter's
}

// place is a request's.
type place struct {
	of     *places
	weight int64
}

func (p *place) leave() { p.of.leave(p.weight) }

// take waits for a place, for lineTime at the most, and returns errBusy, or ctx's error.
func (p *places) take(ctx context.Context, weight int64) (*place, error) {
	mine := &place{of: p, weight: weight}
	w := p.join(weight)
	if w == nil {
		return mine, nil
	}
	patience := time.NewTimer(lineTime)
	defer patience.Stop()
	var err error
	select {
	case <-w.given:
		return mine, nil
	case <-patience.C:
		err = errBusy
	case <-ctx.Done():
		err = ctx.Err()
	}
	if !p.giveUp(w) { // it was given meanwhile
		return mine, nil
	}
	return nil, err
}

// join takes a place, or returns the waiter for it.
func (p *places) join(weight int64) *waiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if weight <= p.free {
		p.free -= weight
		return nil
	}
	w := &waiter{weight: weight, since: time.Now(), given: make(chan struct{})}
	p.line = append(p.line, w)
	return w
}

// giveUp leaves the line; false where the waiter has its place.
func (p *places) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.line, w)
	if i < 0 {
		return false
	}
	p.line = slices.Delete(p.line, i, i+1)
	return true
}

func (p *places) leave(weight int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free += weight
	for len(p.line) > 0 {
		turn := p.turn()
		next := p.line[turn]
		if next.weight > p.free {
			return
		}
		p.free -= next.weight
		p.line = slices.Delete(p.line, turn, turn+1)
		close(next.given)
	}
}

// turn is whose turn it is in the line.
func (p *places) turn() int {
	if time.Since(p.line[0].since) < orderTime {
		return 0
	}
	return len(p.line) - 1
}

// isPressed says whether somebody waits for a place.
func (p *places) isPressed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.line) > 0
}
