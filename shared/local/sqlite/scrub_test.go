package sqlite

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

const (
	doomed = "a-doomed-text" // in all that is deleted
	lasts  = "a-kept-text"
)

// forms are how a text may stand in a file: as it is, and in base64, with each number of bytes before it.
func forms(text string) [][]byte {
	all := [][]byte{[]byte(text)}
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", before) + text))
		all = append(all, []byte(encoded[4:len(encoded)-4])) // without what is made of its neighbours too
	}
	return all
}

// count returns how often the texts are in the files of the data folder.
func count(t *testing.T, dir string) (doomedTexts, keptTexts int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the data folder holds %v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file) // which ends the engine's locks on an open file; nobody else wants them here
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range forms(doomed) {
			doomedTexts += bytes.Count(content, form)
		}
		for _, form := range forms(lasts) {
			keptTexts += bytes.Count(content, form)
		}
	}
	return doomedTexts, keptTexts
}

// tables is what puts a row with a text of some size into each table, and takes it out again.
var tables = map[string]struct {
	put    func(s *session, key, text string) error
	remove string
}{
	"delivery": {put: func(s *session, key, text string) error {
		entry := ingest.Entry{DeliveryID: key, Identity: revento.Identity(text), Lease: lease.Lease{Owner: text}}
		_, err := put(s, entry, "1", time.Unix(1, 0))
		return err
	}, remove: "DELETE FROM delivery WHERE id = ?"},
	"record": {put: func(s *session, key, text string) error {
		_, err := s.exec(`INSERT INTO record (connection, sort, version, occurred_at, data, pending) VALUES (?, ?, 1, '', ?, ?)
			ON CONFLICT DO UPDATE SET data = excluded.data`, key, key, []byte(text), key)
		return err
	}, remove: "DELETE FROM record WHERE connection = ?"},
	"deletion": {put: func(s *session, key, text string) error {
		_, err := s.exec(`INSERT INTO deletion (connection, sort, version, occurred_at, data) VALUES (?, ?, 1, '', ?)
			ON CONFLICT DO UPDATE SET data = excluded.data`, key, key, []byte(text))
		return err
	}, remove: "DELETE FROM deletion WHERE connection = ?"},
	"schedule": {put: func(s *session, key, text string) error {
		_, err := s.exec("INSERT INTO schedule (name, at, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", key, key, text)
		return err
	}, remove: "DELETE FROM schedule WHERE name = ?"},
	"message": {put: func(s *session, key, text string) error {
		if _, err := s.exec(removeGroup, key); err != nil {
			return err
		}
		number, _, _ := strings.Cut(key, "-")
		return enqueue(s, queue.Slack, queue.Message{Body: text, Group: key, DeduplicationID: number}, time.Unix(1, 0))
	}, remove: removeGroup},
	"deduplication": {put: func(s *session, key, _ string) error {
		_, err := remember(s, queue.PagerDuty, key, time.Unix(1, 0))
		return err
	}, remove: "DELETE FROM deduplication WHERE queue = 'pagerduty' AND id = ?"},
}

const removeGroup = "DELETE FROM message WHERE queue = 'slack' AND group_id = ? AND group_id <> ''"

// fill writes rows in no order and of all sizes into each table, again and again, so that SQLite moves them from page to page,
// and removes those with the doomed text.
func fill(t *testing.T, engine *Engine, random *rand.Rand) {
	t.Helper()
	_, err := do(t.Context(), engine, func(s *session) (none struct{}, err error) {
		for table, is := range tables {
			keys := []string{}
			for range 500 {
				text := lasts
				if random.IntN(2) == 0 {
					text = doomed
				}
				keys = append(keys, fmt.Sprintf("%d-%s", random.Uint64(), text))
				for _, key := range []string{keys[len(keys)-1], keys[random.IntN(len(keys))]} {
					if err := is.put(s, key, content(random, key)); err != nil {
						return none, fmt.Errorf("%s: %w", table, err)
					}
				}
			}
			for _, key := range keys {
				if !strings.HasSuffix(key, doomed) {
					continue
				}
				if _, err := s.exec(is.remove, key); err != nil {
					return none, fmt.Errorf("%s: %w", table, err)
				}
			}
		}
		return none, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// content is the key's text, many times, for every tenth more than a page holds; for half of them in base64.
func content(random *rand.Rand, key string) string {
	_, text, _ := strings.Cut(key, "-")
	times := 1 + random.IntN(40)
	if random.IntN(10) == 0 {
		times *= 10
	}
	repeated := strings.Repeat(text, times)
	if random.IntN(2) == 0 {
		return base64.StdEncoding.EncodeToString([]byte(repeated))
	}
	return repeated
}

func TestScrubLeavesNothingOfWhatWasDeletedInTheFiles(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			engine := openTest(t, dir, time.Now)
			fill(t, engine, rand.New(rand.NewPCG(seed, 4)))
			kept := map[string]int{}
			for table := range tables {
				kept[table] = rows(t, engine, table)
			}
			if err := engine.alone(t.Context(), truncateLog); err != nil {
				t.Fatal(err)
			}
			if found, _ := count(t, dir); found == 0 {
				t.Error("nothing is left of what was deleted before the scrub already: the test shows nothing")
			}
			stop := readForever(t, engine)
			if err := engine.Scrub(t.Context()); err != nil {
				t.Fatal(err)
			}
			stop()
			wantScrubbed(t, dir, "after the scrub")
			mustSend(t, engine, queue.Digest, "one")
			mustReceive(t, engine, queue.Digest, "one")
			if err := engine.Close(); err != nil {
				t.Fatal(err)
			}
			wantScrubbed(t, dir, "after Close")
			wantWhole(t, openTest(t, dir, time.Now), kept)
		})
	}
}

func wantScrubbed(t *testing.T, dir, when string) {
	t.Helper()
	if found, kept := count(t, dir); found > 0 || kept == 0 {
		t.Errorf("%s: %d copies of what was deleted and %d of what was not", when, found, kept)
	}
}

// wantWhole expects the rows, and a database that SQLite finds no fault with.
func wantWhole(t *testing.T, engine *Engine, kept map[string]int) {
	t.Helper()
	for table, want := range kept {
		if got := rows(t, engine, table); got < want || want == 0 {
			t.Errorf("table %s has %d rows, want %d", table, got, want)
		}
	}
	var fault string
	if err := sessionOf(t, engine).row("PRAGMA integrity_check(1)", nil, &fault); err != nil || fault != "ok" {
		t.Errorf("the database: %s, %v", fault, err)
	}
}

// readForever reads until the result is called, from as many goroutines as there are readers.
func readForever(t *testing.T, engine *Engine) (stop func()) {
	t.Helper()
	ended, failures := make(chan struct{}), make(chan error, readerCount)
	for range readerCount {
		go func() {
			for {
				if _, _, err := engine.Queues.Browse(t.Context(), queue.Slack, 100, ""); err != nil {
					failures <- err
					return
				}
				select {
				case <-ended:
					failures <- nil
					return
				default:
				}
			}
		}()
	}
	return func() {
		close(ended)
		for range readerCount {
			if err := <-failures; err != nil {
				t.Errorf("read: %v", err)
			}
		}
	}
}

// Others' calls come between two steps, and no step holds more than its pages.
func TestAScrubIsDoneInSmallSteps(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	fill(t, engine, rand.New(rand.NewPCG(1, 2)))
	s := sessionOf(t, engine)
	var pages int
	if err := s.row("PRAGMA page_count", nil, &pages); err != nil || pages <= scrubPages {
		t.Fatalf("the database has %d pages, %v", pages, err)
	}
	steps := 0
	for page, more := 1, true; more; page += scrubPages {
		steps++
		s.bytes = 0
		err := s.transaction(func() (err error) {
			more, err = scrub(s, page)
			return err
		})
		if err != nil || s.bytes > scrubPages*4096 {
			t.Fatalf("a step wrote %d bytes, %v", s.bytes, err)
		}
	}
	if want := (pages + scrubPages - 1) / scrubPages; steps != want {
		t.Errorf("there were %d steps, want %d for %d pages", steps, want, pages)
	}
	s.bytes = 0
	if _, err := scrub(s, 1); err != nil || s.bytes != 0 {
		t.Errorf("a second scrub wrote %d bytes, %v; want none", s.bytes, err)
	}
}

func TestOnlyTheGapOfATreesPageIsCleared(t *testing.T) {
	filled := bytes.Repeat([]byte{0xee}, 4096)
	page := func(head int, of ...byte) []byte {
		p := bytes.Clone(filled)
		copy(p[head:], of)
		return p
	}
	tests := []struct {
		name       string
		page       []byte
		isFirst    bool
		start, end int // of the gap
	}{
		{name: "a leaf with three cells", page: page(0, 13, 0, 0, 0, 3, 0x0f, 0x00, 0), start: 8 + 6, end: 0xf00},
		{name: "an index's leaf without cells", page: page(0, 10, 0, 0, 0, 0, 0x10, 0x00, 0), start: 8, end: 4096},
		{name: "a page within a tree", page: page(0, 5, 0, 0, 0, 2, 0x08, 0x00, 0), start: 12 + 4, end: 0x800},
		{name: "a page within an index", page: page(0, 2, 0, 0, 0, 2, 0x08, 0x00, 0), start: 12 + 4, end: 0x800},
		{name: "the first page", page: page(100, 13, 0, 0, 0, 1, 0x0f, 0x00, 0), isFirst: true, start: 108 + 2, end: 0xf00},
		{name: "the rest of a large row, or a free page", page: page(0, 0, 0, 0, 7)},
		{name: "a list of cells that reaches into the cells", page: page(0, 13, 0, 0, 0x0f, 0xff, 0x0f, 0x00, 0)},
		{name: "cells that begin behind the page", page: page(0, 13, 0, 0, 0, 1, 0xff, 0xff, 0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := bytes.Clone(test.page)
			clear(want[test.start:test.end])
			if got := clearGap(test.page, test.isFirst); got != (test.end > 0) || !bytes.Equal(test.page, want) {
				t.Errorf("cleared is %t, and the page is not what it should be", got)
			}
			if clearGap(test.page, test.isFirst) {
				t.Error("a second time there is something to clear")
			}
		})
	}
}
