package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// clockError is how far the engine's clock may lie from what it says of itself: SQS tells milliseconds.
const clockError = time.Second

var messageScenarios = []scenario[*queueTest]{
	{"an empty queue gives nothing", func(_ *testing.T, q *queueTest) {
		for _, name := range queue.Names {
			q.isEmpty(name)
		}
	}},
	{"a message of a standard queue comes back as it was sent", func(_ *testing.T, q *queueTest) {
		sent := queue.Message{Body: "a \t\r\n<é漢\U0001F389>", Attributes: map[string]string{"delivery_id": "one", "reason": "é"}}
		q.sends(queue.Digest, sent)
		q.wantMessage(q.receives(queue.Digest, sent.Body, long), queue.Digest, sent, 1)
	}},
	{"a message of a FIFO queue comes back as it was sent", func(_ *testing.T, q *queueTest) {
		sent := queue.Message{Body: "{}", Group: "C0SAMPLE01", DeduplicationID: "id!#/1", Attributes: map[string]string{"delivery_id": "one"}}
		q.sends(queue.Slack, sent)
		q.wantMessage(q.receives(queue.Slack, "{}", long), queue.Slack, sent, 1)
	}},
	{"the moment of sending comes back, not that of the receipt", func(t *testing.T, q *queueTest) {
		before := q.Now()
		q.sends(queue.Digest, plain("one"))
		after := q.Now()
		q.Advance(3 * clockError)
		at := q.receives(queue.Digest, "one", long).SentAt
		if at.Before(before.Add(-clockError)) || at.After(after.Add(clockError)) {
			t.Fatalf("sent at %s, want between %s and %s", at, before, after)
		}
	}},
	{"queues do not mix", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.isEmpty(queue.Deletion)
		q.isEmpty(queue.Digest.DeadLetter())
		q.receives(queue.Digest, "one", long)
	}},
	{"a deleted message does not come again", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.deletes(q.receives(queue.Digest, "one", short))
		q.Advance(short)
		q.isEmpty(queue.Digest)
	}},
	{"a standard queue takes equal messages", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"), plain("one"))
		q.receives(queue.Digest, "one", long)
		q.receives(queue.Digest, "one", long)
	}},
	{"a standard queue does not wait for the message in flight", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"), plain("two"))
		bodies := map[string]bool{}
		for range 2 {
			received, _, err := q.Receive(t.Context(), queue.Digest, long)
			wantSuccess(t, "receive", err)
			bodies[received.Body] = true
		}
		if !bodies["one"] || !bodies["two"] {
			t.Fatalf("received %v, want both", bodies)
		}
	}},
	{"a message with a delay is hidden at first", func(_ *testing.T, q *queueTest) {
		sent := queue.Message{Body: "one", Delay: 2 * short}
		q.sends(queue.Digest, sent)
		q.isEmpty(queue.Digest)
		q.Advance(2 * short)
		q.wantMessage(q.receives(queue.Digest, "one", long), queue.Digest, sent, 1)
	}},
	{"a delay of 15 minutes is taken, a longer one is refused", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, queue.Message{Body: "one", Delay: 15 * time.Minute})
		q.refuses(queue.Digest, queue.Message{Body: "two", Delay: 15*time.Minute + time.Second})
	}},
	{"a message of 1 MiB is taken, one byte more is refused", func(_ *testing.T, q *queueTest) {
		largest := strings.Repeat("a", queue.MaxMessageBytes)
		q.sends(queue.Digest, plain(largest))
		q.receives(queue.Digest, largest, long)
		q.refuses(queue.Digest, plain(largest+"a"))
	}},
	{"attributes count towards a message's size", func(_ *testing.T, q *queueTest) {
		q.refuses(queue.Digest, queue.Message{
			Body:       strings.Repeat("a", queue.MaxMessageBytes-10),
			Attributes: map[string]string{"name": "a value"},
		})
	}},
	{"of many that receive at once each gets a message of its own", func(t *testing.T, q *queueTest) {
		for number := range attempts {
			q.sends(queue.Digest, plain(fmt.Sprint(number)))
		}
		type result struct {
			body string
			err  error
		}
		seen := map[string]bool{}
		for _, r := range atOnce(func(int) result {
			received, _, err := q.Receive(t.Context(), queue.Digest, long)
			return result{received.Body, err}
		}) {
			wantSuccess(t, "receive", r.err)
			seen[r.body] = true
		}
		if len(seen) != attempts || seen[""] {
			t.Fatalf("%d receipts at once gave %v, want each message once", attempts, seen)
		}
	}},
	{"a context that is over is an error, and nothing is sent or received", func(t *testing.T, q *queueTest) {
		wantError(t, "send", q.Send(ended(t), queue.Digest, plain("one")), context.Canceled)
		q.isEmpty(queue.Digest)
		q.sends(queue.Digest, plain("two"))
		_, _, err := q.Receive(ended(t), queue.Digest, long)
		wantError(t, "receive", err, context.Canceled)
		q.receives(queue.Digest, "two", long)
	}},
}
