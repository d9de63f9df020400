package deletion

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Deletion, Case{
		ID: "0123456789abcdef", EventID: "evt_1", OrganizationID: "org_1", Cutoff: at, State: Finished, Held: NamesUser,
		DeliveryID: "delivery-1", RequestedAt: at, Due: at, BroughtForward: true, ScheduledAt: at, StartedAt: at, FinishedAt: at,
		OverdueAt: at, ClosedAt: at, Note: "done", Resolved: 1, Repeats: 2, Found: map[record.Kind]int{record.Alert: 3}, Kept: 4,
		SlackMessages: 5, SlackLeft: 6, Residual: []Residual{{Where: "backups", Until: at}},
	})
	schema.CheckRecord(t, record.Tombstone, tombstone{Returned: true, Case: "2026-05-09T12:00:00.000000000Z"})
}

// Messages wait in queues across releases, and a schedule's for a year: these are version 1's, as they were written.
func TestMessagesStayReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	named := reference{EventID: []byte("evt_1"), OrganizationID: []byte("org_1"), Case: "case-1"}
	for text, want := range map[string]body{
		`{"schema":1,"sweep":true}`: {Schema: 1, Sweep: true},
		`{"schema":1,"returned":{"event_id":"ZXZ0XzE=","organization_id":"b3JnXzE=","case":"case-1","occurred_at":"2026-05-09T12:00:00Z"}}`: {
			Schema: 1, Returned: &returned{reference: named, OccurredAt: at},
		},
		`{"schema":1,"purge":{"event_id":"ZXZ0XzE=","organization_id":"b3JnXzE=","case":"case-1"}}`: {Schema: 1, Purge: &named},
	} {
		got, err := decode(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(returned{})); diff != "" {
			t.Errorf("%s is read as something else (-want +got):\n%s", text, diff)
		}
		if written, err := encode(want); err != nil || written.Body != text {
			t.Errorf("it is written as %s today, and was as %s: %v", written.Body, text, err)
		}
	}
}
