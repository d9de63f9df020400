//go:build emulators

package dynamodb

import (
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/testkit/conformance"
	"revento-alerts/test/emulators"
)

func TestLedgerConformance(t *testing.T) {
	ledger := NewLedger(emulators.Patient(t), emulators.Deliveries(t))
	conformance.Ledger(t, func(*testing.T) conformance.FindingLedger { return ledger }, nil)
}

func TestRecordsConformance(t *testing.T) {
	store := NewRecords(emulators.Patient(t), emulators.Records(t), emulators.Records(t))
	conformance.Records(t, func(*testing.T) record.Store { return store }, nil)
}

func TestDeletionsConformance(t *testing.T) {
	config, table := emulators.Patient(t), emulators.Records(t)
	kept, deletions := NewRecords(config, emulators.Records(t), table), NewDeletions(config, table)
	conformance.Records(t, func(*testing.T) record.Store { return deletions }, nil)
	conformance.Deletions(t, func(*testing.T) (conformance.KeptStore, conformance.DeletionStore) { return kept, deletions }, nil)
}

func TestIndexConformance(t *testing.T) {
	store := NewRecords(emulators.Patient(t), emulators.Records(t), emulators.Records(t))
	conformance.Index(t, func(*testing.T) conformance.IndexedStore { return store }, nil)
}

func TestSeedsConformance(t *testing.T) {
	seeds := NewSeeds(emulators.Patient(t), emulators.Seeds(t))
	conformance.Seeds(t, func(*testing.T) mirror.Seeds { return seeds }, nil)
}
