package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/queue"
)

// A queue shows messages only to who takes them. So whoever looks takes each letter, which hides it from others for a while,
// and gives it back in the end.
const (
	// lookVisibility is for how long a letter is hidden that List could not give back.
	lookVisibility = time.Minute
	// workVisibility is the same for Redrive and Drop. It is longer than the longest pace.
	workVisibility = 5 * time.Minute
	// giveBackTime bounds the giving back, which also happens when the caller's context is over.
	giveBackTime = 30 * time.Second
)

// hand holds the letters of one queue that were received and not deleted.
type hand struct {
	queues     queue.Queues
	name       queue.Name // the dead-letter queue's
	visibility time.Duration
	handles    map[string]string // by message id
	order      []string          // message ids in the order of their receipt
}

func newHand(queues queue.Queues, name queue.Name, visibility time.Duration) *hand {
	return &hand{queues: queues, name: name.DeadLetter(), visibility: visibility, handles: map[string]string{}}
}

// errAgain is returned where letters come into sight again faster than others are taken.
var errAgain = errors.New("the first dead letters come again before the last are seen: repeat it, one queue at a time")

// next takes a letter that was not taken before; ok is false where there is none. A letter whose visibility ended comes
// again; when more came again than were taken, the letters go round, and it returns errAgain.
func (h *hand) next(ctx context.Context) (received queue.Received, ok bool, err error) {
	for repeats := 0; repeats <= len(h.order); repeats++ {
		received, ok, err = h.queues.Receive(ctx, h.name, h.visibility)
		if err != nil || !ok {
			return queue.Received{}, false, err
		}
		_, taken := h.handles[received.ID]
		h.handles[received.ID] = received.Handle
		if !taken {
			h.order = append(h.order, received.ID)
			return received, true, nil
		}
	}
	return queue.Received{}, false, errAgain
}

// delete ends a letter for good.
func (h *hand) delete(ctx context.Context, received queue.Received) error {
	if err := h.queues.Delete(ctx, h.name, received.Handle); err != nil {
		return fmt.Errorf("delete the dead letter: %w", err)
	}
	h.handles[received.ID] = ""
	return nil
}

// giveBack shows all that is held. Letters that it cannot show come into sight when their visibility ends.
func (h *hand) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	var failure error
	for _, id := range h.order {
		handle := h.handles[id]
		if handle == "" {
			continue
		}
		err := h.queues.ChangeVisibility(ctx, h.name, handle, 0)
		if err != nil && !errors.Is(err, queue.ErrHandle) && failure == nil {
			failure = fmt.Errorf("show dead letters of %s again, which they are by themselves within %s: %w", h.name, h.visibility, err)
		}
	}
	return failure
}
