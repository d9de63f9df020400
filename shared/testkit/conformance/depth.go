package conformance

import (
	"testing"

	"revento-alerts/shared/alerting/queue"
)

var depthScenarios = []scenario[*queueTest]{
	{"a queue without messages has none", func(_ *testing.T, q *queueTest) {
		q.counts(queue.Digest, 0, 0)
		q.counts(queue.Slack.DeadLetter(), 0, 0)
	}},
	{"messages wait, then are in flight, then are gone", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.counts(queue.Digest, 1, 0)
		received := q.receives(queue.Digest, "one", long)
		q.counts(queue.Digest, 0, 1)
		q.hides(received, 0)
		q.counts(queue.Digest, 1, 0)
		q.deletes(q.receives(queue.Digest, "one", long))
		q.counts(queue.Digest, 0, 0)
	}},
	{"a delayed message waits", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, queue.Message{Body: "one", Delay: long / 12})
		q.counts(queue.Digest, 1, 0)
	}},
	{"a message whose visibility ended waits again", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		q.receives(queue.Digest, "one", short)
		q.Advance(short)
		q.counts(queue.Digest, 1, 0)
	}},
	{"a message behind another of its group waits", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		q.receives(queue.Slack, "one", long)
		q.counts(queue.Slack, 1, 1)
	}},
}

func (q *queueTest) counts(name queue.Name, waiting, inFlight int) {
	q.Helper()
	gotWaiting, gotInFlight, err := q.Depth(q.Context(), name)
	wantSuccess(q.T, "count the messages of "+string(name), err)
	if gotWaiting != waiting || gotInFlight != inFlight {
		q.Fatalf("%s: %d wait and %d are in flight, want %d and %d", name, gotWaiting, gotInFlight, waiting, inFlight)
	}
}
