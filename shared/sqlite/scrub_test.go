package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
)

const (
	doomed = "a-doomed-text" // in all that is deleted
	lasts  = "a-kept-text"
)

// count returns how often the texts are in the files of the data folder.
func count(t *testing.T, dir string) (doomedTexts, keptTexts int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the data folder holds %v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file) // which ends the engine's lock on an open file; nobody else wants it here
		if err != nil {
			t.Fatal(err)
		}
		doomedTexts += bytes.Count(content, []byte(doomed))
		keptTexts += bytes.Count(content, []byte(lasts))
	}
	return doomedTexts, keptTexts
}

// fill writes records and messages in no order and of all sizes, so that SQLite moves rows from page to page, and deletes
// those with the doomed text.
func fill(t *testing.T, engine *Engine, random *rand.Rand) {
	t.Helper()
	var written []record.Record
	for range 800 {
		rec := record.Record{Key: record.Key{Kind: record.Alert}, OccurredAt: time.Unix(1, 0)}
		rec.Key.Connection.EventID = lasts
		if random.IntN(2) == 0 {
			rec.Key.Connection.EventID = doomed
		}
		rec.Key.ID = fmt.Sprintf("%d %s", random.Uint64(), rec.Key.Connection.EventID)
		written = append(written, rec)
		write(t, engine, random, &written[len(written)-1])
		write(t, engine, random, &written[random.IntN(len(written))])
	}
	for _, rec := range written {
		if rec.Key.Connection.EventID == doomed {
			if deleted, err := engine.Records.Delete(t.Context(), rec.Key, rec.OccurredAt); err != nil || !deleted {
				t.Fatalf("delete returned %t, %v", deleted, err)
			}
		}
	}
	for range 50 {
		mustSend(t, engine, queue.Digest, doomed)
		received := mustReceive(t, engine, queue.Digest, doomed)
		if err := engine.Queues.Delete(t.Context(), queue.Digest, received.Handle); err != nil {
			t.Fatal(err)
		}
	}
}

// write creates or updates the record, with data of another size.
func write(t *testing.T, engine *Engine, random *rand.Rand, rec *record.Record) {
	t.Helper()
	rec.Data = bytes.Repeat([]byte(rec.Key.Connection.EventID), 1+random.IntN(40))
	if err := engine.Records.Put(t.Context(), *rec); err != nil {
		t.Fatal(err)
	}
	rec.Version++
}

func TestScrubLeavesNothingOfWhatWasDeletedInTheFiles(t *testing.T) {
	dir := t.TempDir()
	engine := openTest(t, dir, time.Now)
	fill(t, engine, rand.New(rand.NewPCG(3, 4)))
	if err := engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, _ := count(t, dir); found == 0 {
		t.Error("nothing is left of what was deleted before the scrub already: the test shows nothing")
	}
	if err := engine.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if found, kept := count(t, dir); found > 0 || kept == 0 {
			t.Errorf("%s: %d copies of what was deleted and %d of what was not", when, found, kept)
		}
	}
	check("after the scrub")
	mustSend(t, engine, queue.Slack, "one")
	mustReceive(t, engine, queue.Slack, "one")
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	check("after Close")
	records, err := openTest(t, dir, time.Now).Records.Query(t.Context(), record.Connection{EventID: lasts}, "")
	if err != nil || len(records) != pageSize {
		t.Errorf("there are %d records of the other connection, %v", len(records), err)
	}
}
