package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/conformance"
)

// mustSend sends a message for each body, all of one group in a FIFO queue.
func mustSend(t *testing.T, engine *Engine, name queue.Name, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		message := queue.Message{Body: body}
		if name.IsFIFO() {
			message.Group, message.DeduplicationID = "group", body
		}
		if err := engine.Queues.Send(t.Context(), name, message); err != nil {
			t.Fatal(err)
		}
	}
}

// mustReceive receives a message for an hour and expects its body; "" expects none.
func mustReceive(t *testing.T, engine *Engine, name queue.Name, body string) queue.Received {
	t.Helper()
	received, _, err := engine.Queues.Receive(t.Context(), name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if received.Body != body {
		t.Fatalf("received %q from %s, want %q", received.Body, name, body)
	}
	return received
}

func TestOpenCreatesFolderAndFilesForTheirOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not there", "data")
	mustSend(t, openTest(t, dir, time.Now), queue.Digest, "one")
	folder, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := folder.Mode().Perm(); mode != 0o700 {
		t.Errorf("the folder's mode is %o, want 700", mode)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("the mode of %s is %o, want 600", file.Name(), mode)
		}
	}
	if len(files) != 3 || files[0].Name() != fileName || files[1].Name() != fileName+"-shm" || files[2].Name() != fileName+"-wal" {
		t.Errorf("the folder holds %v, want the database, its log and the log's index", files)
	}
}

func TestOpenLeavesTheModeOfAFolderAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, time.Now)
	folder, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := folder.Mode().Perm(); mode != 0o750 {
		t.Errorf("the folder's mode is %o, want 750 as before", mode)
	}
}

func TestOpenTakesAnyFolderName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?mode=memory#c%20d&é'")
	openTest(t, dir, time.Now)
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFillsAnEmptyFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	engine := openTest(t, dir, time.Now)
	mustSend(t, engine, queue.Digest, "one")
	mustReceive(t, engine, queue.Digest, "one")
}

func TestOpenRefusesASecondEngineAndTheFirstGoesOn(t *testing.T) {
	dir := t.TempDir()
	first := openTest(t, dir, time.Now)
	for range 2 {
		_, err := Open(t.Context(), dir, time.Now)
		if !errors.Is(err, ErrInUse) {
			t.Fatalf("the second Open returned %v, want ErrInUse", err)
		}
		for _, text := range []string{dir, "revento-alerts serve", "--data"} {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("the error %q does not name %q", err, text)
			}
		}
	}
	mustSend(t, first, queue.Digest, "one")
	mustReceive(t, first, queue.Digest, "one")
}

func TestOpenBringsAnOlderDatabaseUpToDate(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	key := record.Key{Kind: record.Alert, ID: "one"}
	rec := record.Record{Key: key, OccurredAt: time.Unix(1, 0).UTC(), Data: []byte(`{}`), Version: 1}
	_, err = db.ExecContext(t.Context(), schema+schemaStory+`
		INSERT INTO record (connection, sort, version, occurred_at, data) VALUES (?, ?, 1, ?, ?);
		PRAGMA user_version = 2;`, rec.Key.Connection.Partition(), rec.Key.Sort(), stamp(rec.OccurredAt), rec.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	engine := openTest(t, dir, time.Now)
	if got, err := engine.Records.Get(t.Context(), rec.Key); err != nil || !cmp.Equal(got, rec) {
		t.Errorf("the record is %+v, %v; want %+v", got, err, rec)
	}
	rec.Version = 0
	if err := engine.Deletions.Put(t.Context(), rec); err != nil {
		t.Errorf("put into the store of deletions: %v", err)
	}
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		dir     string
		want    error
		text    string
	}{
		{name: "a database of a newer version", want: ErrNewerSchema, text: "--data", prepare: func(t *testing.T, dir string) {
			db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 1000"); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a file that is no database", text: "not a database", prepare: func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, fileName), []byte(strings.Repeat("text ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a folder that is a file", dir: "file", text: "not a directory", prepare: func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parent := t.TempDir()
			test.prepare(t, parent)
			dir := filepath.Join(parent, test.dir)
			engine, err := Open(t.Context(), dir, time.Now)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open succeeded"), engine.Close()))
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("the error is %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), dir) {
				t.Errorf("the error %q does not name %q and the folder", err, test.text)
			}
		})
	}
}

func TestReopenShowsUnfinishedMessagesAndLetsDeferredOnesWait(t *testing.T) {
	dir := t.TempDir()
	clock := conformance.NewClock()
	before := openTest(t, dir, clock.Now)
	mustSend(t, before, queue.Slack, "in-flight", "behind-it")
	mustReceive(t, before, queue.Slack, "in-flight")
	mustSend(t, before, queue.PagerDuty, "deferred")
	deferred := mustReceive(t, before, queue.PagerDuty, "deferred")
	if err := before.Queues.ChangeVisibility(t.Context(), queue.PagerDuty, deferred.Handle, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := before.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: "delayed", Delay: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}

	after := openTest(t, dir, clock.Now)
	shown := mustReceive(t, after, queue.Slack, "in-flight")
	if shown.Receives != 2 {
		t.Errorf("the message shows %d receives, want 2: the crashed one counts", shown.Receives)
	}
	mustReceive(t, after, queue.Slack, "")
	mustReceive(t, after, queue.PagerDuty, "")
	mustReceive(t, after, queue.Digest, "")
	clock.Advance(time.Minute)
	mustReceive(t, after, queue.PagerDuty, "deferred")
	mustReceive(t, after, queue.Digest, "delayed")
}

func TestClosedEngine(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	for range 2 {
		if err := engine.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	_, claimErr := engine.Ledger.Claim(t.Context(), ingest.Claim{})
	for call, err := range map[string]error{
		"claim":    claimErr,
		"wait":     engine.Queues.Wait(t.Context(), queue.Slack),
		"schedule": engine.Scheduler.Schedule(t.Context(), "a", time.Now(), "body"),
		"sweep":    engine.Sweep(t.Context()),
		"scrub":    engine.Scrub(t.Context()),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", call, err)
		}
	}
}
