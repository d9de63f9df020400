package deadletter

import (
	"context"
	"errors"
	"slices"

	"revento-alerts/shared/queue"
)

// treatment is what is done with a chosen letter. An error ends the work.
type treatment func(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error)

// run goes through the chosen letters, one queue after another, and has a result for each.
type run struct {
	selection Selection
	treat     treatment
	results   []Result
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
	r := run{selection: selection, treat: treat}
	for _, name := range selection.queues() {
		held := newHand(d.Queues, name, workVisibility)
		err := r.through(ctx, held, name)
		if err := errors.Join(err, held.giveBack(ctx)); err != nil {
			return r.results, err
		}
	}
	return append(r.results, r.missing()...), nil
}

func (r *run) through(ctx context.Context, held *hand, name queue.Name) error {
	for !r.foundAll() {
		received, ok, err := held.next(ctx)
		if err != nil || !ok {
			return err
		}
		letter := letterOf(name, received)
		if !r.selection.has(letter) {
			continue
		}
		result, err := r.treat(ctx, held, received, letter)
		r.results = append(r.results, result)
		if err != nil {
			return err
		}
	}
	return nil
}

// foundAll says whether nothing is left to look for, which only IDs can tell.
func (r *run) foundAll() bool { return len(r.selection.IDs) > 0 && len(r.missing()) == 0 }

const noteMissing = "not in sight: it is gone, someone else looks at it now, or it lies behind another of its group"

// missing has a result for each chosen ID that no letter had.
func (r *run) missing() []Result {
	var missing []Result
	for _, id := range r.selection.IDs {
		if !slices.ContainsFunc(r.results, func(found Result) bool { return found.Letter.ID == id }) {
			missing = append(missing, Result{Letter: Letter{ID: id}, Outcome: Missing, Note: noteMissing})
		}
	}
	return missing
}

func kept(letter Letter, why string) Result { return Result{Letter: letter, Outcome: Kept, Note: why} }
