package deadletter

import (
	"context"

	"revento-alerts/shared/queue"
)

// Drop deletes the chosen letters for good, also those that come while it runs, and returns what it dropped. With an error
// come the results before it; the rest stays.
func (d *Desk) Drop(ctx context.Context, selection Selection) ([]Result, error) {
	return d.work(ctx, selection, drop)
}

func drop(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error) {
	if err := held.delete(ctx, received); err != nil {
		return kept(letter, err.Error()), err
	}
	return Result{Letter: letter, Outcome: Dropped}, nil
}
