package upkeep_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const interval = 30 * time.Minute

type store interface {
	upkeep.Records
	connection.Records
}

// bench is the rules on a store, with the real registry. Queue, Revento and the way of a delivery are its own.
type bench struct {
	*testing.T
	*upkeep.Upkeep
	registry  *connection.Registry
	records   store
	deletions record.Store
	clock     time.Time
	// messages are in the queue, the oldest first, and out are those that came again.
	messages []queue.Message
	known    map[string]bool // deduplication ids
	// answers is what a probe of an event shows; Answered where nothing is said. failing is what it fails with.
	answers map[string]health.Outcome
	failing error
	ends    map[health.Limit]time.Time
	probed  []string
	// during happens while a probe is under way; old is then what the probe shows all the same.
	during func()
	old    health.Outcome
	// told are the deliveries, each once.
	told      []handoff.Own
	delivered int
	unsent    error
	plan      *mishap.Plan
}

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) (records store, deletions record.Store){
	"memory": func(*testing.T) (store, record.Store) {
		records := memory.NewRecords()
		return records, records.Deletions
	},
	"SQLite": func(t *testing.T) (store, record.Store) {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return engine.Records, engine.Deletions
	},
}

// onEngines runs the same cases on each engine.
func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			records, deletions := open(t)
			test(newBench(t, records, deletions, nil))
		})
	}
}

func newBench(t *testing.T, records store, deletions record.Store, plan *mishap.Plan) *bench {
	b := &bench{
		T: t, records: records, deletions: deletions, clock: noon, answers: map[string]health.Outcome{}, known: map[string]bool{}, plan: plan,
	}
	b.registry = &connection.Registry{Records: records, Deletions: deletions}
	b.Upkeep = &upkeep.Upkeep{
		Registry: b.registry, Records: records, Queues: b, Prober: b, Outbox: b, ProbeInterval: interval,
		Random: func() float64 { return 0 }, Now: func() time.Time { return b.clock },
	}
	return b
}

// Send implements queue.Sender.
func (b *bench) Send(_ context.Context, name queue.Name, message queue.Message) error {
	return b.plan.Do("send", func() error {
		if name != upkeep.Queue || message.Group == "" || message.DeduplicationID == "" {
			b.Errorf("sent to %s: %+v", name, message)
		}
		if !b.known[message.DeduplicationID] {
			b.known[message.DeduplicationID] = true
			b.messages = append(b.messages, message)
		}
		return nil
	})
}

// Probe implements upkeep.Prober.
func (b *bench) Probe(_ context.Context, of record.Connection) (result upkeep.Result, err error) {
	err = b.plan.Do("probe", func() error {
		b.probed = append(b.probed, of.EventID)
		if b.during != nil {
			during := b.during
			b.during = nil
			during()
		}
		return b.failing
	})
	shown := b.answers[of.EventID]
	if b.old != "" {
		shown, b.old = b.old, ""
	}
	result = upkeep.Result{Outcome: shown, State: connection.Active, Ends: b.ends}
	switch result.Outcome {
	case "":
		result.Outcome = health.Answered
	case health.TokenRevoked:
		result.State, result.Why, result.Reason = connection.Revoked, connection.TakenBack, "revoked"
	case health.ConsentNeeded:
		result.State, result.Why, result.Reason = connection.NeedsConsent, connection.LostRotation, "lost_rotation"
	default:
		result.Reason = "http_503"
	}
	return result, err
}

// Answered implements upkeep.Prober.
func (b *bench) Answered(_ context.Context, of record.Connection) (result upkeep.Result, err error) {
	err = b.plan.Do("answered", func() error { return nil })
	return upkeep.Result{Outcome: health.Answered, State: connection.Active, Ends: b.ends}, err
}

// Deliver implements upkeep.Outbox.
func (b *bench) Deliver(_ context.Context, own handoff.Own) error {
	return b.plan.Do("deliver", func() error {
		if b.unsent != nil {
			return b.unsent
		}
		b.delivered++
		if !slices.ContainsFunc(b.told, func(o handoff.Own) bool { return o.DeliveryID() == own.DeliveryID() }) {
			b.told = append(b.told, own)
		}
		return nil
	})
}

func of(event string) record.Connection {
	return record.Connection{EventID: event, OrganizationID: "org_1"}
}

// connects has an organizer consent, which sets something due.
func (b *bench) connects(events ...string) {
	b.Helper()
	for _, event := range events {
		_, err := b.registry.Change(b.Context(), of(event), func(s connection.Standing) (connection.Info, []record.Record, error) {
			next, err := s.Consented(connection.Consent{At: b.clock})
			next.Due = b.clock
			return next, nil, err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// works has the messages worked on that are in the queue, those that this sends too, up to a bound. One that fails stays.
func (b *bench) works() {
	b.Helper()
	var again []queue.Message
	for range 500 {
		if len(b.messages) == 0 {
			break
		}
		message := b.messages[0]
		b.messages = b.messages[1:]
		outcome, err := b.work(message)
		switch {
		case outcome == worker.Unfinished:
			b.messages = append([]queue.Message{message}, b.messages...)
		case err != nil:
			again = append(again, message)
		}
	}
	b.messages = append(again, b.messages...)
}

// syncs are the messages in the queue that are about a connection.
func (b *bench) syncs() int {
	count := 0
	for _, message := range b.messages {
		if strings.Contains(message.Body, `"sync"`) {
			count++
		}
	}
	return count
}

func (b *bench) work(message queue.Message) (worker.Outcome, error) {
	b.Helper()
	line := telemetry.New(io.Discard, telemetry.Options{}).Begin("sync")
	job, err := b.Open(message, line)
	if err != nil {
		b.Fatal(err)
	}
	return job.Do(b.Context(), line)
}

// ticks is the schedule, and what follows of it.
func (b *bench) ticks() int {
	b.Helper()
	sent, err := b.Tick(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.works()
	return sent
}

// passes lets time go by, with a tick every five minutes.
func (b *bench) passes(d time.Duration) {
	b.Helper()
	for end := b.clock.Add(d); b.clock.Before(end); {
		b.clock = b.clock.Add(upkeep.TickInterval)
		b.ticks()
	}
}

func (b *bench) standing(event string) connection.Standing {
	b.Helper()
	s, err := b.registry.Read(b.Context(), of(event))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// types are what was told, as "broken error" each.
func (b *bench) types() string {
	var words []string
	for _, own := range b.told {
		words = append(words, strings.TrimPrefix(own.Type, "connection.")+" "+own.Fields["status"])
	}
	return strings.Join(words, ", ")
}

func (b *bench) wantsTold(want string) {
	b.Helper()
	if got := b.types(); got != want {
		b.Errorf("told %q, want %q", got, want)
	}
}

func events(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("evt_%02d", i)
	}
	return names
}
