package conformance

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
)

var visibilityScenarios = []scenario[*queueTest]{
	{"a received message is hidden from others", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.receives(queue.Digest, "one", long)
		q.isEmpty(queue.Digest)
	}},
	{"a message comes again when its visibility ends, under its id, with a new handle, and counted", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		first := q.receives(queue.Digest, "one", short)
		q.Advance(short)
		second := q.receives(queue.Digest, "one", long)
		q.wantMessage(second, queue.Digest, plain("one"), 2)
		if second.ID != first.ID || second.Handle == first.Handle || !second.SentAt.Equal(first.SentAt) {
			t.Fatalf("first %+v, then %+v; want the same id and moment of sending, and another handle", first, second)
		}
		if first.FirstReceivedAt.Before(first.SentAt) || !second.FirstReceivedAt.Equal(first.FirstReceivedAt) {
			t.Fatalf("first %+v, then %+v; want the moment of the first receipt in both", first, second)
		}
	}},
	{"a message can be hidden for longer", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.hides(q.receives(queue.Digest, "one", 2*short), long)
		q.Advance(2 * short)
		q.isEmpty(queue.Digest)
	}},
	{"a message can be hidden for a shorter time, which counts from now", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		q.Advance(2 * short)
		q.hides(received, 2*short)
		q.isEmpty(queue.Digest)
		q.Advance(2 * short)
		q.receives(queue.Digest, "one", long)
	}},
	{"a message can be shown at once", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.hides(q.receives(queue.Digest, "one", long), 0)
		q.wantMessage(q.receives(queue.Digest, "one", long), queue.Digest, plain("one"), 2)
	}},
	{"a message in flight is deleted after its visibility changed", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		q.hides(received, short)
		q.deletes(received)
		q.Advance(short)
		q.isEmpty(queue.Digest)
	}},
	{"a message cannot be hidden for more than twelve hours", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		if err := q.ChangeVisibility(t.Context(), queue.Digest, received.Handle, queue.MaxVisibility+time.Second); err == nil {
			t.Fatal("a visibility of 12 h and 1 s was taken, want a refusal")
		}
	}},
	{"a later receipt makes a handle void for hiding", func(t *testing.T, q *queueTest) {
		old := q.receivedTwice()
		wantError(t, "hide", q.ChangeVisibility(t.Context(), queue.Digest, old.Handle, 0), queue.ErrHandle)
		q.isEmpty(queue.Digest)
	}},
	{"a later receipt makes a handle void for deleting", func(t *testing.T, q *queueTest) {
		old := q.receivedTwice()
		wantError(t, "delete", q.Delete(t.Context(), queue.Digest, old.Handle), queue.ErrHandle)
	}},
	{"a deletion makes a handle void for hiding", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		q.deletes(received)
		wantError(t, "hide", q.ChangeVisibility(t.Context(), queue.Digest, received.Handle, short), queue.ErrHandle)
	}},
	{"a deletion makes a handle void for deleting", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		q.deletes(received)
		wantError(t, "delete", q.Delete(t.Context(), queue.Digest, received.Handle), queue.ErrHandle)
	}},
	{"a handle of another queue is void", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		received := q.receives(queue.Digest, "one", long)
		wantError(t, "hide", q.ChangeVisibility(t.Context(), queue.Deletion, received.Handle, 0), queue.ErrHandle)
		wantError(t, "delete", q.Delete(t.Context(), queue.Deletion, received.Handle), queue.ErrHandle)
		q.deletes(received)
	}},
	{"a handle that no queue gave out is void", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		for _, handle := range []string{"x", "1", "1.", "1.x", "-1.1", "1.0"} {
			wantError(t, "hide", q.ChangeVisibility(t.Context(), queue.Digest, handle, 0), queue.ErrHandle)
			wantError(t, "delete", q.Delete(t.Context(), queue.Digest, handle), queue.ErrHandle)
		}
		q.receives(queue.Digest, "one", long)
	}},
}

// receivedTwice returns the first receipt of a message that is in flight for the second time.
func (q *queueTest) receivedTwice() queue.Received {
	q.Helper()
	q.sends(queue.Digest, plain("one"))
	first := q.receives(queue.Digest, "one", short)
	q.Advance(short)
	q.receives(queue.Digest, "one", long)
	return first
}
