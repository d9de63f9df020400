package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/testkit/conformance"
)

// writeVersion1 makes a database as version 1 left it, with a row in each table.
func writeVersion1(t *testing.T, dir string, now time.Time) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	at, expires := stamp(now), stamp(now.Add(time.Hour))
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{schema, nil},
		{"PRAGMA user_version = 1", nil},
		{"INSERT INTO delivery VALUES ('one', 'handed_off', 'me', 'an event', ?, ?)", []any{at, expires}},
		{"INSERT INTO record VALUES ('evt_1/org_1', 'alert#a', 1, ?, NULL, x'7b7d')", []any{at}},
		{"INSERT INTO deduplication VALUES ('slack', 'b', ?)", []any{expires}},
		{"INSERT INTO message VALUES (1, 'slack', 'group', 1, 0, 0, ?1, ?1, 'b', '{}', 'a message')", []any{at}},
	} {
		if _, err := db.ExecContext(t.Context(), statement.query, statement.args...); err != nil {
			t.Fatalf("%s: %v", statement.query, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseOfVersion1OpensAndKeepsWhatCanBeUsed(t *testing.T) {
	dir := t.TempDir()
	clock := conformance.NewClock()
	writeVersion1(t, dir, clock.Now())
	engine := openTest(t, dir, clock.Now)

	want := ingest.Entry{
		DeliveryID: "one", State: ingest.HandedOff, Lease: lease.Take("me", clock.Now(), 0), Identity: "an event",
		Expires: clock.Now().Add(time.Hour),
	}
	found, err := engine.Ledger.Find(t.Context(), "one", clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the delivery (-want +got):\n%s", diff)
	}
	standing, err := engine.Ledger.Claim(t.Context(), ingest.Claim{DeliveryID: "one", Identity: "an event", Now: clock.Now()})
	if err != nil || standing == nil || standing.State != ingest.HandedOff {
		t.Errorf("a claim meets %+v, %v; want the delivery handed off", standing, err)
	}
	if got := rows(t, engine, "record"); got != 0 {
		t.Errorf("%d records are left, want none: nothing finds them any more", got)
	}
	if got := rows(t, engine, "deduplication"); got != 1 {
		t.Errorf("%d deduplication ids are left, want 1", got)
	}
	mustReceive(t, engine, queue.Slack, "a message")
}

func TestAMigratedDatabaseIsMigratedOnce(t *testing.T) {
	dir := t.TempDir()
	clock := conformance.NewClock()
	writeVersion1(t, dir, clock.Now())
	for range 2 {
		engine, err := Open(t.Context(), dir, clock.Now)
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, engine, "delivery"); got != 1 {
			t.Errorf("%d deliveries are there, want 1", got)
		}
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
