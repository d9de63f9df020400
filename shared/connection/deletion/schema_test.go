package deletion

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Deletion, Case{
		ID: "0123456789abcdef", EventID: "evt_1", OrganizationID: "org_1", Cutoff: at, State: Finished, Held: NamesPerson,
		Keys: []string{"export"}, Type: "data.export_required",
		DeliveryID: "delivery-1", RequestedAt: at, Due: at, BroughtForwardAt: at, BroughtForward: true, RepeatedAt: at, StoppedAt: at, ConfirmedAt: at, ScheduledAt: at, StartedAt: at, FinishedAt: at,
		OverdueAt: at, ClosedAt: at, Note: "done", Resolved: 1, Repeats: 2, Found: map[record.Kind]int{record.Alert: 3}, Kept: 4,
		SlackMessages: 5, SlackLeft: 6, Residual: []Residual{{Where: "backups", Until: at}},
		Forgotten: map[string]int{"queue slack": 1}, PersonForgotten: true, PersonRecords: 7,
	})
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

// Stored data of before keys, types, stops and repeats were kept is read as it was meant.
func TestWhatWasStoredBeforeStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	var former Entry
	former.Value = Case{
		ID: "0123456789abcdef", EventID: "evt_1", OrganizationID: "org_1", Cutoff: at, State: Finished,
		Held: "it names a user: what is kept is not kept by user", DeliveryID: "delivery-1", RequestedAt: at, Due: at, BroughtForward: true,
		ScheduledAt: at, StartedAt: at, FinishedAt: at, OverdueAt: at, ClosedAt: at, Note: "done", Resolved: 1, Repeats: 2,
		Found: map[record.Kind]int{record.Alert: 3}, Kept: 4, SlackMessages: 5, SlackLeft: 6, Residual: []Residual{{Where: "backups", Until: at}},
	}
	if diff := cmp.Diff(former.Value, decodeFormer[Case](t, record.Deletion).Value); diff != "" {
		t.Errorf("the case (-want +got):\n%s", diff)
	}
}

func decodeFormer[T any](t *testing.T, kind record.Kind) record.Entry[T] {
	t.Helper()
	data, err := os.ReadFile("testdata/former-" + string(kind) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := record.Decode[T](record.Record{Key: record.Key{Kind: kind}, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return entry
}
