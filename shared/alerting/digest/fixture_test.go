package digest_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// noon is when everything begins. The windows are a quarter of an hour apart.
var (
	noon   = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	first  = noon.Add(15 * time.Minute)
	second = noon.Add(30 * time.Minute)
	third  = noon.Add(45 * time.Minute)
)

const (
	channel = "C0111"
	other   = "C0222"
)

// bench is the rules with all that they touch, and a Slack queue with its worker.
type bench struct {
	*testing.T
	digest.Task
	records *memory.Records
	queues  *memory.Queues
	slack   *slack
	clock   time.Time
	log     strings.Builder
	// pause is how long a message is out of sight that comes again.
	pause time.Duration
}

func newBench(t *testing.T, plan *mishap.Plan) *bench {
	b := &bench{T: t, records: memory.NewRecords(), slack: &slack{}, clock: noon, pause: time.Second}
	now := func() time.Time { return b.clock }
	b.queues = memory.NewQueues(now)
	stored := flaky{mishap.Records{Store: b.records, Plan: plan}, mishap.Index{Index: b.records, Plan: plan}}
	sender := mishap.Queues{Queues: b.queues, Plan: plan}
	b.Task = digest.Task{
		Entries:   &deletion.Gate{Task: &digest.Entries{Records: stored}, Deletions: b.records.Deletions, Queues: sender},
		Stack:     "prod",
		Records:   stored,
		Deletions: mishap.Records{Store: b.records.Deletions, Plan: plan},
		Queues:    sender,
		Now:       now,
	}
	return b
}

// flaky is a store with an index whose calls can go wrong.
type flaky struct {
	mishap.Records
	mishap.Index
}

// slack is Slack, as far as posts go.
type slack struct{ posts []post }

type post struct {
	channel string
	thread.Message
}

func (s *slack) Post(_ context.Context, channel, under string, message thread.Message) (string, error) {
	if under != "" {
		return "", fmt.Errorf("a digest was posted as a reply to %s", under)
	}
	s.posts = append(s.posts, post{channel, message})
	return fmt.Sprintf("%d.%06d", noon.Unix(), len(s.posts)), nil
}

func (s *slack) Update(context.Context, string, string, thread.Message) error {
	return fmt.Errorf("a digest was updated")
}

func (s *slack) Find(context.Context, thread.Search) (string, error) { return "", nil }

// event is something that happened: "submitted app_1 at evt_1" in a channel, received a second later.
type event struct {
	what, resource, at string
	channel            string
	happened           time.Time
}

func submitted(resource, at, channel string, happened time.Time) event {
	return event{"application.submitted", resource, at, channel, happened}
}

func (e event) handoff(t testing.TB) handoff.Message {
	t.Helper()
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":%q,"organization_id":"org_1","data":{"id":%q,"name":"CANARY"}}`,
		e.what, e.happened.Format(time.RFC3339Nano), e.at, e.resource)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	received := e.happened.Add(time.Second)
	delivery := handoff.Delivery{
		ID: "d-" + e.resource, Envelope: envelope, Identity: envelope.Identity(body), SignedAt: received, ReceivedAt: received, Body: body,
	}
	destination := route.Destination{Kind: route.Digest, Channel: e.channel, Severity: route.Info}
	return handoff.New("prod", delivery, destination, received)
}

func (e event) connection() record.Connection {
	return record.Connection{EventID: e.at, OrganizationID: "org_1"}
}

func encoded(t testing.TB, message handoff.Message) queue.Message {
	t.Helper()
	encoded, err := message.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// work works on a message once.
func (b *bench) work(ctx context.Context, message queue.Message) (worker.Outcome, error) {
	line := telemetry.New(&b.log, telemetry.Options{}).Begin("digest")
	defer line.End(ctx)
	job, err := b.Open(message, line)
	if err != nil {
		return "", err
	}
	return job.Do(ctx, line)
}

// mustWork works on a message that is to end well at once.
func (b *bench) mustWork(message queue.Message) worker.Outcome {
	b.Helper()
	outcome, err := b.work(b.Context(), message)
	if err != nil {
		b.Fatal(err)
	}
	return outcome
}

// delivered works on a message until it is done with, as a queue makes it.
func (b *bench) delivered(message queue.Message) {
	b.Helper()
	for range 10 {
		var outcome worker.Outcome
		var err error
		died := mishap.Died(func() { outcome, err = b.work(b.Context(), message) })
		if !died && err == nil && outcome != worker.Unfinished {
			return
		}
		b.clock = b.clock.Add(b.pause)
	}
	b.Fatal("the message is never done with")
}

func (b *bench) take(events ...event) {
	b.Helper()
	for _, e := range events {
		b.delivered(encoded(b, e.handoff(b)))
	}
}

// stores puts an event into the list, as take does, without all that stands before it.
func (b *bench) stores(e event) {
	b.Helper()
	opened, err := e.handoff(b).Open()
	if err != nil {
		b.Fatal(err)
	}
	entries := digest.Entries{Records: b.records}
	if _, err := entries.Work(b.Context(), opened, telemetry.New(io.Discard, telemetry.Options{}).Begin("digest")); err != nil {
		b.Fatal(err)
	}
}

// runAt lets the schedule ask for a run.
func (b *bench) runAt(window time.Time) {
	b.Helper()
	b.clock = window.Add(time.Second)
	b.delivered(digest.RunMessage(window))
}

// tell lets the Slack queue's worker work on all that is queued.
func (b *bench) tell() {
	b.Helper()
	chore := worker.Alerts(&deletion.Gate{
		Task: &thread.Task{
			Slack: b.slack, Records: b.records, Deletions: b.records.Deletions, Display: alert.Display{Environment: "test"},
			Now: func() time.Time { return b.clock },
		},
		Deletions: b.records.Deletions,
		Queues:    b.queues,
	})
	for {
		received, ok, err := b.queues.Receive(b.Context(), queue.Slack, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return
		}
		line := telemetry.New(io.Discard, telemetry.Options{}).Begin("alert")
		job, err := chore.Open(received.Message, line)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := job.Do(b.Context(), line); err != nil {
			b.Fatal(err)
		}
		if err := b.queues.Delete(b.Context(), queue.Slack, received.Handle); err != nil {
			b.Fatal(err)
		}
	}
}

// shown tells what a channel shows: each digest's counts.
func (b *bench) shown(channel string) []string {
	b.Helper()
	b.tell()
	var shown []string
	for _, p := range b.slack.posts {
		if p.channel != channel {
			continue
		}
		told := p.Content.Digest
		text := fmt.Sprint(told.Events, ":")
		for _, count := range told.Counts {
			text += fmt.Sprintf(" %d %s %s", count.Events, count.Type, count.EventID)
		}
		shown = append(shown, text)
	}
	return shown
}

// stop sets the connection's tombstone.
func (b *bench) stop(connection record.Connection, cutoff time.Time) {
	b.Helper()
	stone := record.Record{Key: record.TombstoneKey(connection), OccurredAt: cutoff, Data: []byte(`{"schema":1,"value":{"returned":true}}`)}
	if err := b.records.Deletions.Put(b.Context(), stone); err != nil {
		b.Fatal(err)
	}
}

// purge deletes what is kept of the connection.
func (b *bench) purge(connection record.Connection) {
	b.Helper()
	for {
		page, err := b.records.Query(b.Context(), connection, "")
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return
		}
		for _, stored := range page {
			if _, err := b.records.Delete(b.Context(), stored.Key, stored.OccurredAt); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// pending counts what waits in a list.
func (b *bench) pending(list string) int {
	b.Helper()
	found, err := record.Collect(b.records.Pending(b.Context(), list))
	if err != nil {
		b.Fatal(err)
	}
	return len(found)
}
