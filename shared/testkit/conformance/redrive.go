package conformance

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/story"
)

var redriveScenarios = []scenario[*queueTest]{
	{"what a worker parks is listed, redriven and worked on, all of one group", func(t *testing.T, q *queueTest) {
		names := []string{"flag@1", "submit@2", "approve@3"}
		for _, name := range names {
			q.sends(queue.Slack, onItsWay(t, name))
		}
		task := &task{err: &fault.Error{Class: fault.Permanent, Op: "post", Reason: "is_archived"}}
		q.works(task)
		q.lists(queue.Slack, names...)
		q.lists(queue.Slack, names...) // the first look gave all back
		task.err = nil
		q.redrives(queue.Slack, len(names))
		q.works(task)
		if len(task.done) != len(names) {
			t.Errorf("worked on: %q, want %q", task.done, names)
		}
		q.lists(queue.Slack)
	}},
	{"what a FIFO queue itself moves is listed whole and redriven", func(t *testing.T, q *queueTest) {
		q.sends(queue.Slack, onItsWay(t, "flag@1"), onItsWay(t, "approve@2"))
		q.exhaustsAll(queue.Slack)
		q.lists(queue.Slack, "flag@1", "approve@2")
		q.redrives(queue.Slack, 2)
		task := &task{}
		q.works(task)
		slices.Sort(task.done)
		if !slices.Equal(task.done, []string{deliveryOf("approve@2"), deliveryOf("flag@1")}) {
			t.Errorf("worked on: %q", task.done)
		}
		q.lists(queue.Slack)
	}},
	{"of many letters in one group all are in sight, redriven and dropped", func(t *testing.T, q *queueTest) {
		const letters = 25
		for i := range letters {
			q.sends(queue.Slack.DeadLetter(), onItsWay(t, fmt.Sprintf("flag@%d", i)))
		}
		listing, err := deadletter.NewDesk(q.Queues).List(t.Context(), queue.Slack)
		wantSuccess(t, "list", err)
		if len(listing.Letters) != letters || !listing.Whole {
			t.Errorf("%d of %d are in sight, whole: %t", len(listing.Letters), letters, listing.Whole)
		}
		q.redrives(queue.Slack, letters)
		q.isEmpty(queue.Slack.DeadLetter())
		for i := range letters {
			message := onItsWay(t, fmt.Sprintf("flag@%d", i))
			message.DeduplicationID += "again"
			q.sends(queue.Slack.DeadLetter(), message)
		}
		results, err := deadletter.NewDesk(q.Queues).Drop(t.Context(), deadletter.Selection{All: true, Queues: []queue.Name{queue.Slack}})
		wantSuccess(t, "drop", err)
		if len(results) != letters {
			t.Errorf("%d of %d were dropped", len(results), letters)
		}
		q.isEmpty(queue.Slack.DeadLetter())
	}},
	{"what is dropped is gone, and the rest is in sight at once", func(t *testing.T, q *queueTest) {
		for _, reason := range []string{"one", "two"} {
			q.sends(queue.Purge.DeadLetter(), queue.Message{Body: reason, Attributes: map[string]string{queue.AttributeReason: reason}})
		}
		results, err := deadletter.NewDesk(q.Queues).Drop(t.Context(), deadletter.Selection{Queues: []queue.Name{queue.Purge}, Reason: "one"})
		wantSuccess(t, "drop", err)
		if len(results) != 1 || results[0].Outcome != deadletter.Dropped {
			t.Errorf("results: %+v", results)
		}
		q.receives(queue.Purge.DeadLetter(), "two", long)
		q.isEmpty(queue.Purge.DeadLetter())
	}},
}

func onItsWay(t *testing.T, name string) queue.Message {
	t.Helper()
	message, err := story.Event(t, route.Slack, name).Encode()
	wantSuccess(t, "encode "+name, err)
	return message
}

// deliveryOf is the delivery that brought the story's event.
func deliveryOf(name string) string { return "delivery of " + name }

// task ends each work with err and notes what ended well.
type task struct {
	err  error
	done []string // delivery ids
}

func (d *task) Work(_ context.Context, event handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
	if d.err == nil {
		d.done = append(d.done, event.DeliveryID)
	}
	return worker.Sent, d.err
}

// works lets a worker work on all that the slack queue has.
func (q *queueTest) works(task worker.Task) {
	q.Helper()
	w := worker.Worker{
		Queue: queue.Slack, Unit: "alert", Chore: worker.Alerts(task), Queues: q, MaxAge: long, Log: telemetry.New(io.Discard, telemetry.Options{}), Now: q.Now,
	}
	for {
		received, ok, err := q.Receive(q.Context(), queue.Slack, long)
		wantSuccess(q.T, "receive", err)
		if !ok {
			return
		}
		if !w.Handle(q.Context(), received) {
			q.Fatal("the message is to come again")
		}
		q.deletes(received)
	}
}

// lists expects the letters of these events to be in sight, in any order.
func (q *queueTest) lists(name queue.Name, events ...string) {
	q.Helper()
	listing, err := deadletter.NewDesk(q.Queues).List(q.Context(), name)
	wantSuccess(q.T, "list", err)
	seen := map[string]bool{}
	for _, letter := range listing.Letters {
		seen[letter.DeliveryID] = true
	}
	for _, event := range events {
		if !seen[deliveryOf(event)] {
			q.Errorf("%s is not in sight", event)
		}
	}
	if len(listing.Letters) != len(events) {
		q.Fatalf("%d letters are in sight, want %d: %+v", len(listing.Letters), len(events), listing.Letters)
	}
}

func (q *queueTest) redrives(name queue.Name, want int) {
	q.Helper()
	// Without routes every alert stays with its channel, and no record is asked.
	redriver := deadletter.Redriver{Desk: deadletter.NewDesk(q.Queues), Stack: "prod", Pace: time.Millisecond, Now: q.Now}
	results, err := redriver.Redrive(q.Context(), deadletter.Selection{Queues: []queue.Name{name}})
	wantSuccess(q.T, "redrive", err)
	for _, result := range results {
		if result.Outcome != deadletter.Redriven {
			q.Errorf("%s is %s: %s", result.Letter.DeliveryID, result.Outcome, result.Note)
		}
	}
	if len(results) != want {
		q.Fatalf("%d letters were redriven, want %d", len(results), want)
	}
}

// exhaustsAll receives messages until the queue has moved all of them.
func (q *queueTest) exhaustsAll(name queue.Name) {
	q.Helper()
	for {
		if waiting, inFlight, err := q.Depth(q.Context(), name); err != nil || waiting+inFlight == 0 {
			wantSuccess(q.T, "count", err)
			return
		}
		received, ok, err := q.Receive(q.Context(), name, long)
		wantSuccess(q.T, "receive", err)
		if ok {
			q.hides(received, 0)
		}
	}
}
