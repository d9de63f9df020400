package digest

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Digest, entry{
		Type: "application.submitted", EventID: "evt_1", OrganizationID: "org_1", ResourceID: "app_1", OccurredAt: at, ReceivedAt: at,
		DeliveryID: "delivery-1", Channel: "C0111", FoundBy: "reconcile", Digest: "alert-1",
	})
	schema.CheckRecord(t, record.DigestRun, run{
		State: claimed, Window: at, At: at, AlertKey: "alert-1", Waiting: 4,
		Members: []member{{EventID: []byte("evt_1"), OrganizationID: []byte("org_1"), AlertKey: "alert-2"}},
	})
}

// A run's message waits in its queue across releases.
func TestARunsMessageStaysReadable(t *testing.T) {
	const text = `{"schema":1,"run":{"window":"2026-05-09T12:15:00Z"}}`
	if written := RunMessage(time.Date(2026, 5, 9, 12, 15, 0, 0, time.UTC)).Body; written != text {
		t.Errorf("it is written as %s, and was as %s", written, text)
	}
}
