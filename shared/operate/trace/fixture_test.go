package trace_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/operate/trace"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/wiring"
	"revento-alerts/test/golden"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

const (
	flagged   = "application.revision_requested"
	submitted = "application.submitted"
	approved  = "application.approved"
	required  = "data.deletion_required"
	window    = 168 * time.Hour
)

// provider is Slack and PagerDuty, whose next answers may be failures.
type provider struct {
	failures []error
	blind    bool // nobody can look for what was posted
}

func (p *provider) answer() error {
	if len(p.failures) == 0 {
		return nil
	}
	err := p.failures[0]
	p.failures = p.failures[1:]
	return err
}

func (p *provider) Enqueue(context.Context, incident.Page) error { return p.answer() }

func (p *provider) Post(context.Context, string, string, thread.Message) (string, error) {
	return "1778328000.000100", p.answer()
}

func (p *provider) Update(context.Context, string, string, thread.Message) error { return nil }

func (p *provider) Find(context.Context, thread.Search) (string, error) {
	if p.blind {
		return "", thread.ErrCannotLook
	}
	return "", nil
}

// ledger is what a test needs of one.
type ledger interface {
	ingest.Ledger
	ingest.Journal
	ingest.Annals
	ingest.Forgetter
}

// engine is where everything is kept.
type engine struct {
	ledger    ledger
	records   wiring.Records
	deletions wiring.Deletions
	queues    queue.Queues
}

// engines are those on which every history is played.
var engines = map[string]func(*testing.T, func() time.Time) engine{
	"memory": func(_ *testing.T, now func() time.Time) engine {
		records := memory.NewRecords()
		return engine{memory.NewLedger(), records, records.Deletions, memory.NewQueues(now)}
	},
	"SQLite": func(t *testing.T, now func() time.Time) engine {
		kept, err := sqlite.Open(t.Context(), t.TempDir(), now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := kept.Close(); err != nil {
				t.Error(err)
			}
		})
		return engine{kept.Ledger, kept.Records, kept.Deletions, kept.Queues}
	},
}

// bench is ingest and the workers on an engine, and the tracer that is asked. Its time is its own.
type bench struct {
	*testing.T
	clock time.Time
	engine
	slack   provider
	pager   provider
	ingest  *ingest.Ingest
	workers map[queue.Name]*worker.Worker
	tracer  *trace.Tracer
}

// never is the scheduler of deletions: none becomes due.
type never struct{ err error }

func (n never) Schedule(context.Context, string, time.Time, string) error { return n.err }

func newBench(t *testing.T) *bench { return newBenchOn(t, engines["memory"]) }

func newBenchOn(t *testing.T, made func(*testing.T, func() time.Time) engine) *bench {
	b := &bench{T: t, clock: noon}
	now := func() time.Time { return b.clock }
	b.engine = made(t, now)
	log := telemetry.New(io.Discard, telemetry.Options{})
	b.ingest = &ingest.Ingest{
		Stack: "prod", Tolerance: time.Hour, BodyLimit: 1 << 20, DedupeWindow: window,
		Secrets: secret.NewHolder(secret.Static("new,s"), secret.ParseWebhook, time.Hour, now),
		Ledger:  b.ledger, Queues: b.queues, Log: log, Now: now,
	}
	deletions := &deletion.Operator{Deletions: b.deletions}
	b.tracer = &trace.Tracer{
		Stack: "prod", Ledger: b.ledger, Window: window, Records: b.records, Deletions: b.deletions, Cases: deletions.All,
		Letters: deadletter.NewDesk(b.queues), Now: now,
	}
	b.tracer.Letters.Annals, b.tracer.Letters.Now = b.ledger, now
	b.workers = b.newWorkers(log, now)
	b.routes(nil)
	return b
}

func (b *bench) newWorkers(log *telemetry.Logger, now func() time.Time) map[queue.Name]*worker.Worker {
	gate := func(task worker.Task) worker.Chore {
		meets := &meeting.Task{Task: task, Records: b.records, Now: now}
		return worker.Alerts(&deletion.Gate{Task: meets, Deletions: b.deletions, Queues: b.queues})
	}
	workers := map[queue.Name]*worker.Worker{
		queue.Slack: {Chore: gate(&thread.Task{Slack: &b.slack, Records: b.records, Deletions: b.deletions, Now: now})},
		queue.PagerDuty: {
			Chore: gate(&incident.Task{Pager: &b.pager, Records: b.records, Deletions: b.deletions, Now: now}),
		},
		queue.Deletion: {Chore: &deletion.Task{
			Records: b.records, Deletions: b.deletions, Queues: b.queues, Scheduler: never{}, Grace: window, RecordRetention: 3 * window,
			Notifier: &deletion.Notifier{Stack: "prod", Queues: b.queues, Now: now}, Fields: alert.NewFieldFilter([]string{"id"}), Now: now,
		}},
	}
	workers[queue.Purge] = &worker.Worker{Chore: &deletion.Purge{
		Records: b.records, Deletions: b.deletions, Notifier: workers[queue.Deletion].Chore.(*deletion.Task).Notifier,
		RecordRetention: 3 * window, Now: now,
	}}
	workers[queue.Digest] = &worker.Worker{Chore: &digest.Task{
		Entries: &digest.Entries{Records: b.records}, Stack: "prod", Records: b.records, Deletions: b.deletions, Queues: b.queues, Now: now,
	}}
	for name, w := range workers {
		w.Queue, w.Queues, w.Unit, w.MaxAge, w.Log, w.Now = name, b.queues, "alert", time.Hour, log, now
	}
	return workers
}

// routes puts the defaults in force, but for the variables given.
func (b *bench) routes(variables map[string]string) {
	b.Helper()
	table, err := settings.LoadRoutes(func(name string) (string, bool) {
		if name == "SLACK_CHANNEL" {
			return "C0111", true
		}
		value, set := variables[name]
		return value, set
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ingest.Routes, b.tracer.Routes = table, table
	b.workers[queue.Deletion].Chore.(*deletion.Task).Notifier.Routes = table
}

// delivers takes a delivery in, of what happened so long before now.
func (b *bench) delivers(id, eventType string, ago time.Duration, want ingest.Status) {
	b.Helper()
	change := sample.Change{OccurredAt: b.clock.Add(-ago), ResourceID: "app_1", EventID: "evt_1", OrganizationID: "org_1", DeliveryID: id}
	made, err := sample.New(eventType, "s", b.clock, change)
	if err != nil {
		b.Fatal(err)
	}
	b.posts(id, eventType, made, want)
}

// isCalled has a summary tell what the deliveries' event is called.
func (b *bench) isCalled(name string) {
	b.Helper()
	key := record.Key{Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Kind: record.Summary}
	entry := record.Entry[mirror.Summary]{Record: record.Record{Key: key, OccurredAt: b.clock.Add(-time.Hour)}, Value: mirror.Summary{Name: name}}
	if _, err := record.Save(b.Context(), b.records, entry); err != nil {
		b.Fatal(err)
	}
}

// posts takes a signed delivery in.
func (b *bench) posts(id, eventType string, made sample.Delivery, want ingest.Status) {
	b.Helper()
	reply := b.ingest.Handle(b.Context(), ingest.Request{
		Event: eventType, DeliveryID: id, Timestamp: made.Header.Get("X-Revento-Timestamp"), Signature: made.Header.Get("X-Revento-Signature"),
		Body: ingest.Body{Text: string(made.Body)},
	})
	if reply.Status != want {
		b.Fatalf("%s is answered %s, want %s", id, reply.Status, want)
	}
}

// passes lets time go by.
func (b *bench) passes(d time.Duration) { b.clock = b.clock.Add(d) }

// works has every message worked on that is in sight in the queues named, or in all.
func (b *bench) works(names ...queue.Name) {
	b.Helper()
	if len(names) == 0 {
		names = []queue.Name{queue.PagerDuty, queue.Slack, queue.Deletion, queue.PagerDuty, queue.Slack}
	}
	for _, name := range names {
		for {
			received, ok, err := b.queues.Receive(b.Context(), name, time.Minute)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			if b.workers[name].Handle(b.Context(), received) {
				if err := b.queues.Delete(b.Context(), name, received.Handle); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

// tells asks for a delivery's story.
func (b *bench) tells(id string) trace.Story {
	b.Helper()
	story, err := b.tracer.Delivery(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	return story
}

func (b *bench) golden(name string, stories ...trace.Story) {
	b.Helper()
	var got bytes.Buffer
	for _, story := range stories {
		if err := trace.Write(&got, story); err != nil {
			b.Fatal(err)
		}
	}
	golden.Want(b, name+".txt", got.String())
}

// alertOf is the story's alert at a kind of destination.
func (b *bench) alertOf(story trace.Story, kind route.Kind) trace.Alert {
	b.Helper()
	for _, a := range story.Alerts {
		if a.Kind == kind {
			return a
		}
	}
	b.Fatalf("no %s alert in %+v", kind, story)
	return trace.Alert{}
}

func permanent(reason string) error {
	return &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: reason, Err: fmt.Errorf("the provider answered %s", reason)}
}

func lost() error { return &fault.Error{Class: fault.Unknown, Op: "post to Slack", Reason: "timeout"} }

func notNow() error { return &fault.Error{Class: fault.Transient, Op: "page", Reason: "http_503"} }
