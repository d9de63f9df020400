package conformance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"revento-alerts/shared/alerting/queue"
)

// Discarding holds the engines that open returns, which are queue.Discarders, to the contract.
func Discarding(t *testing.T, open func(*testing.T) Engine, exempt Exempt) {
	run(t, func(t *testing.T) *queueTest { return &queueTest{T: t, Engine: open(t)} }, exempt, discardScenarios)
}

func ours(m queue.Message) bool { return strings.HasPrefix(m.Body, "ours") }

// discards expects that so many of our messages are deleted.
func (q *queueTest) discards(name queue.Name, want int) {
	q.Helper()
	got, err := q.Queues.(queue.Discarder).Discard(q.Context(), name, ours)
	wantSuccess(q.T, "discard from "+string(name), err)
	if got != want {
		q.Fatalf("%d messages of %s were deleted, want %d", got, name, want)
	}
}

var discardScenarios = []scenario[*queueTest]{
	{"of a queue without messages nothing is discarded", func(_ *testing.T, q *queueTest) {
		q.discards(queue.Digest, 0)
	}},
	{"what is chosen goes, however it waits, and the rest stays in its order", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, queue.Message{Body: "ours, delayed", Delay: long / 12}, plain("ours, deferred"), plain("theirs"))
		q.hides(q.receives(queue.Digest, "ours, deferred", short), long)
		q.sends(queue.Digest, plain("ours, waiting"))
		q.sends(queue.Purge, plain("ours, of another queue"))
		q.discards(queue.Digest, 3)
		q.deletes(q.receives(queue.Digest, "theirs", long))
		q.counts(queue.Digest, 0, 0)
		q.receives(queue.Purge, "ours, of another queue", long)
	}},
	{"what somebody works on stays", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("ours"))
		received := q.receives(queue.Digest, "ours", long)
		q.discards(queue.Digest, 0)
		q.hides(received, 0)
		q.discards(queue.Digest, 1)
		q.isEmpty(queue.Digest)
	}},
	{"behind a message of a group that was discarded the next one is seen", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Slack, ordered("a", "ours-first"), ordered("a", "theirs"), ordered("a", "ours-last"), ordered("b", "ours-alone"))
		q.discards(queue.Slack, 3)
		q.deletes(q.receives(queue.Slack, "theirs", long))
		q.isEmpty(queue.Slack)
	}},
	{"dead letters are discarded", func(_ *testing.T, q *queueTest) {
		q.sends(queue.PagerDuty.DeadLetter(), ordered("a", "ours"), ordered("a", "theirs"))
		q.discards(queue.PagerDuty.DeadLetter(), 1)
		q.receives(queue.PagerDuty.DeadLetter(), "theirs", long)
	}},
	{"many messages are looked at", func(_ *testing.T, q *queueTest) {
		for number := range 250 {
			whose := []string{"ours", "theirs"}[number%2]
			q.sends(queue.Digest, plain(fmt.Sprint(whose, " ", number)))
		}
		q.discards(queue.Digest, 125)
		q.counts(queue.Digest, 125, 0)
	}},
	{"a context that is over is an error, and nothing is discarded", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("ours"))
		_, err := q.Queues.(queue.Discarder).Discard(ended(t), queue.Digest, ours)
		wantError(t, "discard", err, context.Canceled)
		q.counts(queue.Digest, 1, 0)
	}},
}
