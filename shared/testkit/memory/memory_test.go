package memory

import (
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/conformance"
)

func TestLedgerConformance(t *testing.T) {
	conformance.Ledger(t, func(*testing.T) conformance.FindingLedger { return NewLedger() }, nil)
}

func TestJournalConformance(t *testing.T) {
	conformance.Journal(t, func(*testing.T) conformance.JournalLedger { return NewLedger() }, nil)
}

func TestRecordsConformance(t *testing.T) {
	conformance.Records(t, func(*testing.T) record.Store { return NewRecords() }, nil)
}

func TestDeletionsConformance(t *testing.T) {
	conformance.Records(t, func(*testing.T) record.Store { return NewRecords().Deletions }, nil)
	conformance.Deletions(t, func(*testing.T) (conformance.KeptStore, conformance.DeletionStore) {
		records := NewRecords()
		return records, records.Deletions
	}, nil)
}

func TestIndexConformance(t *testing.T) {
	conformance.Index(t, func(*testing.T) conformance.IndexedStore { return NewRecords() }, nil)
}

func openQueues(*testing.T) conformance.Engine {
	clock := conformance.NewClock()
	queues := NewQueues(clock.Now)
	queues.maxReceives = 3
	return conformance.Engine{Queues: queues, Now: clock.Now, Advance: clock.Advance, MaxReceives: queues.maxReceives}
}

func TestQueuesConformance(t *testing.T) { conformance.Queues(t, openQueues, nil) }

func TestBrowserConformance(t *testing.T) { conformance.Browser(t, openQueues) }

func TestFairnessConformance(t *testing.T) { conformance.Fairness(t, openQueues) }

func TestDiscardConformance(t *testing.T) { conformance.Discarding(t, openQueues, nil) }
