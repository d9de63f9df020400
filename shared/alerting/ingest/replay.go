package ingest

import (
	"container/list"
	"strings"
	"sync"
	"time"

	"revento-alerts/shared/revento"
)

// replayLimit is how many signed bytes are remembered at the most: some 25 MB. Each is a request that Revento signed.
const replayLimit = 100_000

// Replays remembers the signed bytes that this copy of the program has worked on, so that a captured request that comes again
// under other delivery ids, which are not signed, is answered without a call. What is worked on anew after a restart, or by
// another copy, the queues and workers drop. It is safe for concurrent use; a nil one remembers nothing.
type Replays struct {
	mu    sync.Mutex
	limit int
	known map[revento.Digest]*list.Element
	order *list.List // of *signed, those that came first in front
}

// NewReplays returns a memory of 100,000 signed bytes, of which the oldest go first.
func NewReplays() *Replays {
	return &Replays{limit: replayLimit, known: map[revento.Digest]*list.Element{}, order: list.New()}
}

// signed is what is remembered of signed bytes.
type signed struct {
	digest revento.Digest
	// deliveryID is the first that they came under.
	deliveryID string
	// status is what the first was answered: Accepted, Duplicate or Ignored; "" while it is worked on.
	status Status
	since  time.Time
	// stale is when the bytes are refused by their age, so that they need not be remembered.
	stale time.Time
}

// reply is the answer to the same signed bytes under another delivery id. What is worked on is done within Budget.
func (s signed) reply(now time.Time) Reply {
	switch s.status {
	case "":
		return Reply{Status: Busy, RetryAfter: max(s.since.Add(Budget).Sub(now), time.Second)}
	case Ignored:
		return Reply{Status: Ignored}
	default:
		return Reply{Status: Duplicate}
	}
}

// begin notes that signed bytes are worked on; owns says that end is to be told by this request. If they came before under
// another delivery id, it notes nothing and returns what is known. Under the same id they take the ledger's way, which may
// have work left to do for them: there is neither.
func (r *Replays) begin(s signed) (known signed, again, owns bool) {
	if r == nil {
		return signed{}, false, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(s.since)
	if element, ok := r.known[s.digest]; ok {
		known := *element.Value.(*signed)
		return known, known.deliveryID != s.deliveryID, false
	}
	r.put(s)
	return signed{}, false, true
}

// end notes what signed bytes were answered. Where they were not worked on to the end they are forgotten at once, so that a
// retry under any id finds nothing in its way.
func (r *Replays) end(s signed, owns bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	element, ok := r.known[s.digest]
	isOver := s.status == Accepted || s.status == Duplicate || s.status == Ignored
	switch {
	case ok && isOver:
		element.Value.(*signed).status = s.status
	case ok && owns:
		r.remove(element)
	case isOver:
		r.put(s)
	}
}

func (r *Replays) put(s signed) {
	if len(r.known) >= r.limit {
		r.remove(r.order.Front())
	}
	s.deliveryID = strings.Clone(s.deliveryID) // it may be part of a larger text
	r.known[s.digest] = r.order.PushBack(&s)
}

func (r *Replays) remove(element *list.Element) {
	delete(r.known, element.Value.(*signed).digest)
	r.order.Remove(element)
}

// forget drops what has gone stale. What came first is not always stale first, so that some is kept for up to a tolerance more.
func (r *Replays) forget(now time.Time) {
	for front := r.order.Front(); front != nil && now.After(front.Value.(*signed).stale); front = r.order.Front() {
		r.remove(front)
	}
}
