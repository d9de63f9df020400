//go:build emulators

package dynamodb

import (
	"testing"

	"revento-alerts/shared/conformance"
	"revento-alerts/shared/record"
)

func TestLedgerConformance(t *testing.T) {
	ledger := NewLedger(patient(t), deliveries(t))
	conformance.Ledger(t, func(*testing.T) conformance.FindingLedger { return ledger }, nil)
}

func TestRecordsConformance(t *testing.T) {
	store := NewRecords(patient(t), records(t), records(t))
	conformance.Records(t, func(*testing.T) record.Store { return store }, nil)
}

func TestDeletionsConformance(t *testing.T) {
	config, table := patient(t), records(t)
	kept, deletions := NewRecords(config, records(t), table), NewDeletions(config, table)
	conformance.Records(t, func(*testing.T) record.Store { return deletions }, nil)
	conformance.Deletions(t, func(*testing.T) (conformance.KeptStore, conformance.DeletionStore) { return kept, deletions }, nil)
}
