package deadletter

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/queue"
)

// patience is how long anybody waits for a turn: a look takes moments, a redrive of many letters takes minutes.
const patience = 5 * time.Second

// ErrBusy is returned where others have been dealing with the dead letters for longer than that.
var ErrBusy = errors.New("somebody redrives, drops or looks at the dead letters: repeat it when that is over")

// Desk is where dead letters are dealt with: by one at a time, since each hides the letters from the others meanwhile. A program
// has one; what another program has taken is hidden all the same, and Listing.Hidden counts it.
type Desk struct {
	// Queues have the dead letters.
	Queues queue.Queues

	turn chan struct{} // holds one while somebody is at the desk
}

// NewDesk returns the desk for the dead letters of the queues.
func NewDesk(queues queue.Queues) *Desk {
	return &Desk{Queues: queues, turn: make(chan struct{}, 1)}
}

// sit waits for its turn. Whoever sat calls leave. It returns ErrBusy, or what ended ctx.
func (d *Desk) sit(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrBusy)
	defer cancel()
	select {
	case d.turn <- struct{}{}:
		return func() { <-d.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
