package attendance_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

var ours = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}

// people are who is known of, in place of the mirror.
type people struct {
	persons []attendance.Person
	tally   attendance.Tally
	// looks counts how often somebody was looked at, and gone leaves out whom a participant's look comes to after the first.
	looks int
	gone  func(look int) bool
}

// knows adds somebody.
func (p *people) knows(person attendance.Person) {
	person.Key, person.User = revento.Hash(person.ID), record.UserKey(ours, "usr of "+person.ID)
	p.persons = append(p.persons, person)
	slices.SortFunc(p.persons, func(a, b attendance.Person) int { return cmp.Compare(a.Key, b.Key) })
}

func (p *people) After(_ context.Context, _ record.Connection, key string) iter.Seq2[attendance.Person, error] {
	return func(yield func(attendance.Person, error) bool) {
		for _, person := range p.persons {
			p.looks++
			if person.Key > key && !yield(person, nil) {
				return
			}
		}
	}
}

func (p *people) Participant(_ context.Context, _ record.Connection, id string) (attendance.Person, error) {
	p.looks++
	for _, person := range p.persons {
		if person.ID == id && (p.gone == nil || !p.gone(p.looks)) {
			return person, nil
		}
	}
	return attendance.Person{}, record.ErrNotFound
}

func (p *people) Tally(context.Context, record.Connection) (attendance.Tally, error) {
	return p.tally, nil
}

// bench is attendance on a store in memory, of one connection.
type bench struct {
	*testing.T
	*attendance.Attendance
	people   *people
	records  *memory.Records
	registry *connection.Registry
	clock    time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, people: &people{}, records: memory.NewRecords(), clock: noon}
	b.registry = &connection.Registry{Records: b.records, Deletions: b.records.Deletions}
	b.Attendance = &attendance.Attendance{
		Connections: &life.Operator{Lives: &life.Lives{Registry: b.registry}},
		People:      b.people, Records: b.records, Now: func() time.Time { return b.clock },
	}
	b.consents()
	return b
}

// consents connects ours now.
func (b *bench) consents() {
	b.Helper()
	b.changes(func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: b.clock})
		return next, nil, err
	})
}

func (b *bench) changes(decide connection.Decide) {
	b.Helper()
	if _, err := b.registry.Change(b.Context(), ours, decide); err != nil {
		b.Fatal(err)
	}
}

// comes checks somebody in who is to be let in.
func (b *bench) comes(id string, when time.Time) attendance.Arrival {
	b.Helper()
	arrival, err := b.CheckIn(b.Context(), "evt_1", id, when)
	if err != nil {
		b.Fatal(err)
	}
	return arrival
}

// lists returns the ids of whom a selection means.
func (b *bench) lists(selected attendance.Selection) []string {
	b.Helper()
	ids := []string{}
	for after := ""; ; {
		page, err := b.List(b.Context(), "evt_1", selected, after)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range page.Participants {
			ids = append(ids, p.ID)
		}
		if after = page.Next; after == "" {
			slices.Sort(ids)
			return ids
		}
	}
}

// kept is how many check-ins are kept.
func (b *bench) kept() int {
	b.Helper()
	count := 0
	for after := ""; ; {
		page, err := b.records.QueryKind(b.Context(), ours, record.CheckIn, after)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return count
		}
		count += len(page)
		after = page[len(page)-1].Key.Sort()
	}
}

// keyOf names somebody's check-in.
func (b *bench) keyOf(id string) record.Key {
	return record.Key{Connection: ours, Kind: record.CheckIn, ID: revento.Hash(id)}
}

// crowd is a few participants of all kinds.
func (b *bench) crowd() {
	for i, p := range []attendance.Person{
		{Name: "Ada", Status: "registered", State: attendance.Present, IsRegistered: true, RegisteredAt: at(0)},
		{Name: "Bram", Status: "registered", State: attendance.MissingOnce, IsRegistered: true, RegisteredAt: at(10)},
		{Name: "Chidi", Status: "registered", State: attendance.Cancelled, IsRegistered: true, RegisteredAt: at(20)},
		{Name: "Dalia", Status: "registered", State: attendance.Present, IsRegistered: true},
		{Name: "Emre", Status: "pending", State: attendance.Present},
	} {
		p.ID = fmt.Sprintf("ptp_%d", i+1)
		b.people.knows(p)
	}
}
