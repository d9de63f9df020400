package alert_test

import (
	_ "embed"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	schema.CheckRecord(t, record.Alert, alert.Record{
		State: alert.Sending, DeliveryID: "delivery-1", Type: "application.approved", IncidentKey: "incident-1", Generation: "redrive-1",
		Attempts: 3, Unanswered: 2, Unknown: 1, Repeats: 1, FirstAttempt: first, TriedSince: first, UnknownSince: first, LastAttempt: later,
		PausedAt: later, Pause: alert.DefaultPause, Answer: "timeout",
		Thread: "1778336551.000100", Channel: "C0111", TS: "1778336552.000200", PossiblyRepeated: true,
	})
}

//go:embed testdata/first-release-alert.json
var firstRelease []byte

// What the first release wrote counts nothing that it did not know of: its age begins with the next attempt.
func TestARecordOfTheFirstReleaseIsGoneOnWith(t *testing.T) {
	entry, err := record.Decode[alert.Record](record.Record{Key: record.Key{Kind: record.Alert}, Data: firstRelease})
	if err != nil {
		t.Fatal(err)
	}
	known, now := entry.Value, later.Add(time.Hour)
	if err := known.Resume(now, known.Generation); err != nil || known.NotFound() != nil || known.Repeat() != nil {
		t.Fatalf("it is not gone on with: %v", err)
	}
	if known.Begin(now); !known.TriedSince.Equal(now) || !known.UnknownSince.Equal(first) || known.Attempts != 4 {
		t.Errorf("the next attempt: %+v", known)
	}
}
