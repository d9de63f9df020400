package meeting

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Meeting, meeting{
		Webhook: &told{Identity: "webhook-1", At: at}, Own: &told{Identity: "own-1", At: at.Add(time.Minute)},
	})
}
