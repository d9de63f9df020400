package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"revento-alerts/shared/testkit/mishap"
)

// verdict is what becomes of a call.
type verdict int

const (
	proceeds    verdict = iota
	diesBefore          // the process ends, and the call has no effect
	diesAfter           // the process ends, and the call has its effect
	failsBefore         // the call fails and has no effect
	failsAfter          // the call has its effect, and its answer is lost
	actsLate            // the call seems to fail, and has its effect a while later
	isThrottled         // the provider has no time for it now
)

func (v verdict) String() string {
	return [...]string{"proceeds", "dies before", "dies after", "fails before", "fails after", "acts late", "is throttled"}[v]
}

// lateness is how much later a call takes effect that seemed to fail. It is shorter than the shortest pause before its message
// comes again: what a provider does still later comes after what it was asked for next, and nobody here can help that.
const lateness = 1500 * time.Millisecond

// throttledFor is what a throttled call is told to wait.
const throttledFor = 3 * time.Second

// errDead is what every call of a dead process returns, without effect: nothing that it still does is seen by anyone.
var errDead = errors.New("explore: the process is dead")

// errThrottled is returned for isThrottled.
var errThrottled = errors.New("explore: throttled")

// process is an invocation of a function, or a person's command. It can die; what it did outside stays.
type process struct {
	*world
	number int
	name   string
	dead   atomic.Bool
}

// call is one step of a process outside of itself, which waits for what becomes of it.
type call struct {
	*process
	operation string
	decided   chan verdict
}

// plan lets all calls of the process go through the gate.
func (p *process) plan() *mishap.Plan { return mishap.Through(p.do) }

// do waits for its turn, and makes the call or lets it go wrong.
func (p *process) do(operation string, effect func() error) error {
	if p.dead.Load() {
		return errDead
	}
	switch p.ask(operation) {
	case diesBefore:
		p.dead.Store(true)
		return errDead
	case diesAfter:
		_ = effect() // nobody is left to see how it went
		p.dead.Store(true)
		return errDead
	case failsBefore:
		return mishap.ErrRefused
	case failsAfter:
		_ = effect() // its answer is lost
		return mishap.ErrLost
	case actsLate:
		p.later(effect)
		return mishap.ErrLost
	case isThrottled:
		return errThrottled
	default:
		return effect()
	}
}

func (p *process) ask(operation string) verdict {
	waiting := &call{process: p, operation: operation, decided: make(chan verdict)}
	p.mu.Lock()
	p.waiting = append(p.waiting, waiting)
	p.mu.Unlock()
	return <-waiting.decided
}

// later has an effect when the process has long given up on it.
func (p *process) later(effect func() error) {
	p.begin()
	go func() {
		defer p.end()
		time.Sleep(lateness)
		_ = effect() // nobody waits for its answer
	}()
}

// next takes the call whose turn it is, or nil if none waits. All goroutines are blocked meanwhile.
func (w *world) next() *call {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return nil
	}
	slices.SortStableFunc(w.waiting, func(a, b *call) int {
		return cmp.Or(cmp.Compare(w.rank(a), w.rank(b)), cmp.Compare(a.operation, b.operation))
	})
	turn := 0
	if w.deviations != 0 && len(w.waiting) > 1 {
		turn = w.choose(len(w.waiting))
	}
	if turn > 0 {
		w.deviations--
	}
	chosen := w.waiting[turn]
	w.waiting = slices.Delete(w.waiting, turn, turn+1)
	w.last = chosen.number
	return chosen
}

// rank has the process go on that was on, and the others after it by age.
func (w *world) rank(c *call) int {
	if c.number == w.last {
		return 0
	}
	return c.number
}

// decide says what becomes of a call: what the scenario asks for, or a fault as long as some are left.
func (w *world) decide(c *call) {
	decided := w.verdict(c)
	if decided != proceeds {
		w.wrong[decided]++
	}
	w.note(fmt.Sprintf("%s %d: %s %s", c.name, c.number, c.operation, decided))
	c.decided <- decided
}

func (w *world) verdict(c *call) verdict {
	if c.dead.Load() {
		return diesBefore
	}
	decided := w.scripted(c)
	if decided != proceeds || w.faults == 0 {
		return decided
	}
	possible := verdicts(c.operation)
	if decided = possible[w.choose(len(possible))]; decided != proceeds {
		w.faults--
	}
	return decided
}

// scripted is the verdict that the scenario has for the call.
func (w *world) scripted(c *call) verdict {
	for i, fault := range w.script {
		if !strings.HasPrefix(c.operation, fault.operation) {
			continue
		}
		w.script = slices.Delete(slices.Clone(w.script), i, i+1)
		return fault.verdict
	}
	return proceeds
}

// verdicts are what can become of a call.
func verdicts(operation string) []verdict {
	all := []verdict{proceeds, diesBefore, diesAfter, failsBefore, failsAfter}
	if isProviders(operation) {
		return append(all, actsLate, isThrottled)
	}
	return all
}

func isProviders(operation string) bool {
	return strings.HasPrefix(operation, "slack.") || strings.HasPrefix(operation, "pager.")
}

// note adds to what is printed should the run fail.
func (w *world) note(what string) {
	w.trace = append(w.trace, time.Since(w.begun).Truncate(time.Millisecond).String()+" "+what)
}

// invocation is the context of a call of a function.
func invocation(timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), timeout)
}
