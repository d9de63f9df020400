package deadletter

import (
	"context"
	"errors"
	"fmt"

	"revento-alerts/shared/queue"
)

// ErrHidden is returned where everything in sight was dealt with, and others are out of sight.
type ErrHidden struct {
	// Count is how many. On SQS it is approximate.
	Count int
}

// Error implements error.
func (e ErrHidden) Error() string {
	return fmt.Sprintf("%d more are being looked at by someone else, and were left: repeat it in some minutes", e.Count)
}

// treatment is what is done with a chosen letter. An error ends the work.
type treatment func(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error)

// run goes through the chosen letters, one queue after another, and has a result for each.
type run struct {
	chosen  func(Letter) bool
	treat   treatment
	results []Result
	wanted  map[string]bool // the chosen IDs that no letter had yet; nil where none are named
	hidden  int
}

func (d *Desk) work(ctx context.Context, selection Selection, treat treatment) ([]Result, error) {
	if err := selection.check(); err != nil {
		return nil, err
	}
	leave, err := d.sit(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	r := run{chosen: selection.chooser(), treat: treat, wanted: setOf(selection.IDs)}
	for _, name := range selection.queues() {
		held := newHand(d.Queues, name, workVisibility)
		err := r.through(ctx, held, name)
		if err := errors.Join(err, held.giveBack(ctx)); err != nil {
			return r.results, err
		}
	}
	for _, id := range selection.IDs {
		if r.wanted[id] {
			r.results = append(r.results, Result{Letter: Letter{ID: id}, Outcome: Missing, Note: noteMissing})
		}
	}
	if r.hidden > 0 {
		return r.results, ErrHidden{r.hidden}
	}
	return r.results, nil
}

func (r *run) through(ctx context.Context, held *hand, name queue.Name) error {
	if r.foundAll() {
		return nil
	}
	total, err := held.count(ctx)
	if err != nil {
		return err
	}
	for !r.foundAll() {
		received, ok, err := held.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			hidden, err := held.hidden(ctx, total)
			r.hidden += hidden
			return err
		}
		if err := r.deal(ctx, held, received, letterOf(name, received)); err != nil {
			return err
		}
	}
	return nil
}

// deal treats a letter if it is chosen. One that stays is in nobody's way.
func (r *run) deal(ctx context.Context, held *hand, received queue.Received, letter Letter) error {
	if !r.chosen(letter) {
		return held.setAside(ctx, received)
	}
	delete(r.wanted, letter.ID)
	result, err := r.treat(ctx, held, received, letter)
	r.results = append(r.results, result)
	if err != nil || result.Outcome != Kept {
		return err
	}
	return held.setAside(ctx, received)
}

// foundAll says whether nothing is left to look for, which only IDs can tell.
func (r *run) foundAll() bool { return r.wanted != nil && len(r.wanted) == 0 }

const noteMissing = "not in sight: it is gone, or someone else looks at it now"

func kept(letter Letter, why string) Result { return Result{Letter: letter, Outcome: Kept, Note: why} }
