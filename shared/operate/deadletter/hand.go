package deadletter

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento"
)

// A queue shows messages only to who takes them. So whoever looks takes each letter, which hides it from others for a while, and
// gives it back in the end.
const (
	// lookVisibility is for how long a letter is hidden that List could not give back.
	lookVisibility = 2 * time.Minute
	// workVisibility is the same for Redrive and Drop. Half of it is longer than the longest pace, so that it is renewed in time.
	workVisibility = 5 * time.Minute
	// giveBackTime bounds the giving back, which also happens when the caller's context is over.
	giveBackTime = 30 * time.Second
	// batchesAtOnce is how many batches of letters are hidden or shown at the same time.
	batchesAtOnce = 8
)

// The attributes of a letter that was given a group of its own.
const (
	attributeOrigin = "dead_letter" // the message that it was
	attributeSince  = "dead_since"  // when the dead-letter queue took that
)

// originOf is the queue's id of the message that a letter was at first.
func originOf(received queue.Received) string {
	if origin := received.Attributes[attributeOrigin]; origin != "" {
		return origin
	}
	return received.ID
}

// holding is a letter that was seen.
type holding struct {
	message string // the queue's id of the message that is held; "" where none is
	handle  string
	since   time.Time // when it was last hidden
	over    bool      // it is gone for good
}

// hand holds the letters of one queue that were received and not let go.
type hand struct {
	queues     queue.Queues
	name       queue.Name // the dead-letter queue's
	visibility time.Duration
	ready      []queue.Received    // taken, and not asked for yet
	seen       map[string]*holding // by originOf
	order      []*holding          // in the order of their receipt
	oldest     time.Time           // no letter was hidden earlier
	total      int                 // how many letters the queue had, by count
}

func newHand(queues queue.Queues, name queue.Name, visibility time.Duration) *hand {
	return &hand{queues: queues, name: name.DeadLetter(), visibility: visibility, seen: map[string]*holding{}}
}

// errAgain is returned where letters come into sight again faster than others are taken.
var errAgain = errors.New("the first dead letters come again before the last are seen: repeat it, one queue at a time")

// next takes a letter that was not taken before; ok is false where there is none. A letter whose visibility ended comes
// again; when more came again than were taken, the letters go round, and it returns errAgain.
func (h *hand) next(ctx context.Context) (received queue.Received, ok bool, err error) {
	for repeats := 0; repeats <= len(h.seen); {
		if len(h.ready) > 0 {
			received, h.ready = h.ready[0], h.ready[1:]
			return received, true, nil
		}
		if err := h.renew(ctx); err != nil {
			return queue.Received{}, false, err
		}
		batch, err := h.receive(ctx)
		if err != nil || len(batch) == 0 {
			return queue.Received{}, false, err
		}
		again, err := h.takeAll(ctx, batch)
		if err != nil {
			return queue.Received{}, false, err
		}
		repeats += again
	}
	return queue.Received{}, false, errAgain
}

func (h *hand) receive(ctx context.Context) ([]queue.Received, error) {
	if batcher, ok := h.queues.(queue.Batcher); ok {
		return batcher.ReceiveBatch(ctx, h.name, h.visibility)
	}
	received, ok, err := h.queues.Receive(ctx, h.name, h.visibility)
	if err != nil || !ok {
		return nil, err
	}
	return []queue.Received{received}, nil
}

// takeAll notes what came, whatever fails, so that all of it is given back, and counts what came again.
func (h *hand) takeAll(ctx context.Context, batch []queue.Received) (again int, failure error) {
	now := time.Now()
	if h.oldest.IsZero() {
		h.oldest = now
	}
	for _, received := range batch {
		known := h.seen[originOf(received)]
		isCopy := known != nil && (known.over || known.message != "" && known.message != received.ID)
		switch {
		case isCopy:
			failure = errors.Join(failure, h.dispose(ctx, received))
			continue
		case known == nil:
			known = &holding{}
			h.seen[originOf(received)] = known
			h.order = append(h.order, known)
			h.ready = append(h.ready, received)
		case known.message == received.ID:
			again++
		}
		known.message, known.handle, known.since = received.ID, received.Handle, now
	}
	return again, failure
}

// count notes how many letters the queue has, whoever holds them.
func (h *hand) count(ctx context.Context) error {
	waiting, inFlight, err := h.queues.Depth(ctx, h.name)
	if err == nil {
		h.total = waiting + inFlight
	}
	return err
}

// unseen is how many of the letters that were counted have not come into sight.
func (h *hand) unseen() int { return max(h.total-len(h.order), 0) }

// hidden is how many letters have not come into sight though nothing comes any more. As a count may be old, or somebody may have
// dealt with them meanwhile, they are counted once more.
func (h *hand) hidden(ctx context.Context) (int, error) {
	missing := h.unseen()
	if missing == 0 {
		return 0, nil
	}
	if err := h.count(ctx); err != nil {
		return missing, err
	}
	inHand := len(h.held(func(*holding) bool { return true }))
	return max(min(missing, h.total-inHand), 0), nil
}

// dispose deletes the second message of a letter: somebody died between sending it into a group of its own, or to its queue, and
// deleting the first.
func (h *hand) dispose(ctx context.Context, received queue.Received) error {
	err := h.queues.Delete(ctx, h.name, received.Handle)
	if err != nil && !errors.Is(err, queue.ErrHandle) {
		return fmt.Errorf("delete the copy of a dead letter: %w", err)
	}
	return nil
}

// delete ends a letter for good.
func (h *hand) delete(ctx context.Context, received queue.Received) error {
	if err := h.remove(ctx, received); err != nil {
		return err
	}
	h.seen[originOf(received)].over = true
	return nil
}

func (h *hand) remove(ctx context.Context, received queue.Received) error {
	held := h.seen[originOf(received)]
	if err := h.queues.Delete(ctx, h.name, held.handle); err != nil {
		return fmt.Errorf("delete the dead letter: %w", err)
	}
	held.message, held.handle = "", ""
	return nil
}

// setAside keeps a letter in hand with which nothing is done. What a FIFO queue itself moved lies in its old group, whose others
// are out of sight as long as it is in hand: it is sent into a group of its own, and comes again from there. It is sent before it
// is deleted. Sent twice within queue.DeduplicationInterval it lies there once, and a copy that is sent later is known by its
// origin. The deduplication id is one that nothing else has: an engine may remember the letter's own, or its message's, and would
// take the copy for sent.
func (h *hand) setAside(ctx context.Context, received queue.Received) error {
	if !h.sharesGroup(received) {
		return nil
	}
	alone := queue.Message{
		Body: received.Body, Group: rand.Text(), DeduplicationID: revento.Hash("a group of its own", received.ID),
		Attributes: maps.Clone(received.Attributes),
	}
	if alone.Attributes == nil {
		alone.Attributes = map[string]string{}
	}
	alone.Attributes[attributeOrigin], alone.Attributes[attributeSince] = received.ID, received.SentAt.UTC().Format(time.RFC3339Nano)
	if h.name.Entry().Asks {
		alone.Attributes[queue.AttributeGroup] = received.Group
	}
	if err := h.queues.Send(ctx, h.name, alone); err != nil {
		return fmt.Errorf("give the dead letter a group of its own: %w", err)
	}
	return h.remove(ctx, received)
}

// sharesGroup says whether others may lie in a letter's group: a worker parks each in its own.
func (h *hand) sharesGroup(received queue.Received) bool {
	return h.name.IsFIFO() && received.Group != received.DeduplicationID && received.Attributes[attributeOrigin] == ""
}

// renew hides anew what would come into sight before long.
func (h *hand) renew(ctx context.Context) error {
	now := time.Now()
	if now.Sub(h.oldest) < h.visibility/2 {
		return nil
	}
	due := h.held(func(held *holding) bool { return now.Sub(held.since) >= h.visibility/4 })
	if err := h.change(ctx, due, h.visibility); err != nil {
		return fmt.Errorf("keep the dead letters of %s in hand: %w", h.name, err)
	}
	for _, held := range due {
		held.since = now
	}
	h.oldest = now.Add(-h.visibility / 4)
	return nil
}

// giveBack shows all that is held. Letters that it cannot show come into sight when their visibility ends.
func (h *hand) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	if err := h.change(ctx, h.held(func(*holding) bool { return true }), 0); err != nil {
		return fmt.Errorf("show dead letters of %s again, which they are by themselves within %s: %w", h.name, h.visibility, err)
	}
	return nil
}

// held are the letters in hand that are meant.
func (h *hand) held(meant func(*holding) bool) []*holding {
	var held []*holding
	for _, letter := range h.order {
		if letter.message != "" && meant(letter) {
			held = append(held, letter)
		}
	}
	return held
}

// change hides or shows letters. It does what it can, and returns the first failure.
func (h *hand) change(ctx context.Context, letters []*holding, d time.Duration) error {
	batcher, ok := h.queues.(queue.Batcher)
	if !ok {
		return h.changeEach(ctx, letters, d)
	}
	var once sync.Once
	var failure error
	var batches sync.WaitGroup
	places := make(chan struct{}, batchesAtOnce)
	for batch := range slices.Chunk(letters, queue.BatchSize) {
		places <- struct{}{}
		batches.Go(func() {
			defer func() { <-places }()
			if err := batcher.ChangeVisibilityBatch(ctx, h.name, handlesOf(batch), d); err != nil {
				once.Do(func() { failure = err })
			}
		})
	}
	batches.Wait()
	return failure
}

func (h *hand) changeEach(ctx context.Context, letters []*holding, d time.Duration) (failure error) {
	for _, held := range letters {
		err := h.queues.ChangeVisibility(ctx, h.name, held.handle, d)
		if err != nil && !errors.Is(err, queue.ErrHandle) && failure == nil {
			failure = err
		}
	}
	return failure
}

func handlesOf(letters []*holding) []string {
	handles := make([]string, len(letters))
	for i, held := range letters {
		handles[i] = held.handle
	}
	return handles
}
