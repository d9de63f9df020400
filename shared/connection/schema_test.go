package connection

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/test/schema"
)

var at = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	schema.CheckRecord(t, record.Registration, Info{
		EventID: "evt_1", OrganizationID: "org_1", State: NeedsConsent, Reason: LostRotation, Since: at, Life: newLife(at), ConnectedAt: at,
		LinkedBy: "link-1", Scope: "event.read", Due: at,
	})
	schema.CheckRecord(t, record.Finder, finder{EventID: "evt_1", OrganizationID: "org_1"})
	schema.CheckRecord(t, record.Tombstone, stone{
		Returned: true, Case: "2026-05-09T12:00:00.000000000Z",
		Held: []Stop{{Case: "2026-05-09T12:00:00.000000000Z", Cutoff: at}}, Required: Stop{Case: "2026-05-08T12:00:00.000000000Z", Cutoff: at},
	})
}

// Tombstones of before requests were held stop what they stopped.
func TestATombstoneOfBeforeStaysReadable(t *testing.T) {
	data, err := os.ReadFile("testdata/former-tombstone.json")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := record.Decode[stone](record.Record{Key: record.Key{Kind: record.Tombstone}, OccurredAt: at, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	former, want := Tombstone{entry}, Stop{Case: "2026-05-09T12:00:00.000000000Z", Cutoff: at}
	if diff := cmp.Diff(want, former.required()); diff != "" || !former.StopsForGood(at) || former.Stops(at.Add(1)) {
		t.Errorf("what it requires (-want +got):\n%s", diff)
	}
}
