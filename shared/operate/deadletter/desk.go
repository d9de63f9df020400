package deadletter

import (
	"context"
	"errors"
	"sync"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/telemetry"
)

// patience is how long anybody waits for a turn: a look takes moments, a redrive of many letters takes minutes.
const patience = 5 * time.Second

// ErrBusy is returned where others have been dealing with the dead letters for longer than that.
var ErrBusy = errors.New("somebody redrives, drops or looks at the dead letters: repeat it when that is over")

// ErrStopped is the cause of what Stop ended.
var ErrStopped = errors.New("it was stopped")

// Desk is where dead letters are dealt with: by one at a time, since each hides the letters from the others meanwhile. A program
// has one; what another program has taken is hidden all the same, and Listing.Hidden counts it.
type Desk struct {
	// Queues have the dead letters, of those that Names names: all that the installation has.
	Queues queue.Queues
	Names  []queue.Name
	// Annals have the stories of the deliveries, on which it is written what a person did; nil: on none.
	Annals ingest.Annals
	// Gone is told of each letter that is dropped, once it is gone; nil: nobody has to know.
	Gone func(ctx context.Context, name queue.Name, message queue.Message) error
	// Telemetry takes a line for each redrive and drop; nil: none.
	Telemetry *telemetry.Logger
	Now       func() time.Time

	turn chan struct{}            // holds one while somebody is at the desk
	sent map[queue.Name]time.Time // when a letter was last redriven to a queue; whoever sits has it

	mu   sync.Mutex
	stop context.CancelCauseFunc // of what is being done; nil where nothing is
}

// NewDesk returns the desk for the dead letters of all queues.
func NewDesk(queues queue.Queues) *Desk {
	return &Desk{Queues: queues, Names: queue.Names, Now: time.Now, turn: make(chan struct{}, 1), sent: map[queue.Name]time.Time{}}
}

// queues are those that a selection is looked for in.
func (d *Desk) queues(selection Selection) []queue.Name {
	if len(selection.Queues) == 0 {
		return d.Names
	}
	return selection.Queues
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

// Stop ends a redrive or a drop that is going on, between two letters. It does not wait for its end.
func (d *Desk) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stop != nil {
		d.stop(ErrStopped)
	}
}

// stoppable is the context of what Stop ends. Whoever has it calls ready.
func (d *Desk) stoppable(ctx context.Context) (stoppable context.Context, ready func()) {
	stoppable, cancel := context.WithCancelCause(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = cancel
	return stoppable, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.stop = nil
		cancel(nil)
	}
}
