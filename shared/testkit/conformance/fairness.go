package conformance

import (
	"fmt"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// Fairness holds the engines of one machine, whose order between groups is ours, to an order in which none starves.
func Fairness(t *testing.T, open func(*testing.T) Engine) {
	run(t, func(t *testing.T) *queueTest { return &queueTest{T: t, Engine: open(t)} }, nil, fairnessScenarios)
}

// busyGroups is how many FIFO groups always have a message to receive.
const busyGroups = 200

var fairnessScenarios = []scenario[*queueTest]{
	{"a quiet group's message waits for one of each busy group at the most", func(t *testing.T, q *queueTest) {
		for round := range 3 {
			for group := range busyGroups {
				q.sends(queue.Slack, ordered(fmt.Sprint(group), fmt.Sprintf("%d-%d", group, round)))
			}
		}
		q.Advance(time.Second)
		q.sends(queue.Slack, ordered("quiet", "quiet"))
		q.waitsForOne(t)
	}},
	{"so it does behind groups whose messages come again at once", func(t *testing.T, q *queueTest) {
		for group := range busyGroups {
			q.sends(queue.Slack, ordered(fmt.Sprint(group), fmt.Sprint(group)))
		}
		q.Advance(time.Second)
		q.sends(queue.Slack, ordered("quiet", "quiet"))
		for range busyGroups {
			received, _, err := q.Receive(t.Context(), queue.Slack, long)
			wantSuccess(t, "receive", err)
			q.Advance(time.Millisecond)
			q.hides(received, 0)
		}
		q.receives(queue.Slack, "quiet", long)
	}},
	{"a group's messages keep their order while others come between them", func(t *testing.T, q *queueTest) {
		for round := range 3 {
			for _, group := range []string{"a", "b"} {
				q.sends(queue.Slack, ordered(group, fmt.Sprint(group, round)))
			}
		}
		for _, body := range []string{"a0", "b0", "a1", "b1", "a2", "b2"} {
			q.Advance(time.Millisecond)
			q.deletes(q.receives(queue.Slack, body, long))
		}
	}},
}

// waitsForOne works off the queue until the quiet group's message comes.
func (q *queueTest) waitsForOne(t *testing.T) {
	q.Helper()
	for range busyGroups + 1 {
		received, _, err := q.Receive(t.Context(), queue.Slack, long)
		wantSuccess(t, "receive", err)
		if received.Group == "quiet" {
			return
		}
		q.Advance(time.Millisecond)
		q.deletes(received)
	}
	t.Fatalf("%d messages came before the quiet group's", busyGroups+1)
}
