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

// orderTime is for how long those who wait take their turns: past it the newest goes first. A line that takes longer is too long.
const orderTime = time.Second

// errBusy is returned to who gets no place.
var errBusy = errors.New("there is no place")

// places bounds what is worked on at the same time, by weight. Who finds none waits in line, unless the line is longer than can be
// worked on within a second: then it is told at once. Being told costs something too, though: senders who try again at once, told
// at once, would have the processor answer them and work on nothing. So only so many are, and the others stand in line, where the
// newest goes first once the oldest waited for a second: its sender waits no longer than it has to, and the others are told so while
// their senders still listen. Nothing of a body is read while its request waits.
type places struct {
	mu      sync.Mutex
	free    int64
	line    []*waiter // the oldest first
	waiting int64     // the weight of the line
	pace    pace
	told    told
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
	w, err := p.join(weight)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return mine, nil
	}
	patience := time.NewTimer(lineTime)
	defer patience.Stop()
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

// join takes a place, or returns the waiter for it, or errBusy.
func (p *places) join(weight int64) (*waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if weight <= p.free {
		p.free -= weight
		return nil, nil
	}
	now := time.Now()
	pressed := len(p.line) > 0
	p.pace.passes(now, pressed, 0)
	if pressed && p.pace.takesLonger(p.waiting+weight, orderTime) && p.told.atOnce(now) {
		return nil, errBusy
	}
	w := &waiter{weight: weight, since: now, given: make(chan struct{})}
	p.line = append(p.line, w)
	p.waiting += weight
	return w, nil
}

// giveUp leaves the line; false where the waiter has its place.
func (p *places) giveUp(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.line, w)
	if i < 0 {
		return false
	}
	now := time.Now()
	p.pace.passes(now, true, 0)
	p.told.late(now)
	p.remove(i)
	return true
}

func (p *places) remove(i int) {
	p.waiting -= p.line[i].weight
	p.line = slices.Delete(p.line, i, i+1)
}

func (p *places) leave(weight int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.line) > 0 {
		p.pace.passes(time.Now(), true, weight)
	}
	p.free += weight
	for len(p.line) > 0 {
		turn := p.turn()
		next := p.line[turn]
		if next.weight > p.free {
			return
		}
		p.free -= next.weight
		p.remove(turn)
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

const (
	// paceTime is how far back a pace looks: what is older counts half, and half again.
	paceTime = time.Second
	// leastPaceTime is how long is looked before a pace is known.
	leastPaceTime = paceTime / 4
)

// pace is how much is worked on while somebody waits.
type pace struct {
	done  float64       // weight
	spent time.Duration // while somebody waited
	seen  time.Time
}

// passes counts the time since it was called before, in which somebody waited or not, and what was done. Where nobody waited for
// long, what was before tells nothing.
func (p *pace) passes(now time.Time, pressed bool, done int64) {
	switch passed := now.Sub(p.seen); {
	case pressed:
		p.spent += passed
	case passed > paceTime:
		p.done, p.spent = 0, 0
	}
	p.seen = now
	p.done += float64(done)
	for ; p.spent > paceTime; p.spent /= 2 {
		p.done /= 2
	}
}

// takesLonger says whether it is known that so much weight is not worked on in a time.
func (p *pace) takesLonger(weight int64, within time.Duration) bool {
	return p.spent >= leastPaceTime && float64(weight) > p.done*within.Seconds()/p.spent.Seconds()
}

const (
	// toldPerSecond is how many are told in a second that there is no place before others have to wait for that: telling one takes
	// about 0.2 ms of a processor, and its sender about as much.
	toldPerSecond = 100
	// toldAtOnce is how many are told one after the other.
	toldAtOnce = toldPerSecond / 4
)

// told is a bucket of those who were told that there is no place, which leaks.
type told struct {
	level float64
	seen  time.Time
}

// atOnce says whether one more may be told at once, and counts it.
func (b *told) atOnce(now time.Time) bool {
	b.leak(now)
	if b.level+1 > toldAtOnce {
		return false
	}
	b.level++
	return true
}

// late counts one that waited.
func (b *told) late(now time.Time) {
	b.leak(now)
	b.level = min(b.level+1, toldPerSecond)
}

func (b *told) leak(now time.Time) {
	b.level = max(b.level-toldPerSecond*now.Sub(b.seen).Seconds(), 0)
	b.seen = now
}
