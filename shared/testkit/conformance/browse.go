package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
)

// Browser holds the engines that open returns, whose Queues is a queue.Browser, to its contract.
func Browser(t *testing.T, open func(*testing.T) Engine) {
	run(t, func(t *testing.T) *queueTest { return &queueTest{T: t, Engine: open(t)} }, nil, browseScenarios)
}

var browseScenarios = []scenario[*queueTest]{
	{"an empty queue shows nothing", func(_ *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("of another queue"))
		q.shows(queue.Digest.DeadLetter(), 10)
	}},
	{"what waits, is delayed or is in flight is shown in the order of sending, and stays as it is", func(t *testing.T, q *queueTest) {
		delayed := plain("delayed")
		delayed.Delay = time.Minute
		sent := q.Now()
		q.sends(queue.Digest, plain("in flight"), delayed, plain("waiting"))
		received := q.receives(queue.Digest, "in flight", long)
		for range 2 {
			page, next, err := q.browser().Browse(t.Context(), queue.Digest, 10, "")
			wantSuccess(t, "browse", err)
			want := []queue.Seen{
				{Message: plain("in flight"), Receives: 1, SentAt: sent, VisibleAt: sent.Add(long), InFlight: true},
				{Message: plain("delayed"), SentAt: sent, VisibleAt: sent.Add(time.Minute)},
				{Message: plain("waiting"), SentAt: sent, VisibleAt: sent},
			}
			for i := range min(len(page), len(want)) {
				want[i].Queue, want[i].ID = queue.Digest, page[i].ID
			}
			if diff := cmp.Diff(want, page); diff != "" || next != "" {
				t.Fatalf("the page (-want +got), next is %q:\n%s", next, diff)
			}
		}
		q.receives(queue.Digest, "waiting", long)
		q.deletes(received)
		q.shows(queue.Digest, 10, "delayed", "waiting")
	}},
	{"a message that comes again is shown with its receipts, and is in flight no more", func(t *testing.T, q *queueTest) {
		q.sends(queue.Digest, plain("one"))
		for range 2 {
			q.hides(q.receives(queue.Digest, "one", long), 0)
		}
		page, _, err := q.browser().Browse(t.Context(), queue.Digest, 10, "")
		wantSuccess(t, "browse", err)
		if len(page) != 1 || page[0].Receives != 2 || page[0].InFlight || page[0].VisibleAt.After(q.Now()) {
			t.Fatalf("browse shows %+v, want one visible message with two receipts", page)
		}
	}},
	{"the messages of a FIFO group are all shown, with what was sent with them", func(t *testing.T, q *queueTest) {
		name := queue.Slack.DeadLetter()
		sent := queue.Message{Body: "one", Group: "a", DeduplicationID: "id", Attributes: map[string]string{"reason": "é"}}
		q.sends(name, sent, ordered("a", "two"), ordered("b", "three"))
		received := q.receives(name, "one", long)
		page, _, err := q.browser().Browse(t.Context(), name, 1, "")
		wantSuccess(t, "browse", err)
		if len(page) != 1 || page[0].ID != received.ID || !cmp.Equal(page[0].Message, sent) {
			t.Fatalf("browse shows %+v, want the message %+v with the id %s", page, sent, received.ID)
		}
		q.shows(name, 10, "one", "two", "three")
	}},
	{"pages follow each other, also while what they showed is deleted", func(t *testing.T, q *queueTest) {
		var bodies []string
		for number := range 7 {
			bodies = append(bodies, fmt.Sprint(number))
			q.sends(queue.Digest, plain(bodies[number]))
		}
		for _, limit := range []int{1, 3, 7} {
			q.shows(queue.Digest, limit, bodies...)
		}
		page, next, err := q.browser().Browse(t.Context(), queue.Digest, 2, "")
		wantSuccess(t, "browse", err)
		for _, seen := range page {
			q.deletes(q.receives(queue.Digest, seen.Body, long))
		}
		page, _, err = q.browser().Browse(t.Context(), queue.Digest, 10, next)
		wantSuccess(t, "browse", err)
		if len(page) != 5 || page[0].Body != "2" {
			t.Fatalf("the next page has %d messages and begins with %+v, want the other five", len(page), page[:1])
		}
	}},
	{"a page of large messages has fewer", func(t *testing.T, q *queueTest) {
		for range 10 {
			q.sends(queue.Digest, plain(strings.Repeat("a", queue.MaxMessageBytes)))
		}
		seen := 0
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := q.browser().Browse(t.Context(), queue.Digest, 10, cursor)
			wantSuccess(t, "browse", err)
			if len(page) == 0 || len(page) > 5 {
				t.Fatalf("a page has %d messages of 1 MiB, want 1 to 5", len(page))
			}
			seen += len(page)
			cursor = next
		}
		if seen != 10 {
			t.Fatalf("the pages show %d messages, want 10", seen)
		}
	}},
	{"a cursor that was not given out is refused", func(t *testing.T, q *queueTest) {
		_, _, err := q.browser().Browse(t.Context(), queue.Digest, 10, "x")
		wantError(t, "browse", err, queue.ErrCursor)
	}},
	{"a context that is over is an error", func(t *testing.T, q *queueTest) {
		_, _, err := q.browser().Browse(ended(t), queue.Digest, 10, "")
		if err == nil || errors.Is(err, queue.ErrCursor) {
			t.Fatalf("browse returned %v, want the context's error", err)
		}
	}},
}

func (q *queueTest) browser() queue.Browser {
	q.Helper()
	browser, ok := q.Queues.(queue.Browser)
	if !ok {
		q.Fatalf("%T is no queue.Browser", q.Queues)
	}
	return browser
}

// shows walks the queue in pages and expects the bodies.
func (q *queueTest) shows(name queue.Name, limit int, bodies ...string) {
	q.Helper()
	var got []string
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := q.browser().Browse(q.Context(), name, limit, cursor)
		wantSuccess(q.T, "browse "+string(name), err)
		if len(page) > limit {
			q.Fatalf("a page has %d messages, want %d at the most", len(page), limit)
		}
		for _, seen := range page {
			got = append(got, seen.Body)
		}
		cursor = next
	}
	if diff := cmp.Diff(bodies, got); diff != "" {
		q.Fatalf("the messages of %s (-want +got):\n%s", name, diff)
	}
}
