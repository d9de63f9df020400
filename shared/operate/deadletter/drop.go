package deadletter

import (
	"cmp"
	"context"

	"revento-alerts/shared/alerting/queue"
)

// Drop deletes the chosen letters for good, also those that come while it runs, and returns what it dropped. With an error, which
// is an *Unfinished once it has begun, come the results before it; the rest stays.
func (d *Desk) Drop(ctx context.Context, selection Selection) ([]Result, error) {
	return d.work(ctx, "drop", selection, func(ctx context.Context, held *hand, received queue.Received, letter Letter) (Result, error) {
		ctx, cancel := undisturbed(ctx)
		defer cancel()
		// It is written down first, so that nothing is gone without a trace.
		note := d.write(ctx, letter, Dropped, selection.By)
		if err := held.delete(ctx, received); err != nil {
			return kept(letter, err.Error()), err
		}
		return Result{Letter: letter, Outcome: Dropped, Note: cmp.Or(d.tellGone(ctx, letter.Queue, received.Message), note)}, nil
	})
}

// tellGone tells who has to know. What keeps it from that brings the letter not back, and is returned for the result's note.
func (d *Desk) tellGone(ctx context.Context, name queue.Name, message queue.Message) (note string) {
	if d.Gone == nil {
		return ""
	}
	if err := d.Gone(ctx, name, message); err != nil {
		return "it is gone, but counts as a dead letter until it would have been too old: " + err.Error()
	}
	return ""
}
