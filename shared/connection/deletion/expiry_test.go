package deletion_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

// forEver is the expiry of what never expires.
const forEver = time.Duration(0)

// wantKeptFor expects that each record of a kind is kept for so long from now.
func wantKeptFor(b *bench, records []record.Record, kind record.Kind, want time.Duration) {
	b.Helper()
	found := false
	for _, stored := range records {
		if stored.Key.Kind != kind {
			continue
		}
		found = true
		if stored.Expires.IsZero() != (want == forEver) {
			b.Errorf("the %s expires at %s, want %s from now (0s: never)", kind, stored.Expires, want)
		} else if left := stored.Expires.Sub(b.clock); want != forEver && (left-want).Abs() > time.Hour {
			b.Errorf("the %s is kept for %s, want %s", kind, left, want)
		}
		if left := stored.Expires.Sub(b.clock); want != forEver && left <= 2*queue.Retention {
			b.Errorf("the %s is kept for %s: a message that waits in its queue and then as a dead letter outlives it", kind, left)
		}
	}
	if !found {
		b.Errorf("there is no %s", kind)
	}
}

func (b *bench) all(connection record.Connection) []record.Record {
	b.Helper()
	var all []record.Record
	for after := ""; ; {
		page, err := b.records.Query(b.Context(), connection, after)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Key.Sort()
	}
}

// ofDeletions are the records of a kind in the store of deletions.
func (b *bench) ofDeletions(kind record.Kind) []record.Record {
	b.Helper()
	records, err := b.records.Deletions.List(b.Context(), kind)
	if err != nil {
		b.Fatal(err)
	}
	return records
}

func TestHowLongTheRecordsOfAConnectionAreKept(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	wantKeptFor(b, b.all(ours), record.Alert, 35*oneDay)
	wantKeptFor(b, b.all(ours), record.Incident, forEver) // it is open
	wantKeptFor(b, b.all(ours), record.Thread, 180*oneDay)
	b.passes(100 * oneDay)
	b.happens(ours, "approve@2")
	b.happens(others[0], "approve@2") // of nothing that was open
	b.run()
	wantKeptFor(b, b.all(ours), record.Incident, 180*oneDay)
	wantKeptFor(b, b.all(ours), record.Thread, 180*oneDay)
	wantKeptFor(b, b.all(others[0]), record.Alert, 35*oneDay)
	wantKeptFor(b, b.all(others[0]), record.Incident, 180*oneDay)
	wantKeptFor(b, b.all(others[0]), record.Thread, 180*oneDay)
}

func TestHowLongWhatIsKeptOfADeletionIsKept(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(b *bench)
		want time.Duration
	}{
		{"requested", func(b *bench) { b.stuckAsRequested(ours) }, forEver},
		{"scheduled", requestScheduled, forEver},
		{"started", func(b *bench) {
			b.happens(ours, "flag@1")
			b.run()
			requestScheduled(b)
			b.purge.Keepers = []deletion.Keeper{{Place: "a place", Forget: failing}}
			b.passes(grace)
			b.workOnce()
		}, forEver},
		{"finished", requestFinished, retention},
		{"held", requestHeld, forEver},
		{"held", func(b *bench) { b.requiresWith(ours, 10, odd); b.run() }, forEver},
		{"closed", func(b *bench) {
			requestHeld(b)
			if err := closeWith("done")(b, b.onlyCase().Value.ID); err != nil {
				b.Fatal(err)
			}
		}, retention},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			tt.set(b)
			if state := b.onlyCase().Value.State; string(state) != tt.name {
				t.Fatalf("it is %s", state)
			}
			wantKeptFor(b, b.ofDeletions(record.Deletion), record.Deletion, tt.want)
		})
	}
}

func TestASupersededRequestIsKeptForItsTime(t *testing.T) {
	b := newBench(t, nil)
	requestSuperseded(b)
	for _, entry := range b.cases() {
		if entry.Value.State == deletion.Superseded && entry.Expires.Sub(entry.Value.RequestedAt) != retention {
			t.Errorf("it is kept for %s", entry.Expires.Sub(entry.Value.RequestedAt))
		}
	}
}

// A tombstone that expired when the purge is due would let in what a redrive brings.
func TestATombstoneOutlivesThePurgeByTheRecordsTime(t *testing.T) {
	b := newBench(t, nil)
	requestScheduled(b)
	wantKeptFor(b, b.ofDeletions(record.Tombstone), record.Tombstone, grace+retention)
	b.graceEnds()
	b.happens(ours, "flag@11") // it is announced that the connection is back
	b.run()
	wantKeptFor(b, b.ofDeletions(record.Tombstone), record.Tombstone, retention)
}

func TestWhatIsKeptOfNoticesIsKeptAsOfAlerts(t *testing.T) {
	b := newBench(t, nil)
	requestScheduled(b)
	wantKeptFor(b, b.ofDeletions(record.Alert), record.Alert, 35*oneDay)
	wantKeptFor(b, b.ofDeletions(record.Incident), record.Incident, forEver)
	wantKeptFor(b, b.ofDeletions(record.Thread), record.Thread, 180*oneDay)
}
