// Package explore plays what can happen to a delivery in every order in which it can happen, with every call stopped, failed,
// repeated or late, and holds what comes of it to the promises. The real rules and handlers run on the engine in memory, which
// the same conformance suite holds to SQLite and AWS; time is not real.
package explore

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	faults     = flag.Int("faults", 1, "how many calls go wrong, in the exhaustive search of crashes")
	deviations = flag.Int("deviations", 1, "how often another process gets its turn, in the exhaustive search of orders")
	runs       = flag.Int("runs", 25, "how many random runs each scenario has")
	stride     = flag.Int("stride", 7, "the exhaustive searches play every which run; 1 plays all")
	seed       = flag.Uint64("seed", 1, "decides the random runs")
	repeat     = flag.String("choices", "", "repeats the run that a failure named")
)

// TestEveryCrash lets one call go wrong: each, in each way.
func TestEveryCrash(t *testing.T) {
	exhaust(t, limits{faults: *faults})
}

// TestEveryOrder lets processes get in between each other.
func TestEveryOrder(t *testing.T) {
	exhaust(t, limits{deviations: *deviations})
}

// exhaust plays the runs that the limits allow: all, or of a wrong call every which.
func exhaust(t *testing.T, l limits) {
	each(t, func(t *testing.T, s scenario) {
		var total tally
		for c := repeated(t); ; {
			total.add(run(t, s, l, c.choose))
			if t.Failed() {
				t.Fatalf("repeat it with -run '%s' %s", t.Name(), c)
			}
			if *repeat != "" || !c.advance(*stride) {
				break
			}
		}
		t.Log(total)
	})
}

// TestAnything lets up to three calls go wrong, and any process have its turn.
func TestAnything(t *testing.T) {
	each(t, func(t *testing.T, s scenario) {
		var total tally
		for i := range *runs {
			random := rand.New(rand.NewPCG(*seed, uint64(i)))
			total.add(run(t, s, limits{faults: 3, deviations: -1}, gamble(random, 0.15)))
			if t.Failed() {
				t.Fatalf("it was run %d of -seed %d", i, *seed)
			}
		}
		t.Log(total)
	})
}

func each(t *testing.T, explore func(*testing.T, scenario)) {
	for _, s := range slices.Concat(scenarios, missedWebhooks) {
		t.Run(strings.ReplaceAll(s.name, ",", ""), func(t *testing.T) {
			t.Parallel()
			explore(t, s)
		})
	}
}

// repeated is the beginning of a search, or the run that a flag names.
func repeated(t *testing.T) *choices {
	t.Helper()
	c := &choices{}
	for picked := range strings.SplitSeq(*repeat, ",") {
		if picked == "" {
			continue
		}
		pick, err := strconv.Atoi(picked)
		if err != nil {
			t.Fatalf("-choices: %v", err)
		}
		c.picked, c.counts = append(c.picked, pick), append(c.counts, 0)
	}
	return c
}

// tally counts what was tried.
type tally struct {
	runs, calls, repetitions int
	wrong                    map[verdict]int
}

func (t *tally) add(w *world) {
	if t.wrong == nil {
		t.wrong = map[verdict]int{}
	}
	t.runs++
	t.calls += w.calls
	t.repetitions += w.repetitions
	for v, times := range w.wrong {
		t.wrong[v] += times
	}
}

func (t tally) String() string {
	text := fmt.Sprintf("%d runs, %d calls", t.runs, t.calls)
	for v := diesBefore; v <= isThrottled; v++ {
		if t.wrong[v] > 0 {
			text += fmt.Sprintf(", %d %s", t.wrong[v], v)
		}
	}
	if t.repetitions > 0 {
		text += fmt.Sprintf("; %d messages repeated and marked as such", t.repetitions)
	}
	return text
}
