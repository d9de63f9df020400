package pass

import (
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/test/schema"
)

func TestWhatIsStoredStaysReadable(t *testing.T) {
	at := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	schema.CheckRecord(t, record.Pass, stored{
		Life: "2026-05-09T12:00:00.000000000Z", Number: 7, State: Reading, Reason: "http_503", Consented: at, Scope: "event.read participants.read",
		BegunAt: at, StartedAt: at, EndedAt: at, Place: "participants", Cursor: "c2", Pages: 2, Cursors: slices.Concat(hashOf("c1"), hashOf("c2")), Calls: 3, Tries: 1,
		Seen: map[mirror.Thing]int{mirror.Event: 1}, Counting: 100, MarkedAt: at, Failures: 2, Soon: at,
		Last: Complete{Pass: mirror.Pass{Number: 5, StartedAt: at}, Scope: "event.read", Calls: 9, At: at},
		Held: &Held{Pass: 5, Reason: "shrunk", Missing: 9, Known: 30, At: at, AcceptedUntil: at},
	})
}

// A list whose every page leads to another does not hold a connection up for ever.
func TestAListThatDoesNotEnd(t *testing.T) {
	at, _ := placeNamed("participants")
	v := stored{State: Reading, Place: at.name, Pages: maxPages - 2}
	v.advance(at, Page{More: true, Next: "one"}, time.Time{})
	if v.State != Reading || v.Cursor != "one" {
		t.Fatalf("it ended early: %+v", v)
	}
	v.advance(at, Page{More: true, Next: "two"}, time.Time{})
	if v.State != Failed || v.Reason != reasonEndless {
		t.Errorf("%s (%s)", v.State, v.Reason)
	}
}
