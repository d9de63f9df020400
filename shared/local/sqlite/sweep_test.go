package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/conformance"
)

func TestDepthCountsWhatWaitsAndWhatIsInFlight(t *testing.T) {
	clock := conformance.NewClock()
	engine := openTest(t, t.TempDir(), clock.Now)
	mustSend(t, engine, queue.Slack, "one", "two", "three")
	if err := engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: "delayed", Delay: time.Minute}); err != nil {
		t.Fatal(err)
	}
	mustReceive(t, engine, queue.Slack, "one")
	for name, want := range map[queue.Name][2]int{queue.Slack: {2, 1}, queue.Digest: {1, 0}, queue.Purge: {0, 0}} {
		waiting, inFlight, err := engine.Queues.Depth(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{waiting, inFlight}; got != want {
			t.Errorf("%s: waiting and in flight are %v, want %v", name, got, want)
		}
	}
}

// rows counts a table's rows.
func rows(t *testing.T, engine *Engine, table string) int {
	t.Helper()
	count, err := do(t.Context(), engine, func(s *session) (count int, err error) {
		err = s.row("SELECT count(*) FROM "+table, nil, &count)
		return count, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestSweepRemovesWhatHasExpiredAndNothingElse(t *testing.T) {
	clock := conformance.NewClock()
	engine := openRunning(t, t.TempDir(), clock)
	for id, kept := range map[string]time.Duration{"soon": time.Minute, "later": time.Hour} {
		expires := clock.Now().Add(kept)
		if _, err := engine.Ledger.Claim(t.Context(), ingest.Claim{DeliveryID: id, Now: clock.Now(), Expires: expires}); err != nil {
			t.Fatal(err)
		}
		rec := record.Record{Key: record.Key{ID: id}, Expires: expires, Data: []byte("{}")}
		if err := errors.Join(engine.Records.Put(t.Context(), rec), engine.Deletions.Put(t.Context(), rec)); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Records.Put(t.Context(), record.Record{Key: record.Key{ID: "for good"}, Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	mustSend(t, engine, queue.Slack, "one")
	clock.Advance(queue.DeduplicationInterval)
	mustSend(t, engine, queue.Slack, "two")

	if err := engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{"delivery": 1, "record": 2, "deletion": 1, "deduplication": 1, "message": 2} {
		if got := rows(t, engine, table); got != want {
			t.Errorf("table %s has %d rows after the sweep, want %d", table, got, want)
		}
	}
}

func TestWhatWasDeletedIsNotInTheFilesAfterASweep(t *testing.T) {
	dir := t.TempDir()
	engine := openTest(t, dir, time.Now)
	text := "a text that nobody should find again"
	mustSend(t, engine, queue.Digest, text, "another")
	received := mustReceive(t, engine, queue.Digest, text)
	if err := engine.Queues.Delete(t.Context(), queue.Digest, received.Handle); err != nil {
		t.Fatal(err)
	}
	if err := engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wal, err := os.Stat(filepath.Join(dir, fileName+"-wal")) // the log had the text in it
	if err != nil {
		t.Fatal(err)
	}
	if wal.Size() != 0 {
		t.Errorf("the log has %d bytes after the sweep, want none", wal.Size())
	}
	if err := engine.Close(); err != nil { // the file is not opened before: closing it would end the engine's lock
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte(text)) || !bytes.Contains(content, []byte("another")) {
		t.Error("the file should hold the message that waits, and not the deleted one")
	}
}

func TestSweepRemovesMoreThanOneBatch(t *testing.T) {
	clock := conformance.NewClock()
	engine := openRunning(t, t.TempDir(), clock)
	_, err := do(t.Context(), engine, func(s *session) (struct{}, error) {
		var failures error
		for number := range 2*sweepBatch + 1 {
			_, err := remember(s, queue.Slack, strconv.Itoa(number), clock.Now())
			failures = errors.Join(failures, err)
		}
		return struct{}{}, failures
	})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(queue.DeduplicationInterval)
	if err := engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, engine, "deduplication"); got != 0 {
		t.Errorf("%d ids are left, want none", got)
	}
}
