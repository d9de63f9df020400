package deadletter

import (
	"context"
	"errors"

	"revento-alerts/shared/queue"
)

// ListLimit is how many letters of each queue List shows at the most: about a minute's worth on SQS.
const ListLimit = 1000

// Listing is the letters in sight.
type Listing struct {
	Letters []Letter `json:"letters"`
	// Hidden counts the letters that other programs have taken at the moment, or a look that was cut short. On SQS it
	// is approximate.
	Hidden int `json:"hidden"`
	// Cut says that a queue has more letters than ListLimit, or than its engine gives out within a minute.
	Cut bool `json:"cut"`
}

// List looks at the dead letters of the queues. Each is hidden from others while List runs, and for a minute where the
// process dies meanwhile. Of what a FIFO queue itself moved, the first of each group is in sight (see Letter.More). With an
// error comes what was seen before it. It returns ErrBusy.
func (d *Desk) List(ctx context.Context, names ...queue.Name) (Listing, error) {
	var listing Listing
	leave, err := d.sit(ctx)
	if err != nil {
		return listing, err
	}
	defer leave()
	for _, name := range names {
		if err := listing.look(ctx, d.Queues, name); err != nil {
			return listing, err
		}
	}
	return listing, nil
}

func (l *Listing) look(ctx context.Context, queues queue.Queues, name queue.Name) error {
	_, hidden, err := queues.Depth(ctx, name.DeadLetter())
	if err != nil {
		return err
	}
	l.Hidden += hidden
	held := newHand(queues, name, lookVisibility)
	err = l.take(ctx, held, name)
	return errors.Join(err, held.giveBack(ctx))
}

func (l *Listing) take(ctx context.Context, held *hand, name queue.Name) error {
	for range ListLimit {
		received, ok, err := held.next(ctx)
		if errors.Is(err, errAgain) {
			l.Cut = true
			return nil
		}
		if err != nil || !ok {
			return err
		}
		l.Letters = append(l.Letters, letterOf(name, received))
	}
	waiting, _, err := held.queues.Depth(ctx, held.name)
	l.Cut = l.Cut || waiting > 0
	return err
}
