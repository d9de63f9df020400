package explore

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// choose picks one of a number of possibilities, from 0, which is always the usual course.
type choose func(possibilities int) int

// choices enumerates all that can be picked: each run repeats the picks of the one before up to a point, and differs there.
type choices struct {
	picked []int
	counts []int // of how many each was picked
	at     int
}

func (c *choices) choose(possibilities int) int {
	if c.at == len(c.picked) {
		c.picked, c.counts = append(c.picked, 0), append(c.counts, 0)
	}
	c.counts[c.at] = possibilities
	// A worker waits for a random time before it tries again, so that a run may differ from the one before.
	pick := min(c.picked[c.at], possibilities-1)
	c.at++
	return pick
}

// advance turns to the next run but so many, of those that are known to differ from this one; false says that this was the last.
func (c *choices) advance(by int) bool {
	c.picked, c.counts = c.picked[:c.at], c.counts[:c.at]
	c.at = 0
	for range by {
		if !c.turn() {
			return false
		}
	}
	return true
}

func (c *choices) turn() bool {
	for i := len(c.picked) - 1; i >= 0; i-- {
		if c.picked[i]+1 < c.counts[i] {
			c.picked[i]++
			c.picked, c.counts = c.picked[:i+1], c.counts[:i+1]
			return true
		}
	}
	return false
}

// String is the flag by which a run is repeated.
func (c *choices) String() string {
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(c.picked[:c.at]), " ", ","), "[]")
	return "-choices " + strings.TrimRight(text, ",0") + ",0"
}

// gamble picks the usual course most of the time.
func gamble(random *rand.Rand, chance float64) choose {
	return func(possibilities int) int {
		if random.Float64() >= chance {
			return 0
		}
		return random.IntN(possibilities)
	}
}
