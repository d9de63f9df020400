package attendance

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	schema.CheckRecord(t, record.CheckIn, checkIn{
		Life: "2026-05-09T12:00:00.000000000Z", At: time.Date(2026, 5, 9, 12, 30, 0, 0, time.UTC),
	})
}
