package ingest

import (
	"fmt"
	"sync"
	"time"
)

// refusalLimit is how many refusals are kept.
const refusalLimit = 200

// Refusal is a request that was not worked on, for people who look for it afterwards. It holds nothing of its content.
type Refusal struct {
	At time.Time `json:"at"`
	// Code is the HTTP status code of the answer.
	Code   int    `json:"code"`
	Status Status `json:"status"`
	Reason string `json:"reason"`
	// DeliveryID is "" where it was missing or out of form.
	DeliveryID string `json:"delivery_id"`
	// Sender is the address that the request came from; "" where it is not known.
	Sender string `json:"sender"`
}

// String is the refusal in a line, without its moment and its delivery id.
func (r Refusal) String() string {
	text := fmt.Sprintf("%d %s: %s", r.Code, r.Status, r.Reason)
	if r.Sender != "" {
		text += ", from " + r.Sender
	}
	return text
}

// Refusals keeps the last 200 refusals in memory. It is safe for concurrent use; a nil one keeps none.
type Refusals struct {
	mu   sync.Mutex
	kept []Refusal // in the order of time, from next on
	next int       // where the oldest is, once there are refusalLimit
}

func (r *Refusals) add(refusal Refusal) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) < refusalLimit {
		r.kept = append(r.kept, refusal)
		return
	}
	r.kept[r.next] = refusal
	r.next = (r.next + 1) % refusalLimit
}

// Recent returns the refusals of a delivery id, or all where it is "", the newest first. It is never nil.
func (r *Refusals) Recent(deliveryID string) []Refusal {
	found := []Refusal{}
	if r == nil {
		return found
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for back := range r.kept {
		refusal := r.kept[(r.next+len(r.kept)-1-back)%len(r.kept)]
		if deliveryID == "" || refusal.DeliveryID == deliveryID {
			found = append(found, refusal)
		}
	}
	return found
}
