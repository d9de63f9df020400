package sqlite

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/conformance"
)

// openTest opens an engine in a folder of its own, or in dir.
func openTest(t *testing.T, dir string, now func() time.Time) *Engine {
	t.Helper()
	engine, err := Open(t.Context(), dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return engine
}

func TestLedgerConformance(t *testing.T) {
	conformance.Ledger(t, func(t *testing.T) conformance.FindingLedger { return openTest(t, t.TempDir(), time.Now).Ledger }, nil)
}

func TestJournalConformance(t *testing.T) {
	conformance.Journal(t, func(t *testing.T) conformance.JournalLedger { return openTest(t, t.TempDir(), time.Now).Ledger }, nil)
}

func TestRecordsConformance(t *testing.T) {
	conformance.Records(t, func(t *testing.T) record.Store { return openTest(t, t.TempDir(), time.Now).Records }, nil)
}

func TestDeletionsConformance(t *testing.T) {
	conformance.Records(t, func(t *testing.T) record.Store { return openTest(t, t.TempDir(), time.Now).Deletions }, nil)
	conformance.Deletions(t, func(t *testing.T) (conformance.KeptStore, conformance.DeletionStore) {
		engine := openTest(t, t.TempDir(), time.Now)
		return engine.Records, engine.Deletions
	}, nil)
}

func TestIndexConformance(t *testing.T) {
	conformance.Index(t, func(t *testing.T) conformance.IndexedStore { return openTest(t, t.TempDir(), time.Now).Records }, nil)
}

func openQueues(t *testing.T) conformance.Engine {
	clock := conformance.NewClock()
	queues := openTest(t, t.TempDir(), clock.Now).Queues
	queues.maxReceives = 3
	return conformance.Engine{Queues: queues, Now: clock.Now, Advance: clock.Advance, MaxReceives: queues.maxReceives}
}

func TestQueuesConformance(t *testing.T) { conformance.Queues(t, openQueues, nil) }

func TestBrowserConformance(t *testing.T) { conformance.Browser(t, openQueues) }

func TestFairnessConformance(t *testing.T) { conformance.Fairness(t, openQueues) }

func TestDiscardConformance(t *testing.T) { conformance.Discarding(t, openQueues, nil) }
