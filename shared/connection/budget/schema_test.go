package budget

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Budget, stored{Cell: at, Slots: []lease.Lease{{Owner: "CALL", Ends: at}}})
}
