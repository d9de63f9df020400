package mirror_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/seeds"
)

var (
	summit = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	start  = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
)

// bench is a mirror of one connection, whose consent was an hour before start.
type bench struct {
	*testing.T
	mirror    *mirror.Mirror
	records   *watched
	deletions record.Store
	seeds     *seeds.Memory
	rings     *rings
	now       time.Time
}

// store is what is kept of connections, in whole.
type store interface {
	record.Store
	record.Purger
	record.Index
}

// watched is a store that counts what is written, and lets a test do something before it is.
type watched struct {
	store
	writes int
	// before is called once, before the next write.
	before func()
}

func (w *watched) Put(ctx context.Context, rec record.Record) error {
	w.awaits()
	return w.store.Put(ctx, rec)
}

func (w *watched) PutAll(ctx context.Context, records ...record.Record) error {
	w.awaits()
	return w.store.PutAll(ctx, records...)
}

func (w *watched) awaits() {
	if do := w.before; do != nil {
		w.before = nil
		do()
	}
	w.writes++
}

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) *bench{
	"memory": newBench,
	"SQLite": func(t *testing.T) *bench {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return newBenchOn(t, engine.Records, engine.Deletions)
	},
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(open(t)) })
	}
}

// rings gives one ring, which can be replaced.
type rings struct{ ring, fresh seal.Ring }

func (r *rings) Get(context.Context) (seal.Ring, error) { return r.ring, nil }
func (r *rings) Refresh(context.Context) (seal.Ring, bool, error) {
	if len(r.fresh.IDs()) > 0 {
		r.ring, r.fresh = r.fresh, seal.Ring{}
		return r.ring, true, nil
	}
	return r.ring, false, nil
}

func newBench(t *testing.T) *bench {
	records := memory.NewRecords()
	return newBenchOn(t, records, records.Deletions)
}

func newBenchOn(t *testing.T, records store, deletions record.Store) *bench {
	b := &bench{
		T: t, records: &watched{store: records}, deletions: deletions, seeds: new(seeds.Memory), rings: &rings{ring: seal.Ring{}.Add()}, now: start,
	}
	b.mirror = &mirror.Mirror{
		Registry: &connection.Registry{Records: b.records, Deletions: deletions},
		Records:  b.records, Seeds: b.seeds, Rings: b.rings, Now: func() time.Time { return b.now },
	}
	b.consent(start.Add(-time.Hour))
	return b
}

func (b *bench) consent(at time.Time) {
	b.Helper()
	decide := func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: at, Scope: "participants.read"})
		return next, nil, err
	}
	if _, err := b.mirror.Registry.Change(b.Context(), summit, decide); err != nil {
		b.Fatal(err)
	}
}

// hear has a webhook arrive a second after it occurred.
func (b *bench) hear(eventType string, occurred time.Time, data string) mirror.Outcome {
	b.Helper()
	return b.hearAt(eventType, occurred, occurred.Add(time.Second), data)
}

func (b *bench) hearAt(eventType string, occurred, arrived time.Time, data string) mirror.Outcome {
	b.Helper()
	w := mirror.Webhook{Connection: summit, Type: eventType, OccurredAt: occurred, ArrivedAt: arrived}
	if err := json.Unmarshal([]byte(data), &w.Data); err != nil {
		b.Fatal(err)
	}
	outcome, err := b.mirror.Hear(b.Context(), w)
	if err != nil {
		b.Fatal(err)
	}
	return outcome
}

// page is a page of a pass that began when it was asked for, of which the reply has its Date.
func page(pass int64, thing mirror.Thing, asked time.Time, documents ...string) mirror.Page {
	p := mirror.Page{
		Connection: summit, Pass: mirror.Pass{Number: pass, StartedAt: asked}, Thing: thing, AskedAt: asked, Date: asked,
	}
	for _, document := range documents {
		p.Documents = append(p.Documents, json.RawMessage(document))
	}
	return p
}

func (b *bench) read(p mirror.Page) mirror.PageCounts {
	b.Helper()
	counts, err := b.mirror.Read(b.Context(), p)
	if err != nil {
		b.Fatal(err)
	}
	return counts
}

func (b *bench) row(thing mirror.Thing, id string) mirror.Row {
	b.Helper()
	row, err := b.mirror.Row(b.Context(), summit, thing, id)
	if err != nil {
		b.Fatal(err)
	}
	return row
}

func (b *bench) summary() mirror.Summary {
	b.Helper()
	summary, err := b.mirror.Summary(b.Context(), summit)
	if err != nil {
		b.Fatal(err)
	}
	return summary
}

func (b *bench) rows(thing mirror.Thing) (rows []mirror.Row) {
	b.Helper()
	for row, err := range b.mirror.Rows(b.Context(), summit, thing) {
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// kept is all that is kept of the connection, by sort key.
func (b *bench) kept() map[string]record.Record {
	b.Helper()
	found := map[string]record.Record{}
	for after := ""; ; {
		page, err := b.records.Query(b.Context(), summit, after)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return found
		}
		for _, rec := range page {
			found[rec.Key.Sort()] = rec
		}
		after = page[len(page)-1].Key.Sort()
	}
}

// wantSame expects that nothing was written since.
func (b *bench) wantSame(before map[string]record.Record) {
	b.Helper()
	if diff := cmp.Diff(before, b.kept(), cmp.Comparer(record.Connection.Equal)); diff != "" {
		b.Errorf("something was written:\n%s", diff)
	}
}

// stops ends what is of up to a cutoff, as a request for deletion does.
func (b *bench) stops(cutoff time.Time) {
	b.Helper()
	stop := connection.Stop{Case: cutoff.Format(time.RFC3339Nano), Cutoff: cutoff}
	if _, err := connection.Require(b.Context(), b.deletions, summit, stop, time.Time{}); err != nil {
		b.Fatal(err)
	}
}
