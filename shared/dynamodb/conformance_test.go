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
	store := NewRecords(patient(t), records(t))
	conformance.Records(t, func(*testing.T) record.Store { return store }, nil)
}
