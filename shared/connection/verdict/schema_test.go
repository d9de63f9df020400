package verdict

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Verdict, progress{
		Life: "2026-05-09T12:00:00.000000000Z", PrimedBy: 1, PrimedAt: at, HeldPass: 2, HeldStartedAt: at.Add(time.Hour),
		Pass: 3, Stage: settling, Thing: mirror.Participant, Cursor: "participant/1", Changes: 4,
		Counted: mirror.Counts{ByStatus: map[string]int{"approved": 5}, Present: 5, MissingOnce: 6, Cancelled: 7},
		Absent:  absence{Known: 8, Missing: 9}, Held: reasonMany, Confirm: true,
	})
}
