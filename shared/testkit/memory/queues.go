package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alerting/queue"
)

var (
	_ queue.Queues    = (*Queues)(nil)
	_ queue.Discarder = (*Queues)(nil)
)

// Queues is all queues, dead-letter queues included.
type Queues struct {
	now         func() time.Time
	maxReceives int

	mu       sync.Mutex
	lastID   int
	messages map[queue.Name][]*message // in the order of sending
	known    map[deduplication]time.Time
}

type message struct {
	queue.Received
	number    int // the order of sending; ID tells it
	visibleAt time.Time
	// deferred says that whoever received it last let it wait.
	deferred bool
}

// deduplication is a deduplication id of a queue; known says until when it is remembered.
type deduplication struct {
	queue queue.Name
	id    string
}

// NewQueues returns empty queues that live in the time that now tells.
func NewQueues(now func() time.Time) *Queues {
	return &Queues{
		now:         now,
		maxReceives: queue.MaxReceives,
		messages:    map[queue.Name][]*message{},
		known:       map[deduplication]time.Time{},
	}
}

// Send implements queue.Sender.
func (q *Queues) Send(ctx context.Context, name queue.Name, sent queue.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := sent.Check(name); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if name.IsFIFO() {
		key := deduplication{name, sent.DeduplicationID}
		if now.Before(q.known[key]) {
			return nil
		}
		q.known[key] = now.Add(queue.DeduplicationInterval)
	}
	q.lastID++
	added := &message{number: q.lastID, visibleAt: now.Add(sent.Delay)}
	added.Message = sent
	added.Delay = 0
	added.Attributes = maps.Clone(sent.Attributes)
	added.Queue = name
	added.ID = fmt.Sprint(q.lastID)
	added.SentAt = now
	q.messages[name] = append(q.messages[name], added)
	return nil
}

// Receive implements queue.Receiver.
func (q *Queues) Receive(ctx context.Context, name queue.Name, visibility time.Duration) (queue.Received, bool, error) {
	if err := ctx.Err(); err != nil {
		return queue.Received{}, false, err
	}
	if err := queue.CheckVisibility(visibility); err != nil {
		return queue.Received{}, false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	next := q.next(name, now)
	for next != nil && next.Receives >= q.maxReceives && !name.IsDeadLetter() {
		q.giveUp(next, now)
		next = q.next(name, now)
	}
	if next == nil {
		return queue.Received{}, false, nil
	}
	next.Receives++
	if next.FirstReceivedAt.IsZero() {
		next.FirstReceivedAt = now
	}
	next.Handle = fmt.Sprintf("%s.%d", next.ID, next.Receives)
	next.visibleAt, next.deferred = now.Add(visibility), false
	received := next.Received
	received.Attributes = maps.Clone(next.Attributes)
	return received, true, nil
}

// next is the message that has been visible for longest; in a FIFO queue, of those that come first in their group.
func (q *Queues) next(name queue.Name, now time.Time) (next *message) {
	passed := map[string]bool{}
	for _, m := range q.messages[name] {
		if passed[m.Group] {
			continue
		}
		passed[m.Group] = name.IsFIFO()
		if !now.Before(m.visibleAt) && (next == nil || m.visibleAt.Before(next.visibleAt)) {
			next = m
		}
	}
	return next
}

// giveUp moves a message to its dead-letter queue. A FIFO queue's message counts as sent anew there, as in SQS.
func (q *Queues) giveUp(m *message, now time.Time) {
	q.remove(m, now)
	m.Queue = m.Queue.DeadLetter()
	m.Receives = 0
	m.Handle = ""
	m.FirstReceivedAt = time.Time{}
	if m.Queue.IsFIFO() {
		m.SentAt = now
	}
	q.messages[m.Queue] = append(q.messages[m.Queue], m)
	slices.SortFunc(q.messages[m.Queue], func(a, b *message) int { return a.number - b.number })
}

// remove takes a message out. The next of its FIFO group counts as visible from now at the earliest, so that groups with much to
// do do not come before one whose only message is younger.
func (q *Queues) remove(m *message, now time.Time) {
	q.messages[m.Queue] = slices.DeleteFunc(q.messages[m.Queue], func(other *message) bool { return other == m })
	if !m.Queue.IsFIFO() {
		return
	}
	for _, next := range q.messages[m.Queue] {
		if next.Group == m.Group {
			next.visibleAt = later(next.visibleAt, now)
			return
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// ChangeVisibility implements queue.Deferrer.
func (q *Queues) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := queue.CheckVisibility(d); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	m := q.received(name, handle)
	if m == nil || !now.Before(m.visibleAt) {
		return queue.ErrHandle
	}
	m.visibleAt, m.deferred = now.Add(d), true
	return nil
}

// Delete implements queue.Receiver. It accepts the newest receipt's handle though its visibility has ended, as SQS does
// in standard queues: the message was worked on, and nobody else has it.
func (q *Queues) Delete(ctx context.Context, name queue.Name, handle string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.received(name, handle)
	if m == nil {
		return queue.ErrHandle
	}
	q.remove(m, q.now())
	return nil
}

// received returns the message whose newest receipt has the handle, or nil.
func (q *Queues) received(name queue.Name, handle string) *message {
	for _, m := range q.messages[name] {
		if m.Handle == handle && handle != "" {
			return m
		}
	}
	return nil
}

// Depth implements queue.Counter.
func (q *Queues) Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for _, m := range q.messages[name] {
		if m.Receives > 0 && now.Before(m.visibleAt) {
			inFlight++
		}
	}
	return len(q.messages[name]) - inFlight, inFlight, nil
}

// Discard implements queue.Discarder.
func (q *Queues) Discard(ctx context.Context, name queue.Name, choose func(queue.Message) bool) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now, before := q.now(), len(q.messages[name])
	q.messages[name] = slices.DeleteFunc(q.messages[name], func(m *message) bool {
		inWork := m.Receives > 0 && !m.deferred && now.Before(m.visibleAt)
		return !inWork && choose(m.Message)
	})
	return before - len(q.messages[name]), nil
}
