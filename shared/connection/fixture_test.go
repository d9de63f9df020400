package connection_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/testkit/memory"
)

// store is what is kept of connections, in whole.
type store interface {
	record.Store
	record.Purger
	record.Index
}

// bench is a registry on a store.
type bench struct {
	*testing.T
	registry  *connection.Registry
	records   store
	deletions record.Store
}

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) *bench{
	"memory": func(t *testing.T) *bench {
		records := memory.NewRecords()
		return newBench(t, records, records.Deletions)
	},
	"SQLite": func(t *testing.T) *bench {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return newBench(t, engine.Records, engine.Deletions)
	},
}

// onEngines runs a test on each engine.
func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(open(t)) })
	}
}

func newBench(t *testing.T, records store, deletions record.Store) *bench {
	return &bench{
		T: t, registry: &connection.Registry{Records: records, Deletions: deletions}, records: records, deletions: deletions,
	}
}

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func of(event, organization string) record.Connection {
	return record.Connection{EventID: event, OrganizationID: organization}
}

var ours = of("evt_1", "org_1")

// must fails the test for an error.
func (b *bench) must(doing string, err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%s: %v", doing, err)
	}
}

// consents connects at a moment, with something due.
func (b *bench) consents(c record.Connection, at, due time.Time) connection.Info {
	b.Helper()
	info, err := connect(b.Context(), b.registry, c, at, due)
	b.must("connect", err)
	return info
}

func connect(ctx context.Context, registry *connection.Registry, c record.Connection, at, due time.Time) (connection.Info, error) {
	return registry.Change(ctx, c, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: at, Scope: "event.read", LinkedBy: "link-1"})
		next.Due = due
		return next, nil, err
	})
}

// becomes moves ours to another state.
func (b *bench) becomes(state connection.State, reason connection.Reason, at time.Time) connection.Info {
	b.Helper()
	info, err := b.registry.Change(b.Context(), ours, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, ok := s.Moved(state, reason, at)
		if !ok {
			return next, nil, errors.New("its state does not lead there")
		}
		return next, nil, nil
	})
	b.must("move to "+string(state), err)
	return info
}

// isDue moves when something is due for ours.
func (b *bench) isDue(at time.Time) {
	b.Helper()
	_, err := b.registry.Change(b.Context(), ours, dueAt(at))
	b.must("make due", err)
}

func dueAt(at time.Time) connection.Decide {
	return func(s connection.Standing) (connection.Info, []record.Record, error) {
		s.Due = at
		return s.Info, nil, nil
	}
}

// stands reads ours.
func (b *bench) stands() connection.Standing {
	b.Helper()
	s, err := b.registry.Read(b.Context(), ours)
	b.must("read", err)
	return s
}

// requires sets ours' cutoff for good.
func (b *bench) requires(cutoff time.Time) {
	b.Helper()
	_, err := connection.Require(b.Context(), b.deletions, ours, connection.Stop{Case: cutoff.String(), Cutoff: cutoff}, cutoff.AddDate(3, 0, 0))
	b.must("require a deletion", err)
}

// purges deletes what is kept of ours and is of up to a cutoff.
func (b *bench) purges(cutoff time.Time) {
	b.Helper()
	b.must("purge", purge(b.Context(), b.records, cutoff))
}

func purge(ctx context.Context, records record.Purger, cutoff time.Time) error {
	for after := ""; ; {
		page, err := records.Query(ctx, ours, after)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, rec := range page {
			if _, err := records.Delete(ctx, rec.Key, cutoff); err != nil {
				return err
			}
		}
		after = page[len(page)-1].Key.Sort()
	}
}

// names are the events' ids of what is ranged over.
func (b *bench) names(found iter.Seq2[connection.Standing, error]) []string {
	b.Helper()
	names := []string{}
	for s, err := range found {
		b.must("find", err)
		names = append(names, s.EventID+" "+s.OrganizationID)
	}
	return names
}

// due are the names of what is due, in the order of the shards.
func (b *bench) due(now time.Time) []string {
	b.Helper()
	names := []string{}
	for shard := range connection.Shards {
		names = append(names, b.names(b.registry.Due(b.Context(), shard, now))...)
	}
	return names
}
