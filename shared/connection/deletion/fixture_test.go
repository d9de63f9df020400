package deletion_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

const (
	stack      = "prod"
	canary     = "CANARY" // stands for personal data in the body of a request
	oneDay     = 24 * time.Hour
	grace      = 7 * oneDay
	retention  = 1095 * oneDay
	visibility = 90 * time.Second
)

var windows = deletion.Windows{Deliveries: 30 * oneDay, Records: retention, Logs: 30 * oneDay}

// noon is second 0. The clock of a bench begins an hour after it.
var noon = story.Noon

var (
	ours   = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	others = []record.Connection{{EventID: "evt_2", OrganizationID: "org_1"}, {EventID: "evt_1", OrganizationID: "org_2"}}
)

// bench is the rules of deletion and of alerts with all that they touch: queues, storage, Slack, the pager and the scheduler.
type bench struct {
	testing.TB
	clock       time.Time
	records     *memory.Records
	queues      *memory.Queues
	faulty      queue.Queues // the queues as the workers see them
	slack       *slack
	pager       *pager
	connections *connections
	scheduler   *scheduler
	notifier    *deletion.Notifier
	task        *deletion.Task
	purge       *deletion.Purge
	operator    *deletion.Operator
	pagerTask   *incident.Task
	workers     map[queue.Name]*worker.Worker
	log         bytes.Buffer
	redrives    int
}

// deletions is the store of deletions; its calls can go wrong.
type deletions struct {
	mishap.Records
	mishap.Lister
}

// connections is what asks Revento: it keeps up to which moment tokens were erased, by event.
type connections struct {
	plan  *mishap.Plan
	ended map[string]time.Time
}

func (c *connections) End(_ context.Context, of record.Connection, cutoff time.Time, reason connection.Reason) error {
	return c.plan.Do("end", func() error {
		if reason != connection.Deletion {
			return errors.New("ended for another reason: " + string(reason))
		}
		c.ended[of.EventID] = cutoff
		return nil
	})
}

func newBench(t testing.TB, plan *mishap.Plan) *bench {
	b := &bench{TB: t, clock: noon.Add(time.Hour), records: memory.NewRecords()}
	now := func() time.Time { return b.clock }
	b.queues = memory.NewQueues(now)
	b.slack = &slack{now: now}
	b.pager = &pager{open: map[string]string{}}
	b.scheduler = &scheduler{entries: map[string]scheduled{}}
	b.connections = &connections{ended: map[string]time.Time{}}
	b.notifier = &deletion.Notifier{Stack: stack, Routes: routes(b, nil), Now: now}
	fields := alert.NewFieldFilter([]string{"id", "event_id", "organization_id", "reason", "*_at"})
	b.task = &deletion.Task{Fields: fields, Scheduler: b.scheduler, Notifier: b.notifier, Grace: grace, RecordRetention: retention, Now: now}
	b.purge = &deletion.Purge{
		Notifier: b.notifier, Keepers: deletion.OnAWS(windows), RecordRetention: retention,
		Copies: 1, Now: now,
	}
	b.operator = &deletion.Operator{Notifier: b.notifier, RecordRetention: retention, Installation: new(installation.Name), Now: now}
	b.task.Connections, b.operator.Connections = b.connections, b.connections
	b.breaks(plan)
	return b
}

// breaks lets a call of storage, queues, scheduler or Slack's deletion go wrong from now on; nil lets none.
func (b *bench) breaks(plan *mishap.Plan) {
	b.slack.plan, b.scheduler.plan, b.connections.plan = plan, plan, plan
	b.faulty = mishap.Queues{Queues: b.queues, Plan: plan}
	store := deletions{mishap.Records{Store: b.records.Deletions, Plan: plan}, mishap.Lister{Lister: b.records.Deletions, Plan: plan}}
	purger := mishap.Purger{Purger: b.records, Plan: plan}
	b.notifier.Queues = b.faulty
	b.task.Records, b.task.Deletions, b.task.Queues = purger, store, b.faulty
	b.purge.Records, b.purge.Deletions = purger, store
	b.operator.Deletions, b.operator.Queues = store, b.faulty
	b.workers = b.newWorkers(mishap.Records{Store: b.records, Plan: plan}, store)
}

func (b *bench) newWorkers(records, deletions record.Store) map[queue.Name]*worker.Worker {
	now := func() time.Time { return b.clock }
	display := alert.Display{Environment: "test"}
	gate := func(task worker.Task) worker.Chore {
		return worker.Alerts(&deletion.Gate{Task: task, Deletions: deletions, Queues: b.faulty})
	}
	b.pagerTask = &incident.Task{Pager: b.pager, Records: records, Deletions: deletions, Display: display, Now: now}
	slackTask := &thread.Task{Slack: b.slack, Records: records, Deletions: deletions, Display: display, Now: now}
	workers := map[queue.Name]*worker.Worker{
		queue.Slack:     {Unit: "alert", Chore: gate(slackTask)},
		queue.PagerDuty: {Unit: "alert", Chore: gate(b.pagerTask)},
		queue.Deletion:  {Unit: "deletion", Chore: b.task},
		queue.Purge:     {Unit: "purge", Chore: b.purge},
	}
	log := telemetry.New(&b.log, telemetry.Options{Stack: stack, Now: now})
	for name, w := range workers {
		w.Queue, w.Queues, w.MaxAge, w.Log, w.Now = name, b.faulty, queue.Deletion.Entry().MaxAge, log, now
	}
	return workers
}

// line is a log line that nobody reads.
func (b *bench) line() *telemetry.Line {
	return telemetry.New(&b.log, telemetry.Options{}).Begin("alert")
}

// routes are the routes by default, but for those given.
func routes(t testing.TB, changed map[string]string) route.Table {
	t.Helper()
	parsed := map[string]route.Route{}
	for _, trigger := range route.Triggers {
		text, isChanged := changed[trigger.Pattern]
		if !isChanged {
			text = trigger.Default
		}
		var err error
		if parsed[trigger.Pattern], err = route.Parse(text); err != nil {
			t.Fatal(err)
		}
	}
	return route.NewTable(parsed, route.Channels{Default: "C0111", ByEvent: map[string]string{"evt_own": "C0OWN"}})
}

// types are the verbs of happenings. A flag pages and posts, an approval resolves.
var types = map[string]string{"flag": "application.revision_requested", "approve": "application.approved"}

// happens queues the alerts of "<verb> <resource>@<second>"; the resource is app_1 unless it is named.
func (b *bench) happens(connection record.Connection, names ...string) {
	b.Helper()
	for _, name := range names {
		b.handOff(b.happening(connection, name), "")
	}
}

// comesAgain queues the alerts of a happening as a redrive does.
func (b *bench) comesAgain(connection record.Connection, names ...string) {
	b.Helper()
	for _, name := range names {
		b.redrives++
		b.handOff(b.happening(connection, name), fmt.Sprint("redrive ", b.redrives))
	}
}

func (b *bench) happening(connection record.Connection, name string) handoff.Delivery {
	b.Helper()
	what, when, _ := strings.Cut(name, "@")
	verb, resource, _ := strings.Cut(what, " ")
	second, err := time.ParseDuration(when + "s")
	if err != nil || types[verb] == "" {
		b.Fatalf("%q is no verb and second", name)
	}
	if resource == "" {
		resource = "app_1"
	}
	return b.delivery(name, types[verb], connection, noon.Add(second), fmt.Sprintf(`{"id":%q,"name":%q}`, resource, canary))
}

// requires queues a request for the deletion of what happened up to a second.
func (b *bench) requires(connection record.Connection, second int) {
	b.Helper()
	b.requiresWith(connection, second, `{"reason":"`+canary+`"}`)
}

func (b *bench) requiresWith(connection record.Connection, second int, data string) {
	b.Helper()
	at := noon.Add(time.Duration(second) * time.Second)
	b.handOff(b.delivery(fmt.Sprintf("request@%d", second), revento.TypeDeletionRequired, connection, at, data), "")
}

func (b *bench) delivery(id, eventType string, connection record.Connection, at time.Time, data string) handoff.Delivery {
	b.Helper()
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":%s,"organization_id":%s,"data":%s}`,
		eventType, at.Format(time.RFC3339Nano), nullable(connection.EventID), nullable(connection.OrganizationID), data)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		b.Fatal(err)
	}
	return handoff.Delivery{
		ID: "delivery-of-" + strings.ReplaceAll(id, " ", "-"), Envelope: envelope, Identity: envelope.Identity(body),
		SignedAt: b.clock, ReceivedAt: b.clock, Body: body,
	}
}

// handedOff is a happening of ours on its way to the pager.
func handedOff(b *bench, name string) handoff.Message { return handedOffFrom(b, ours, name) }

func handedOffFrom(b *bench, connection record.Connection, name string) handoff.Message {
	b.Helper()
	return handoff.New(stack, b.happening(connection, name), route.Destination{Kind: route.PagerDuty, Severity: route.Error}, b.clock)
}

func nullable(id string) string {
	if id == "" {
		return "null"
	}
	text, _ := json.Marshal(id) // a string cannot fail
	return string(text)
}

// handOff sends a delivery where its route leads, as ingest does.
func (b *bench) handOff(delivery handoff.Delivery, generation string) {
	b.Helper()
	for _, destination := range routes(b, nil).Destinations(delivery.Envelope.Type, delivery.Envelope.EventID) {
		message := handoff.New(stack, delivery, destination, b.clock)
		message.Generation = generation
		encoded, err := message.Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.send(message.Queue(), encoded)
	}
}

func (b *bench) send(name queue.Name, message queue.Message) {
	b.Helper()
	if err := b.queues.Send(b.Context(), name, message); err != nil {
		b.Fatal(err)
	}
}

// worked lists the queues in the order in which run looks at them.
var worked = []queue.Name{queue.Deletion, queue.Purge, queue.Slack, queue.PagerDuty}

// run works through all queues until nothing comes again, and lets the time pass that this needs.
func (b *bench) run() {
	b.Helper()
	for idle := 0; idle < 2; idle++ {
		for b.workOnce() {
			idle = 0
		}
		b.passes(3 * time.Minute) // longer than any message stays hidden
	}
}

func (b *bench) workOnce() bool {
	b.Helper()
	any := false
	for _, name := range worked {
		for b.handle(name) {
			any = true
		}
	}
	return any
}

// workOnceAndGiveUp works on the next deletion message and takes it out of the queue, however that ends: its retries are parked.
func (b *bench) workOnceAndGiveUp() {
	b.Helper()
	b.handle(queue.Deletion)
	b.passes(3 * time.Minute)
	received, ok, err := b.queues.Receive(b.Context(), queue.Deletion, visibility)
	if err != nil || !ok {
		b.Fatalf("the message is not there: %v", err)
	}
	if err := b.queues.Delete(b.Context(), queue.Deletion, received.Handle); err != nil {
		b.Fatal(err)
	}
}

// handle works on a queue's next message, as Lambda does: what is done is deleted. It returns false where none is there.
func (b *bench) handle(name queue.Name) bool {
	b.Helper()
	received, ok, err := b.queues.Receive(b.Context(), name, visibility)
	if err != nil {
		b.Fatal(err)
	}
	if !ok {
		return false
	}
	b.clock = b.clock.Add(time.Second)
	mishap.Died(func() {
		if b.workers[name].Handle(b.Context(), received) {
			_ = b.faulty.Delete(b.Context(), name, received.Handle) // where it fails, the message comes again
		}
	})
	return true
}

// passes lets time pass, in which what is due is queued.
func (b *bench) passes(d time.Duration) {
	b.Helper()
	b.clock = b.clock.Add(d)
	for _, body := range b.scheduler.due(b.clock) {
		b.send(queue.Purge, queue.Message{Body: body})
	}
}

// graceEnds lets the time of grace pass and works on what is due then.
func (b *bench) graceEnds() {
	b.Helper()
	b.passes(grace)
	b.run()
}

// sweeps is the daily sweep.
func (b *bench) sweeps() {
	b.Helper()
	b.send(queue.Deletion, deletion.SweepMessage())
	b.run()
}

// cases are the deletions, the latest request first.
func (b *bench) cases() []deletion.Entry {
	b.Helper()
	operator := *b.operator
	operator.Deletions = b.records.Deletions
	entries, err := operator.All(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return entries
}

// onlyCase is the one deletion there is.
func (b *bench) onlyCase() deletion.Entry {
	b.Helper()
	entries := b.cases()
	if len(entries) != 1 {
		b.Fatalf("%d deletions, want one", len(entries))
	}
	return entries[0]
}

// states are the cases' states.
func (b *bench) states() []deletion.State {
	b.Helper()
	var states []deletion.State
	for _, entry := range b.cases() {
		states = append(states, entry.Value.State)
	}
	return states
}

// kept counts what is kept of a connection: of up to a second, and of after it.
func (b *bench) kept(connection record.Connection, second int) (old, later int) {
	b.Helper()
	cutoff := noon.Add(time.Duration(second) * time.Second)
	for after := ""; ; {
		page, err := b.records.Query(b.Context(), connection, after)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return old, later
		}
		for _, stored := range page {
			after = stored.Key.Sort()
			if stored.OccurredAt.After(cutoff) {
				later++
			} else {
				old++
			}
		}
	}
}

// parked lists the reasons under which messages lie in a queue's dead-letter queue.
func (b *bench) parked(name queue.Name) []string {
	b.Helper()
	var reasons []string
	for {
		received, ok, err := b.queues.Receive(b.Context(), name.DeadLetter(), visibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return reasons
		}
		reasons = append(reasons, received.Attributes[queue.AttributeReason])
	}
}

func (b *bench) wantNothingParked() {
	b.Helper()
	for _, name := range worked {
		if reasons := b.parked(name); len(reasons) > 0 {
			b.Errorf("parked in %s: %q", name, reasons)
		}
	}
}

func (b *bench) wantKept(connection record.Connection, second, old, later int) {
	b.Helper()
	gotOld, gotLater := b.kept(connection, second)
	if gotOld != old || gotLater != later {
		b.Errorf("of %v are kept %d records of up to second %d and %d later ones, want %d and %d",
			connection, gotOld, second, gotLater, old, later)
	}
}

// describe is all that a value holds, pointers followed.
func describe(value any) string {
	text, err := json.Marshal(value)
	return fmt.Sprint(string(text), err)
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}
