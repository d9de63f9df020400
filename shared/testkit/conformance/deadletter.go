package conformance

import (
	"testing"

	"revento-alerts/shared/alerting/queue"
)

var deadLetterScenarios = []scenario[*queueTest]{
	{"a dead-letter queue is sent to and received from like any other", func(_ *testing.T, q *queueTest) {
		sent := queue.Message{Body: "one", Group: "a", DeduplicationID: "one", Attributes: map[string]string{"reason": "channel_not_found"}}
		q.sends(queue.Slack.DeadLetter(), sent)
		q.wantMessage(q.receives(queue.Slack.DeadLetter(), "one", long), queue.Slack.DeadLetter(), sent, 1)
	}},
	{"a message is received as often as the limit says and then moves to the dead-letter queue", func(t *testing.T, q *queueTest) {
		sent := queue.Message{Body: "one", Attributes: map[string]string{"delivery_id": "one"}}
		q.sends(queue.Digest, sent)
		q.exhausts(queue.Digest, "one")
		q.isEmpty(queue.Digest)
		moved := q.receives(queue.Digest.DeadLetter(), "one", long)
		q.wantMessage(moved, queue.Digest.DeadLetter(), sent, moved.Receives)
		q.deletes(moved)
		q.isEmpty(queue.Digest.DeadLetter())
	}},
	{"a message of a FIFO queue keeps its group when it moves, and the next of its group comes", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		q.exhausts(queue.Slack, "one")
		q.receives(queue.Slack, "two", long)
		moved := q.receives(queue.Slack.DeadLetter(), "one", long)
		q.wantMessage(moved, queue.Slack.DeadLetter(), ordered("a", "one"), moved.Receives)
	}},
	{"a message leaves a dead-letter queue only by deletion, however often it is received", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest.DeadLetter(), plain("one"))
		q.exhausts(queue.Digest.DeadLetter(), "one")
		q.receives(queue.Digest.DeadLetter(), "one", long)
	}},
}

// exhausts receives the message as often as its queue allows and shows it again after each receipt.
func (q *queueTest) exhausts(name queue.Name, body string) {
	q.Helper()
	for range q.MaxReceives {
		q.hides(q.receives(name, body, long), 0)
	}
}
