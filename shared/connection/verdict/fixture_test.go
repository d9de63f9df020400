package verdict_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/verdict"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/seeds"
)

var (
	summit = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	noon   = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
)

// bench is the verdicts of one connection, with the real registry and mirror. The passes are its own, and so is who is told.
type bench struct {
	*testing.T
	*verdict.Verdicts
	records *memory.Records
	mirror  *mirror.Mirror
	clock   time.Time
	plan    *mishap.Plan
	// standing is how the passes stand, and confirms that the last judged is to be confirmed soon.
	standing pass.Standing
	confirms bool
	// told are the deliveries that were handed off, each once, in their order.
	told    []handoff.Own
	blocked echo.Blocked
	// perRow is the time that a look at a row takes.
	perRow time.Duration
}

type rings struct{ ring seal.Ring }

func (r rings) Get(context.Context) (seal.Ring, error)           { return r.ring, nil }
func (r rings) Refresh(context.Context) (seal.Ring, bool, error) { return r.ring, false, nil }

var ring = rings{seal.Ring{}.Add()}

func newBench(t *testing.T, plan *mishap.Plan) *bench {
	b := &bench{T: t, records: memory.NewRecords(), clock: noon, plan: plan}
	now := func() time.Time { return b.clock }
	registry := &connection.Registry{Records: b.records, Deletions: b.records.Deletions}
	b.mirror = &mirror.Mirror{Registry: registry, Records: b.records, Seeds: new(seeds.Memory), Rings: ring, Now: now}
	b.Verdicts = &verdict.Verdicts{
		Registry: registry, Passes: b, Mirror: planned{b.mirror, b}, Marks: b, Outbox: b, Records: mishap.Records{Store: b.records, Plan: plan}, Now: now,
	}
	b.consents()
	return b
}

func (b *bench) consents() {
	b.Helper()
	decide := func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: b.clock.Add(-time.Hour), Scope: "participants.read"})
		return next, nil, err
	}
	if _, err := b.mirror.Registry.Change(b.Context(), summit, decide); err != nil {
		b.Fatal(err)
	}
}

// planned is the mirror, whose changes can go wrong.
type planned struct {
	*mirror.Mirror
	b *bench
}

func (p planned) Settle(ctx context.Context, row mirror.Row, change mirror.Change) (ok bool, err error) {
	p.b.clock = p.b.clock.Add(p.b.perRow)
	err = p.b.plan.Do("settle", func() (err error) {
		ok, err = p.Mirror.Settle(ctx, row, change)
		return err
	})
	return ok, err
}

// Load implements verdict.Passes.
func (b *bench) Load(context.Context, record.Connection) (pass.Standing, error) {
	return b.standing, nil
}

// Judged implements verdict.Passes.
func (b *bench) Judged(_ context.Context, _ record.Connection, number int64, confirm bool, held *pass.Held) error {
	return b.plan.Do("judged", func() error {
		if b.standing.State != pass.Read || b.standing.Number != number {
			return nil
		}
		b.standing.State, b.standing.Primes, b.standing.Narrowed, b.confirms = pass.Judged, false, false, confirm
		b.standing.Last = pass.Complete{Pass: b.standing.Pass, At: b.clock}
		if held != nil || !b.standing.Held.Accepts(b.clock) {
			b.standing.Held = held
		}
		return nil
	})
}

// Blocked implements verdict.Marks.
func (b *bench) Blocked(context.Context, record.Connection, connection.Life) (echo.Blocked, error) {
	return b.blocked, nil
}

// Deliver implements verdict.Outbox: as ingest does, it takes each identity once.
func (b *bench) Deliver(_ context.Context, own handoff.Own) error {
	return b.plan.Do("deliver", func() error {
		same := func(other handoff.Own) bool { return other.DeliveryID() == own.DeliveryID() }
		if !slices.ContainsFunc(b.told, same) {
			b.told = append(b.told, own)
		}
		return nil
	})
}

// tells are what was told since the last call, as "type resource".
func (b *bench) tells() (lines []string) {
	for _, own := range b.told {
		lines = append(lines, own.Type+" "+own.ResourceID)
	}
	b.told = nil
	slices.Sort(lines)
	return lines
}

// person is a row of the list of participants: an id, and fields as "status=registered".
func person(text string) json.RawMessage {
	words := strings.Fields(text)
	row := map[string]any{"id": words[0], "application_status": "approved"}
	for _, field := range words[1:] {
		name, value, _ := strings.Cut(field, "=")
		row[name] = value
	}
	document, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return document
}

// people are rows of participants from first to last.
func people(first, last int) (rows []string) {
	for i := first; i <= last; i++ {
		rows = append(rows, fmt.Sprintf("ptp_%d", i))
	}
	return rows
}

// lists has a complete pass read the list of participants, and of activities where given, at the next full hour.
func (b *bench) lists(persons []string, activities ...string) {
	b.Helper()
	b.clock = b.clock.Truncate(time.Hour).Add(time.Hour)
	b.standing.Primes = b.standing.Number == 0
	b.standing.Number++
	b.standing.StartedAt, b.standing.State = b.clock, pass.Read
	b.standing.Seen = map[mirror.Thing]int{mirror.Participant: len(persons), mirror.Activity: len(activities)}
	var documents []json.RawMessage
	for _, text := range persons {
		documents = append(documents, person(text))
	}
	b.reads(mirror.Participant, documents)
	documents = nil
	for _, id := range activities {
		documents = append(documents, json.RawMessage(fmt.Sprintf(`{"id":%q}`, id)))
	}
	b.reads(mirror.Activity, documents)
}

func (b *bench) reads(thing mirror.Thing, documents []json.RawMessage) {
	b.Helper()
	_, err := b.mirror.Read(b.Context(), mirror.Page{
		Connection: summit, Pass: b.standing.Pass, Thing: thing, AskedAt: b.clock, Date: b.clock, Documents: documents,
	})
	if err != nil {
		b.Fatal(err)
	}
}

// hears has a webhook come that happened so long before now.
func (b *bench) hears(eventType string, ago time.Duration, data string) {
	b.Helper()
	w := mirror.Webhook{Connection: summit, Type: eventType, OccurredAt: b.clock.Add(-ago), ArrivedAt: b.clock}
	if err := json.Unmarshal([]byte(data), &w.Data); err != nil {
		b.Fatal(err)
	}
	if _, err := b.mirror.Hear(b.Context(), w); err != nil {
		b.Fatal(err)
	}
}

// judges has the last pass judged, a minute after it, however often judging ends before that or dies. It returns how many turns it took.
func (b *bench) judges() (turns int) {
	b.Helper()
	b.clock = b.clock.Add(time.Minute)
	for turns = 1; turns < 200; turns++ {
		var done bool
		var err error
		died := mishap.Died(func() {
			done, err = b.Judge(b.Context(), echo.Marker{Connection: summit, Pass: b.standing.Number}, b.clock.Add(time.Minute))
		})
		if !died && err == nil && done {
			return turns
		}
		if err != nil && b.plan == nil {
			b.Fatal(err)
		}
	}
	b.Fatal("judging never ends")
	return turns
}

// passes has a pass read these participants and be judged.
func (b *bench) passes(persons []string, activities ...string) {
	b.Helper()
	b.lists(persons, activities...)
	b.judges()
}

func (b *bench) presence(id string) mirror.Presence {
	b.Helper()
	row, err := b.mirror.Row(b.Context(), summit, mirror.Participant, id)
	if err != nil {
		b.Fatal(err)
	}
	return row.Presence
}

func (b *bench) wants(want ...string) {
	b.Helper()
	if got := b.tells(); !slices.Equal(got, want) {
		b.Errorf("told %q, want %q", got, want)
	}
}

func (b *bench) summary() mirror.Summary {
	b.Helper()
	summary, err := b.mirror.Summary(b.Context(), summit)
	if err != nil {
		b.Fatal(err)
	}
	return summary
}

const (
	cancelled = revento.TypeParticipantCancelled + " "
	held      = revento.TypeSyncHeld + " evt_1"
	flagged   = "application.revision_requested"
)
