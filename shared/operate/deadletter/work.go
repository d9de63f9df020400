package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// Unfinished is returned where not all of the chosen letters had their turn.
type Unfinished struct {
	// Hidden counts the letters that were out of sight, since someone else looks at them, and Left those that were not reached:
	// exactly where IDs were named, otherwise all that their queues still have. On SQS both are approximate.
	Hidden, Left int
	// Err is what ended the work early; nil where all in sight had their turn.
	Err error
}

// Error implements error.
func (u *Unfinished) Error() string {
	if u.Err == nil {
		return fmt.Sprintf("%d more are being looked at by someone else, and were left: repeat it in some minutes", u.Hidden)
	}
	return fmt.Sprintf("%v: %d were not reached, and stay: repeat it for them", u.Err, u.Left)
}

// Unwrap returns Err.
func (u *Unfinished) Unwrap() error { return u.Err }

// letterTime bounds what is done with one letter, which a stop does not cut short.
const letterTime = 20 * time.Second

// undisturbed is a context for one letter, so that a stop comes between two.
func undisturbed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), letterTime)
}

// treatment is what is done with a chosen letter. An error ends the work.
type treatment func(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error)

// run goes through the chosen letters, one queue after another, and has a result for each.
type run struct {
	chosen  func(Letter) bool
	treat   treatment
	told    func(Result)
	results []Result
	wanted  map[string]bool // the chosen IDs that no letter had yet; nil where none are named
	hidden  int
}

// work treats the chosen letters. what names it in the log.
func (d *Desk) work(ctx context.Context, what string, selection Selection, treat treatment) (results []Result, err error) {
	if err := selection.check(); err != nil {
		return nil, err
	}
	leave, err := d.sit(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, ready := d.stoppable(ctx)
	defer ready()
	defer d.logged(ctx, what, selection)(&results, &err)
	r := run{chosen: selection.chooser(), treat: treat, told: selection.tell, wanted: setOf(selection.IDs)}
	if err := r.all(ctx, d.Queues, d.queues(selection)); err != nil {
		return r.results, err
	}
	for _, id := range selection.IDs {
		if r.wanted[id] {
			delete(r.wanted, id)
			r.end(Result{Letter: Letter{ID: id}, Outcome: Missing, Note: noteMissing})
		}
	}
	if r.hidden > 0 {
		return r.results, &Unfinished{Hidden: r.hidden}
	}
	return r.results, nil
}

func (r *run) all(ctx context.Context, queues queue.Queues, names []queue.Name) error {
	for i, name := range names {
		if r.foundAll() {
			return nil
		}
		held := newHand(queues, name, workVisibility)
		err := r.through(ctx, held, name)
		if err := errors.Join(err, held.giveBack(ctx)); err != nil {
			return &Unfinished{Hidden: r.hidden, Left: r.left(ctx, held, names[i+1:]), Err: err}
		}
	}
	return nil
}

func (r *run) through(ctx context.Context, held *hand, name queue.Name) error {
	if err := held.count(ctx); err != nil {
		return err
	}
	for !r.foundAll() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		received, ok, err := held.next(ctx)
		if err != nil {
			return cause(ctx, err)
		}
		if !ok {
			hidden, err := held.hidden(ctx)
			r.hidden += hidden
			return err
		}
		if err := r.deal(ctx, held, received, letterOf(name, received)); err != nil {
			return cause(ctx, err)
		}
	}
	return nil
}

// cause says why a context is over, where that is why something failed.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && errors.Is(err, ctx.Err()) {
		return why
	}
	return err
}

// deal treats a letter if it is chosen. One that stays is in nobody's way.
func (r *run) deal(ctx context.Context, held *hand, received queue.Received, letter Letter) error {
	if !r.chosen(letter) {
		return held.setAside(ctx, received)
	}
	delete(r.wanted, letter.ID)
	result, err := r.treat(ctx, held, received, letter)
	r.end(result)
	if err != nil || result.Outcome != Kept {
		return err
	}
	return held.setAside(ctx, received)
}

// end notes what became of a letter.
func (r *run) end(result Result) {
	r.results = append(r.results, result)
	r.told(result)
}

// foundAll says whether nothing is left to look for, which only IDs can tell.
func (r *run) foundAll() bool { return r.wanted != nil && len(r.wanted) == 0 }

// left counts what was not reached when the work ended early: in the queue in hand, and in those that come after it. A queue that
// cannot be counted any more counts as empty, since the work's own error says enough.
func (r *run) left(ctx context.Context, held *hand, after []queue.Name) int {
	if r.wanted != nil {
		return len(r.wanted)
	}
	ctx, cancel := undisturbed(ctx)
	defer cancel()
	left := held.unseen() + len(held.ready)
	for _, name := range after {
		rest := newHand(held.queues, name, workVisibility)
		_ = rest.count(ctx)
		left += rest.total
	}
	return left
}

const noteMissing = "not in sight: it is gone, or someone else looks at it now"

func kept(letter Letter, why string) Result { return Result{Letter: letter, Outcome: Kept, Note: why} }
