package echo

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Parked, mark{Life: "2026-05-09T12:00:00.000000000Z", Participant: "HASH", Until: at})
	schema.CheckRecord(t, record.Lookup, lookup{At: at})
}
