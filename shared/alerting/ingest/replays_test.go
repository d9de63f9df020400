package ingest

import (
	"testing"
	"time"

	"revento-alerts/shared/revento"
)

// told has signed bytes worked on to the end.
func (r *Replays) told(digest byte, since time.Time) {
	s := signed{digest: revento.Digest{digest}, deliveryID: "first", since: since, stale: since.Add(time.Minute)}
	_, _, owns := r.begin(s)
	s.status = Accepted
	r.end(s, owns)
}

func (r *Replays) knows(digest byte, now time.Time) bool {
	s := signed{digest: revento.Digest{digest}, deliveryID: "second", since: now, stale: now.Add(time.Minute)}
	known, _, owns := r.begin(s)
	r.end(s, owns)
	return known.status == Accepted
}

func TestReplaysAreBoundedAndTheOldestGoFirst(t *testing.T) {
	now := time.Unix(1747000123, 0)
	r := NewReplays()
	r.limit = 3
	for digest := range byte(5) {
		r.told(digest, now)
	}
	if len(r.known) != 3 || r.order.Len() != 3 {
		t.Errorf("%d are known, in a list of %d", len(r.known), r.order.Len())
	}
	for digest := range byte(5) {
		if _, known := r.known[revento.Digest{digest}]; known != (digest >= 2) {
			t.Errorf("%d is known: %v", digest, known)
		}
	}
}

func TestReplaysAreForgottenWhenTheirBytesAreStale(t *testing.T) {
	now := time.Unix(1747000123, 0)
	r := NewReplays()
	r.told(1, now)
	if !r.knows(1, now.Add(time.Minute)) {
		t.Error("forgotten while they are taken for fresh")
	}
	if r.knows(1, now.Add(time.Minute+time.Second)) || len(r.known) != 0 {
		t.Errorf("%d are kept past their age", len(r.known))
	}
}
