package conformance

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
)

// Engine is a queue engine with empty queues of its own and the time that it lives in.
type Engine struct {
	queue.Queues
	// Now is the engine's clock.
	Now func() time.Time
	// Advance moves the clock by d at least, or waits that long. Two cases ask for minutes and days, all others for a few seconds.
	Advance func(d time.Duration)
	// MaxReceives is the engine's receive limit, in place of queue.MaxReceives: small, so that a case can reach it.
	MaxReceives int
}

// Queues holds the engines that open returns to the contract. Each case needs queues that no other case uses.
func Queues(t *testing.T, open func(*testing.T) Engine, exempt Exempt) {
	var scenarios []scenario[*queueTest]
	scenarios = append(scenarios, messageScenarios...)
	scenarios = append(scenarios, visibilityScenarios...)
	scenarios = append(scenarios, fifoScenarios...)
	scenarios = append(scenarios, depthScenarios...)
	scenarios = append(scenarios, deadLetterScenarios...)
	scenarios = append(scenarios, redriveScenarios...)
	run(t, func(t *testing.T) *queueTest { return &queueTest{T: t, Engine: open(t)} }, exempt, scenarios)
}

const (
	// short is a visibility or delay that a case waits for: the shortest that SQS has.
	short = time.Second
	// long is one that ends after every case.
	long = time.Hour
)

type queueTest struct {
	*testing.T
	Engine
}

// plain is a message for a standard queue.
func plain(body string) queue.Message { return queue.Message{Body: body} }

// ordered is a message for a FIFO queue, with the body as its deduplication id.
func ordered(group, body string) queue.Message {
	return queue.Message{Body: body, Group: group, DeduplicationID: body}
}

func (q *queueTest) sends(name queue.Name, messages ...queue.Message) {
	q.Helper()
	for _, message := range messages {
		wantSuccess(q.T, "send to "+string(name), q.Send(q.Context(), name, message))
	}
}

func (q *queueTest) refuses(name queue.Name, message queue.Message) {
	q.Helper()
	if err := q.Send(q.Context(), name, message); err == nil {
		q.Fatalf("send to %s succeeded, want a refusal", name)
	}
	q.isEmpty(name)
}

// receives expects a message with the body, and hides it for visibility.
func (q *queueTest) receives(name queue.Name, body string, visibility time.Duration) queue.Received {
	q.Helper()
	received, ok, err := q.Receive(q.Context(), name, visibility)
	wantSuccess(q.T, "receive from "+string(name), err)
	if !ok {
		q.Fatalf("receive from %s: nothing, want %.40q", name, body)
	}
	if received.Body != body {
		q.Fatalf("receive from %s: %.40q, want %.40q", name, received.Body, body)
	}
	return received
}

// isEmpty expects that nothing can be received now.
func (q *queueTest) isEmpty(name queue.Name) {
	q.Helper()
	received, ok, err := q.Receive(q.Context(), name, long)
	wantSuccess(q.T, "receive from "+string(name), err)
	if ok {
		q.Fatalf("receive from %s: %.40q, want nothing", name, received.Body)
	}
}

func (q *queueTest) hides(received queue.Received, d time.Duration) {
	q.Helper()
	err := q.ChangeVisibility(q.Context(), received.Queue, received.Handle, d)
	wantSuccess(q.T, "change the visibility to "+d.String(), err)
}

func (q *queueTest) deletes(received queue.Received) {
	q.Helper()
	wantSuccess(q.T, "delete", q.Delete(q.Context(), received.Queue, received.Handle))
}

// wantMessage compares what was received with what was sent, but for the engine's own ids.
func (q *queueTest) wantMessage(got queue.Received, name queue.Name, sent queue.Message, receives int) {
	q.Helper()
	sent.Delay = 0 // it is over, and no engine tells it
	want := queue.Received{
		Message: sent, Queue: name, ID: got.ID, Handle: got.Handle, Receives: receives, SentAt: got.SentAt, FirstReceivedAt: got.FirstReceivedAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		q.Fatalf("the received message (-want +got):\n%s", diff)
	}
	if got.ID == "" || got.Handle == "" {
		q.Fatalf("id %q and handle %q, want both", got.ID, got.Handle)
	}
}
