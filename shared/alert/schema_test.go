package alert_test

import (
	"testing"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	schema.CheckRecord(t, record.Alert, alert.Record{
		State: alert.Sending, DeliveryID: "delivery-1", Type: "application.approved", IncidentKey: "incident-1", Generation: "redrive-1",
		Attempts: 3, Unanswered: 2, FirstAttempt: first, UnknownSince: first, LastAttempt: later, Answer: "timeout",
		Thread: "1778336551.000100", Channel: "C0111", TS: "1778336552.000200", PossiblyRepeated: true,
	})
}
