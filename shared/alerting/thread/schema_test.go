package thread

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Thread, conversation{
		Root: "1778336551.000100", RootGone: true, Newest: alert.Order{OccurredAt: at, Resolves: true, AlertKey: "alert-1"},
		Opened: Opening{Type: "application.approved", HappenedAt: at},
	})
}
