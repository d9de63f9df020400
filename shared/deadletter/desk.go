package deadletter

import (
	"context"
	"fmt"

	"revento-alerts/shared/queue"
)

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

// sit waits for its turn, or returns what ended ctx. Whoever sat calls leave.
func (d *Desk) sit(ctx context.Context) (leave func(), err error) {
	select {
	case d.turn <- struct{}{}:
		return func() { <-d.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait until nobody else deals with the dead letters: %w", context.Cause(ctx))
	}
}
