package deadletter

import (
	"context"
	"errors"

	"revento-alerts/shared/alerting/queue"
)

// Listing is dead letters, and how many there are.
type Listing struct {
	// Letters are never nil.
	Letters []Letter `json:"letters"`
	// Total is how many there are, and Hidden how many of them are not among Letters, since other programs have taken them at
	// the moment, or a look that was cut short. They are by the queues' own counts, which on SQS are approximate and up to a
	// minute old.
	Total  int `json:"total"`
	Hidden int `json:"hidden"`
	// Whole says that Letters are all: nothing is hidden, and the look was not cut short.
	Whole bool `json:"whole"`
}

// List looks at all dead letters of the queues, however many there are. On SQS each is hidden from others while List runs, and for
// two minutes where the process dies meanwhile; on one machine nothing is hidden, nor waited for. With an error comes what was seen
// before it. It returns ErrBusy.
func (d *Desk) List(ctx context.Context, names ...queue.Name) (Listing, error) {
	listing := Listing{Letters: []Letter{}}
	if browser, ok := d.Queues.(queue.Browser); ok {
		err := listing.browse(ctx, browser, names)
		return listing, err
	}
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
	listing.Whole = listing.Hidden == 0
	return listing, nil
}

// browsePage is how many messages are in memory at a time; an engine bounds their size.
const browsePage = 200

// browse reads the letters without taking them. One that lies there twice is one, as for hand.
func (l *Listing) browse(ctx context.Context, browser queue.Browser, names []queue.Name) error {
	known := map[string]bool{}
	for _, name := range names {
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := browser.Browse(ctx, name.DeadLetter(), browsePage, cursor)
			if err != nil {
				return err
			}
			for _, seen := range page {
				letter := letterOf(name, queue.Received{Message: seen.Message, Queue: seen.Queue, ID: seen.ID, SentAt: seen.SentAt})
				if !known[letter.ID] {
					known[letter.ID] = true
					l.Letters = append(l.Letters, letter)
				}
			}
			cursor = next
		}
	}
	l.Total, l.Whole = len(l.Letters), true
	return nil
}

func (l *Listing) look(ctx context.Context, queues queue.Queues, name queue.Name) error {
	held := newHand(queues, name, lookVisibility)
	if err := held.count(ctx); err != nil {
		return err
	}
	err := l.take(ctx, held, name)
	hidden := held.unseen()
	if err == nil {
		hidden, err = held.hidden(ctx)
	}
	l.Hidden += hidden
	l.Total += len(held.order) + hidden
	return errors.Join(err, held.giveBack(ctx))
}

func (l *Listing) take(ctx context.Context, held *hand, name queue.Name) error {
	for {
		received, ok, err := held.next(ctx)
		if err != nil || !ok {
			return err
		}
		l.Letters = append(l.Letters, letterOf(name, received))
		if err := held.setAside(ctx, received); err != nil {
			return err
		}
	}
}
