package workers_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/conformance"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/digestworker"
	"revento-alerts/shared/wiring/operator"
	"revento-alerts/shared/wiring/pagerdutyworker"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/slackworker"
	"revento-alerts/shared/wiring/webhook"
	"revento-alerts/shared/wiring/workers"
)

const webhookSecret = "whsec_wiring"

// reached are the queues that each worker may reach.
var reached = map[queue.Name][]queue.Name{
	queue.Slack: slackworker.Queues, queue.PagerDuty: pagerdutyworker.Queues, queue.Digest: digestworker.Queues,
	queue.Deletion: deletionworker.Queues, queue.Purge: purgeworker.Queues,
}

// bench is the whole product, wired on an engine, with a clock that the test moves.
type bench struct {
	*testing.T
	wiring.Engine
	clock    *conformance.Clock
	all      settings.All
	ingest   *ingest.Ingest
	workers  map[queue.Name]*worker.Worker
	operator *api.Client
	slack    *slack
	pager    *pager
	// fire queues the purges that are due.
	fire   func(context.Context) error
	scrubs int
	log    bytes.Buffer
}

// onEngines runs a test on each engine that needs no service; the settings are variables.
func onEngines(t *testing.T, variables map[string]string, test func(*bench)) {
	t.Run("memory", func(t *testing.T) {
		clock, records := conformance.NewClock(), memory.NewRecords()
		queues := memory.NewQueues(clock.Now)
		due := &schedules{queues: queues, now: clock.Now}
		test(newBench(t, variables, clock, due.fire, wiring.Engine{
			Ledger: memory.NewLedger(), Records: records, Deletions: records.Deletions, Queues: queues, Scheduler: due,
		}))
	})
	t.Run("SQLite", func(t *testing.T) {
		clock := conformance.NewClock()
		kept, err := sqlite.Open(t.Context(), t.TempDir(), clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := kept.Close(); err != nil {
				t.Error(err)
			}
		})
		test(newBench(t, variables, clock, kept.Scheduler.FireDue, wiring.Engine{
			Ledger: kept.Ledger, Records: kept.Records, Deletions: kept.Deletions, Queues: kept.Queues, Scheduler: kept.Scheduler,
			Scrub: kept.Scrub,
		}))
	})
}

func newBench(t *testing.T, variables map[string]string, clock *conformance.Clock, fire func(context.Context) error, engine wiring.Engine) *bench {
	t.Helper()
	all, failures := settings.LoadAll(func(name string) (string, bool) {
		value, set := variables[name]
		if own := map[string]string{"SLACK_CHANNEL": "C0WIRING", "SLACK_POST_INTERVAL": "0s"}[name]; !set && own != "" {
			return own, true
		}
		return value, set
	})
	if len(failures) > 0 {
		t.Fatal(failures)
	}
	b := &bench{
		T: t, Engine: engine, clock: clock, all: all, slack: new(slack), pager: new(pager), fire: fire, workers: map[queue.Name]*worker.Worker{},
	}
	scrub := engine.Scrub
	b.Scrub = func(ctx context.Context) error {
		b.scrubs++
		if scrub == nil {
			return nil
		}
		return scrub(ctx)
	}
	b.Log, b.Now = telemetry.New(&b.log, telemetry.Options{Now: clock.Now}), clock.Now
	secrets := secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, clock.Now)
	b.ingest = webhook.New(b.reaching(webhook.Queues(all.Ingest)), all.Ingest, secrets)
	for name, queues := range reached {
		wired := workers.All(b.reaching(queues), all, b.slack, b.pager, purgeworker.Surroundings{})
		b.workers[name] = wired[slices.IndexFunc(wired, func(w *worker.Worker) bool { return w.Queue == name })]
	}
	finder, _ := engine.Ledger.(ingest.Finder)
	b.operator = api.Within(operator.Site{Engine: b.Engine, Finder: finder, Names: queue.Names, All: all}.Backend())
	return b
}

// reaching is the engine with some of its queues.
func (b *bench) reaching(queues []queue.Name) wiring.Engine {
	engine := b.Engine
	engine.Queues = some{Queues: engine.Queues, bench: b, reached: queues}
	return engine
}

// some is queues of which only some may be sent to.
type some struct {
	queue.Queues
	bench   *bench
	reached []queue.Name
}

func (s some) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	if !slices.Contains(s.reached, name) {
		s.bench.Errorf("the queue %s is sent to and is not named among %v", name, s.reached)
	}
	return s.Queues.Send(ctx, name, message)
}

// happens has Revento tell of an event of before now.
func (b *bench) happens(eventType string, before time.Duration, change sample.Change) {
	b.Helper()
	change.OccurredAt = b.clock.Now().Add(-before)
	made, err := sample.New(eventType, webhookSecret, b.clock.Now(), change)
	if err != nil {
		b.Fatal(err)
	}
	reply := b.ingest.Handle(b.Context(), ingest.Request{
		Event:      made.Header.Get(revento.HeaderEvent),
		DeliveryID: made.Header.Get(revento.HeaderDeliveryID),
		Timestamp:  made.Header.Get(revento.HeaderTimestamp),
		Signature:  made.Header.Get(revento.HeaderSignature),
		Body:       ingest.Body{Text: string(made.Body)},
	})
	if reply.Status != ingest.Accepted {
		b.Fatalf("%s is answered %s", eventType, reply.Status)
	}
	b.workOff()
}

// workOff has all workers work on what waits, and expects that nothing is parked.
func (b *bench) workOff() {
	b.Helper()
	for worked := true; worked; {
		worked = false
		for _, entry := range queue.Table {
			worked = b.workOn(entry) || worked
		}
	}
	for _, name := range queue.Names {
		if waiting, _, err := b.Queues.Depth(b.Context(), name.DeadLetter()); waiting > 0 || err != nil {
			b.Fatalf("%d messages of %s are parked: %v\n%s", waiting, name, err, &b.log)
		}
	}
}

// workOn works on a message of a queue as a poller does. A message that is to come again does so when the clock is moved.
func (b *bench) workOn(entry queue.Entry) bool {
	b.Helper()
	received, ok, err := b.Queues.Receive(b.Context(), entry.Name, entry.Visibility())
	if err != nil {
		b.Fatal(err)
	}
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(b.Context(), entry.Timeout)
	defer cancel()
	response, err := awslambda.Worker(b.workers[entry.Name])(ctx, awslambda.EventOf(received))
	if err != nil {
		b.Fatal(err)
	}
	if len(response.BatchItemFailures) == 0 {
		if err := b.Queues.Delete(b.Context(), entry.Name, received.Handle); err != nil {
			b.Fatal(err)
		}
	}
	return true
}

// cases lists the deletions as the operator sees them.
func (b *bench) cases() []deletion.Case {
	b.Helper()
	var list api.Deletions
	if err := b.operator.Get(b.Context(), "deletions", &list); err != nil {
		b.Fatal(err)
	}
	return list.Deletions
}

// slack is Slack, as far as it is needed.
type slack struct{ posted, deleted []string }

func (s *slack) Post(_ context.Context, _, _ string, message thread.Message) (string, error) {
	s.posted = append(s.posted, message.Content.Title)
	return fmt.Sprintf("1767225600.%06d", len(s.posted)), nil
}

func (s *slack) Update(context.Context, string, string, thread.Message) error { return nil }

func (s *slack) Find(context.Context, thread.Search) (string, error) { return "", nil }

func (s *slack) Delete(_ context.Context, _, ts string) error {
	s.deleted = append(s.deleted, ts)
	return nil
}

// pager is PagerDuty, as far as it is needed.
type pager struct{ pages []incident.Page }

func (p *pager) Enqueue(_ context.Context, page incident.Page) error {
	p.pages = append(p.pages, page)
	return nil
}

// schedules are the memory engine's.
type schedules struct {
	queues *memory.Queues
	now    func() time.Time
	mu     sync.Mutex
	kept   map[string]scheduled
}

type scheduled struct {
	at   time.Time
	body string
}

func (s *schedules) Schedule(_ context.Context, name string, at time.Time, body string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string]scheduled{}
	}
	s.kept[name] = scheduled{at, body}
	return nil
}

func (s *schedules) fire(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, due := range s.kept {
		if s.now().Before(due.at) {
			continue
		}
		if err := s.queues.Send(ctx, queue.Purge, queue.Message{Body: due.body}); err != nil {
			return err
		}
		delete(s.kept, name)
	}
	return nil
}
