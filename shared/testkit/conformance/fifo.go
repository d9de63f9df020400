package conformance

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
)

var fifoScenarios = []scenario[*queueTest]{
	{"messages of a group come one after another, in the order of sending", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"), ordered("a", "three"))
		for _, body := range []string{"one", "two", "three"} {
			received := q.receives(queue.Slack, body, long)
			q.isEmpty(queue.Slack)
			q.deletes(received)
		}
		q.isEmpty(queue.Slack)
	}},
	{"a group with a message in flight holds up no other group", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "a1"), ordered("a", "a2"), ordered("b", "b1"), ordered("b", "b2"))
		a1 := q.receives(queue.Slack, "a1", long)
		q.deletes(q.receives(queue.Slack, "b1", long))
		q.receives(queue.Slack, "b2", long)
		q.isEmpty(queue.Slack)
		q.deletes(a1)
		q.receives(queue.Slack, "a2", long)
	}},
	{"a message whose visibility ended comes before the later ones of its group", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		q.receives(queue.Slack, "one", short)
		q.Advance(short)
		q.deletes(q.receives(queue.Slack, "one", long))
		q.receives(queue.Slack, "two", long)
	}},
	{"a message that is shown at once comes before the later ones of its group", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		q.hides(q.receives(queue.Slack, "one", long), 0)
		q.receives(queue.Slack, "one", long)
		q.isEmpty(queue.Slack)
	}},
	{"a deferred message holds up its group", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		q.hides(q.receives(queue.Slack, "one", short), long)
		q.Advance(short)
		q.isEmpty(queue.Slack)
	}},
	{"a group that ran empty takes messages again", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"))
		q.deletes(q.receives(queue.Slack, "one", long))
		q.sends(queue.Slack, ordered("a", "two"), ordered("a", "three"))
		q.receives(queue.Slack, "two", long)
		q.isEmpty(queue.Slack)
	}},
	{"groups of two queues do not mix", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"))
		q.sends(queue.PagerDuty, ordered("a", "two"))
		q.receives(queue.Slack, "one", long)
		q.receives(queue.PagerDuty, "two", long)
	}},
	{"of many that receive at once one gets the group's message", func(t *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"), ordered("a", "two"))
		type result struct {
			ok  bool
			err error
		}
		got := 0
		for _, r := range atOnce(func(int) result {
			_, ok, err := q.Receive(t.Context(), queue.Slack, long)
			return result{ok, err}
		}) {
			wantSuccess(t, "receive", r.err)
			if r.ok {
				got++
			}
		}
		if got != 1 {
			t.Fatalf("%d got a message, want 1", got)
		}
	}},
	{"an equal deduplication id adds nothing while the first waits, is in flight, and was deleted", func(_ *testing.T, q *queueTest) {
		again := queue.Message{Body: "another body", Group: "a", DeduplicationID: "one"}
		q.sends(queue.Slack, ordered("a", "one"), again)
		received := q.receives(queue.Slack, "one", long)
		q.sends(queue.Slack, again)
		q.deletes(received)
		q.isEmpty(queue.Slack)
		q.sends(queue.Slack, again)
		q.isEmpty(queue.Slack)
	}},
	{"of many sent at once with an equal deduplication id one is taken", func(t *testing.T, q *queueTest) {
		for _, err := range atOnce(func(int) error { return q.Send(t.Context(), queue.Slack, ordered("a", "one")) }) {
			wantSuccess(t, "send", err)
		}
		q.deletes(q.receives(queue.Slack, "one", long))
		q.isEmpty(queue.Slack)
	}},
	{"a deduplication id counts in its own queue", func(_ *testing.T, q *queueTest) {
		for _, name := range []queue.Name{queue.Slack, queue.PagerDuty, queue.Slack.DeadLetter()} {
			q.sends(name, ordered("a", "one"))
		}
		for _, name := range []queue.Name{queue.Slack, queue.PagerDuty, queue.Slack.DeadLetter()} {
			q.receives(name, "one", long)
		}
	}},
	{"a deduplication id is remembered for five minutes from its sending", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "one"))
		q.Advance(queue.DeduplicationInterval - time.Minute)
		q.deletes(q.receives(queue.Slack, "one", long))
		q.sends(queue.Slack, ordered("a", "one"))
		q.isEmpty(queue.Slack)
		q.Advance(time.Minute)
		q.sends(queue.Slack, ordered("a", "one"))
		q.receives(queue.Slack, "one", long)
	}},
	{"a FIFO queue refuses a message without a group", func(_ *testing.T, q *queueTest) {
		q.refuses(queue.Slack, queue.Message{Body: "one", DeduplicationID: "one"})
	}},
	{"a FIFO queue refuses a message without a deduplication id", func(_ *testing.T, q *queueTest) {
		q.refuses(queue.Slack, queue.Message{Body: "one", Group: "a"})
	}},
}
