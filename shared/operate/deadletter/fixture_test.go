package deadletter_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/story"
)

const (
	oldChannel = story.Channel
	newChannel = "C0222"
	visibility = 90 * time.Second
	// workVisibility is for how long a letter may be hidden whose redrive died.
	workVisibility = 5 * time.Minute
)

var (
	everything = deadletter.Selection{All: true}
	permanent  = &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: "is_archived"}
)

// slack is Slack as far as who is told what goes: channels in down fail with the error there.
type slack struct {
	down  map[string]error
	posts []string // as "<channel> <verb>"
}

var _ thread.Slack = (*slack)(nil)

func (s *slack) Post(_ context.Context, channel, _ string, message thread.Message) (ts string, err error) {
	if err := s.down[channel]; err != nil {
		return "", err
	}
	s.posts = append(s.posts, channel+" "+story.VerbOf(message.Content.Type))
	return fmt.Sprintf("%d.000000", len(s.posts)), nil
}

func (s *slack) Update(context.Context, string, string, thread.Message) error { return nil }

func (s *slack) Find(context.Context, thread.Search) (ts string, err error) { return "", nil }

// bench is the slack queue with its real worker, and the redrive. Its time is its own and begins with the year 2000.
type bench struct {
	*testing.T
	deadletter.Redriver
	queues  *memory.Queues
	records *memory.Records
	slack   *slack
	worker  worker.Worker
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, queues: memory.NewQueues(time.Now), records: memory.NewRecords(), slack: &slack{down: map[string]error{}}}
	b.worker = worker.Worker{
		Queue: queue.Slack, Queues: b.queues, MaxAge: time.Hour, Now: time.Now,
		Unit: "alert", Log: telemetry.New(io.Discard, telemetry.Options{}),
		Chore: worker.Alerts(&deletion.Gate{
			Task:      &thread.Task{Slack: b.slack, Records: b.records, Deletions: b.records.Deletions, Now: time.Now},
			Deletions: b.records.Deletions, Queues: b.queues,
		}),
	}
	b.Redriver = deadletter.Redriver{
		Desk: deadletter.NewDesk(b.queues), Records: b.records, Deletions: b.records.Deletions,
		Routes: leadsTo(oldChannel), Stack: "prod", Now: time.Now,
	}
	return b
}

func test(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newBench(t)) })
}

// leadsTo are routes by which a flag goes to these channels.
func leadsTo(channels ...string) route.Table {
	var targets route.Route
	for _, channel := range channels {
		targets = append(targets, route.Target{Kind: route.Slack, Channel: channel})
	}
	return route.NewTable(map[string]route.Route{"application.revision_requested": targets}, route.Channels{})
}

// message is the story's event "<verb>@<second>" on its way, queued now.
func (b *bench) message(kind route.Kind, name string) handoff.Message {
	b.Helper()
	message := story.Event(b, kind, name).Message
	message.QueuedAt = time.Now().UTC()
	return message
}

func (b *bench) encoded(kind route.Kind, name string) queue.Message {
	b.Helper()
	encoded, err := b.message(kind, name).Encode()
	if err != nil {
		b.Fatal(err)
	}
	return encoded
}

func (b *bench) sends(name queue.Name, messages ...queue.Message) {
	b.Helper()
	for _, message := range messages {
		if err := b.queues.Send(b.Context(), name, message); err != nil {
			b.Fatal(err)
		}
	}
}

// parked puts a message into a dead-letter queue as a worker does.
func (b *bench) parked(name queue.Name, message queue.Message, reason string) {
	b.Helper()
	message.Attributes = map[string]string{
		handoff.AttributeDeliveryID: "delivery-1", queue.AttributeReason: reason, queue.AttributeParkedAt: "2000-01-01T00:00:00Z",
	}
	if name.IsFIFO() {
		message.Group = message.DeduplicationID
	}
	b.sends(name.DeadLetter(), message)
}

// moved puts messages into a queue and has the queue itself give them up.
func (b *bench) moved(name queue.Name, messages ...queue.Message) {
	b.Helper()
	b.sends(name, messages...)
	for range queue.MaxReceives*len(messages) + 1 {
		received, ok, err := b.queues.Receive(b.Context(), name, visibility)
		if err != nil {
			b.Fatal(err)
		}
		if ok {
			_ = b.queues.ChangeVisibility(b.Context(), name, received.Handle, 0)
		}
	}
}

// flagIsParked lets the worker park a flag because its channel is archived.
func (b *bench) flagIsParked() {
	b.Helper()
	b.slack.down[oldChannel] = permanent
	b.sends(queue.Slack, b.encoded(route.Slack, "flag@1"))
	b.worksOff()
	b.has(queue.Slack.DeadLetter(), 1)
}

// worksOff lets the worker work on what its queue has, as Lambda does it.
func (b *bench) worksOff() {
	b.Helper()
	for {
		received, ok, err := b.queues.Receive(b.Context(), queue.Slack, visibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return
		}
		if b.worker.Handle(b.Context(), received) {
			if err := b.queues.Delete(b.Context(), queue.Slack, received.Handle); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// has counts a queue's messages, none of which is hidden.
func (b *bench) has(name queue.Name, want int) {
	b.Helper()
	waiting, inFlight, err := b.queues.Depth(b.Context(), name)
	if err != nil || waiting != want || inFlight != 0 {
		b.Fatalf("%s: %d wait, %d are hidden, %v; want %d and 0", name, waiting, inFlight, err, want)
	}
}

// waits counts a queue's messages, hidden or not.
func (b *bench) waits(name queue.Name, want int) {
	b.Helper()
	waiting, inFlight, err := b.queues.Depth(b.Context(), name)
	if err != nil || waiting+inFlight != want {
		b.Fatalf("%s: %d wait, %d are hidden, %v; want %d", name, waiting, inFlight, err, want)
	}
}

// receives takes a message, as somebody else does.
func (b *bench) receives(name queue.Name) queue.Received {
	b.Helper()
	received, ok, err := b.queues.Receive(b.Context(), name, visibility)
	if err != nil || !ok {
		b.Fatalf("nothing came: %v", err)
	}
	return received
}

// takes receives all that can be received from a queue.
func (b *bench) takes(name queue.Name) []queue.Received {
	b.Helper()
	var all []queue.Received
	for {
		received, ok, err := b.queues.Receive(b.Context(), name, visibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, received)
	}
}

func (b *bench) redrives(selection deadletter.Selection) []deadletter.Result {
	b.Helper()
	results, err := b.Redrive(b.Context(), selection)
	if err != nil {
		b.Fatal(err)
	}
	return results
}

// takenOnly shows messages to who takes them only, as SQS does.
type takenOnly struct{ queue.Queues }

func (b *bench) lists(names ...queue.Name) deadletter.Listing {
	b.Helper()
	listing, err := deadletter.NewDesk(takenOnly{b.queues}).List(b.Context(), names...)
	if err != nil {
		b.Fatal(err)
	}
	return listing
}

func (b *bench) wasTold(want ...string) {
	b.Helper()
	if !slices.Equal(b.slack.posts, want) {
		b.Errorf("Slack was told %q, want %q", b.slack.posts, want)
	}
}

// outcomes draws results as "<queue> <reason>: <outcome>, <note>".
func outcomes(results []deadletter.Result) []string {
	var lines []string
	for _, result := range results {
		line := fmt.Sprintf("%s %s: %s", result.Letter.Queue, result.Letter.Reason, result.Outcome)
		if result.Note != "" {
			line += ", " + result.Note
		}
		lines = append(lines, line)
	}
	return lines
}

// hooked is a queue engine that calls before each of its calls.
type hooked struct {
	queue.Queues
	before func(call string, name queue.Name) error
}

func (h hooked) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	if err := h.before("send", name); err != nil {
		return err
	}
	return h.Queues.Send(ctx, name, message)
}

func (h hooked) Receive(ctx context.Context, name queue.Name, d time.Duration) (queue.Received, bool, error) {
	if err := h.before("receive", name); err != nil {
		return queue.Received{}, false, err
	}
	return h.Queues.Receive(ctx, name, d)
}

func (h hooked) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	if err := h.before("change", name); err != nil {
		return err
	}
	return h.Queues.ChangeVisibility(ctx, name, handle, d)
}

func (h hooked) Delete(ctx context.Context, name queue.Name, handle string) error {
	if err := h.before("delete", name); err != nil {
		return err
	}
	return h.Queues.Delete(ctx, name, handle)
}
