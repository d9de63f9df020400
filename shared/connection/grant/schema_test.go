package grant

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Token, stored{
		Grant: "GRANT", Generation: 2, State: connection.NeedsConsent, Reason: connection.LostRotation, Scope: "event.read",
		Sealed: "1.0123456789abcdef.c2VhbGVk", Attempt: "ATTEMPT", FirstIssued: at, Issued: at, AccessEnds: at, RefreshEnds: at,
		Lease: lease.Lease{Owner: "ATTEMPT-2", Ends: at}, Attempts: []attempt{{ID: "ATTEMPT-2", At: at}}, Failures: 3, NotBefore: at,
		FailureReason: "timeout",
	})
}
