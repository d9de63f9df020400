package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/fault"
)

// wantTrouble expects a failure that may pass, with the trouble, and a text that names the path and the remedy.
func wantTrouble(t *testing.T, doing string, err error, want Trouble, path string) {
	t.Helper()
	told, ok := errors.AsType[*StorageError](err)
	if !ok || told.Trouble != want || told.Path != path {
		t.Fatalf("%s: %v; want %s of %s", doing, err, want, path)
	}
	if failure := fault.Of(err); failure.Class != fault.Transient || failure.Reason != string(want) {
		t.Errorf("%s: the failure is %s, %s; want one that may pass, with the trouble as its reason", doing, failure.Class, failure.Reason)
	}
	for _, text := range []string{path, told.Remedy()} {
		if text == "" || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: the error %q does not name %q", doing, err, text)
		}
	}
}

// writes are the calls that change something; what they answer is kept.
func writes(t *testing.T, engine *Engine) map[string]error {
	t.Helper()
	_, claimed := engine.Ledger.Claim(t.Context(), crashClaim("one"))
	_, _, received := engine.Queues.Receive(t.Context(), queue.Slack, time.Minute)
	return map[string]error{
		"claim":   claimed,
		"mark":    engine.Ledger.MarkHandedOff(t.Context(), "claimed before", "child", time.Now(), time.Now().Add(time.Hour)),
		"send":    engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: "one"}),
		"receive": received,
		"probe":   engine.Probe(t.Context()),
	}
}

func TestNothingIsAnsweredAsStoredOnceTheFolderIsNotInItsPlace(t *testing.T) {
	rename := func(from, to string) error { return os.Rename(from, to) }
	tests := []struct {
		name    string
		change  func(dir string) error
		missing string // the file whose absence or difference is told
		restore func(dir string) error
	}{
		{name: "renamed", change: func(dir string) error { return rename(dir, dir+"-away") },
			restore: func(dir string) error { return rename(dir+"-away", dir) }},
		{name: "removed", change: os.RemoveAll},
		{name: "replaced by an empty folder", change: func(dir string) error {
			return errors.Join(rename(dir, dir+"-away"), os.Mkdir(dir, 0o700))
		}, restore: func(dir string) error { return errors.Join(os.Remove(dir), rename(dir+"-away", dir)) }},
		{name: "replaced by a copy", change: func(dir string) error {
			return errors.Join(rename(dir, dir+"-away"), os.CopyFS(dir, os.DirFS(dir+"-away")))
		}, restore: func(dir string) error { return errors.Join(os.RemoveAll(dir), rename(dir+"-away", dir)) }},
		{name: "without its database", change: func(dir string) error { return os.Remove(filepath.Join(dir, fileName)) }},
		{name: "without its log", change: func(dir string) error { return os.Remove(filepath.Join(dir, fileName+"-wal")) },
			missing: fileName + "-wal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			engine, err := Open(t.Context(), dir, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = engine.Close() }() // there may be nothing to write to
			if _, err := engine.Ledger.Claim(t.Context(), crashClaim("claimed before")); err != nil {
				t.Fatal(err)
			}
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			for call, err := range writes(t, engine) {
				told, ok := errors.AsType[*StorageError](err)
				if !ok {
					t.Fatalf("%s: %v; want a StorageError", call, err)
				}
				wantTrouble(t, call, err, Moved, told.Path)
				if filepath.Dir(told.Path) != dir || !strings.HasSuffix(told.Path, test.missing) {
					t.Errorf("%s: the file is %s, want one of %s", call, told.Path, dir)
				}
			}
			if test.restore == nil {
				return
			}
			if err := test.restore(dir); err != nil {
				t.Fatal(err)
			}
			if err := engine.Probe(t.Context()); err != nil {
				t.Errorf("once it is in its place again: %v", err)
			}
		})
	}
}

// pragma sets the writer so that SQLite answers as it does when the storage is that way.
func pragma(t *testing.T, engine *Engine, pragma string) {
	t.Helper()
	if _, err := sessionOf(t, engine).exec("PRAGMA " + pragma); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskIsTold(t *testing.T) {
	dir := t.TempDir()
	engine := openTest(t, dir, time.Now)
	pragma(t, engine, "max_page_count = 1") // as many as there are
	err := engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: strings.Repeat("a", 1<<20)})
	wantTrouble(t, "send", err, Full, filepath.Join(dir, fileName))
	wantTrouble(t, "probe", engine.Probe(t.Context()), Full, filepath.Join(dir, fileName))
	pragma(t, engine, "max_page_count = 1000000")
	if err := engine.Probe(t.Context()); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}

func TestAReadOnlyDiskIsTold(t *testing.T) {
	dir := t.TempDir()
	engine := openTest(t, dir, time.Now)
	if _, err := engine.Ledger.Claim(t.Context(), crashClaim("claimed before")); err != nil {
		t.Fatal(err)
	}
	mustSend(t, engine, queue.Slack, "one")
	pragma(t, engine, "query_only = ON")
	for call, err := range writes(t, engine) {
		wantTrouble(t, call, err, ReadOnly, filepath.Join(dir, fileName))
	}
}

func TestAProbeTakesThePlaceOfTheOneBefore(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	for range 3 {
		if err := engine.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, engine, "probe"); got != 1 {
		t.Errorf("there are %d rows, want 1", got)
	}
}

// closedDatabase makes a database with many messages and returns its path.
func closedDatabase(t *testing.T, dir string) (path string) {
	t.Helper()
	engine, err := Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for number := range 100 {
		mustSend(t, engine, queue.Digest, strings.Repeat(fmt.Sprint(number), 500))
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, fileName)
}

func TestADamagedDatabaseIsToldWhenItIsOpened(t *testing.T) {
	const page = 4096
	tests := []struct {
		name   string
		damage func(content []byte) []byte
	}{
		{"cut off in the middle", func(content []byte) []byte { return content[:len(content)/2] }},
		{"cut off within a page", func(content []byte) []byte { return content[:len(content)-page/2] }},
		{"overwritten", func(content []byte) []byte { return bytes.Repeat([]byte("garbage "), len(content)/8) }},
		{"with another head", func(content []byte) []byte { return append([]byte("SQLite format 4\x00"), content[16:]...) }},
		{"with a page of nothing", func(content []byte) []byte {
			clear(content[len(content)-page:])
			return content
		}},
		{"with a flipped bit in a page's head", func(content []byte) []byte {
			content[3*page] ^= 0x08
			return content
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := closedDatabase(t, dir)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, test.damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			engine, err := Open(t.Context(), dir, time.Now)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open succeeded"), engine.Close()))
			}
			wantTrouble(t, "open", err, Damaged, path)
		})
	}
}

func TestDamageWhileItIsOpenIsTold(t *testing.T) {
	dir := t.TempDir()
	path := closedDatabase(t, dir)
	engine, err := Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = engine.Close() }()
	for _, s := range connections(engine) {
		if _, err := s.exec("PRAGMA shrink_memory"); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size())-4096), 4096); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, read := engine.Queues.Browse(t.Context(), queue.Digest, 10, "")
	wantTrouble(t, "browse", read, Damaged, path)
	wantTrouble(t, "send", engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: "one"}), Damaged, path)
}

func TestOpenRefusesAFolderThatIsNotOursAlone(t *testing.T) {
	const another = 12345
	if os.Getuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	tests := []struct {
		name   string
		change func(dir string) error
		file   string
	}{
		{name: "made by another user", change: func(dir string) error { return os.Chown(dir, another, another) }},
		{name: "its group may write", change: func(dir string) error { return os.Chmod(dir, 0o770) }},
		{name: "everybody may write", change: func(dir string) error { return os.Chmod(dir, 0o707) }},
		{name: "with a secret of another user", file: "webhook-secret", change: func(dir string) error {
			path := filepath.Join(dir, "webhook-secret")
			return errors.Join(os.WriteFile(path, []byte("known"), 0o600), os.Chown(path, another, another))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			engine, err := Open(t.Context(), dir, time.Now)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open succeeded"), engine.Close()))
			}
			wantTrouble(t, "open", err, Foreign, filepath.Join(dir, test.file))
			if _, err := os.Stat(filepath.Join(dir, fileName)); err == nil {
				t.Error("a database was made there")
			}
		})
	}
}

// Each of SQLite's and the system's errors that comes from the storage is told as what it is; others are left alone.
func TestTroubleOfCode(t *testing.T) {
	for code, want := range map[int]Trouble{
		13: Full, 8: ReadOnly, 8 | 4<<8: ReadOnly, 11: Damaged, 26: Damaged, 14: Forbidden, 3: Forbidden, 10: Failing, 10 | 4<<8: Failing,
		1: "", 5: "", 19: "",
	} {
		if got, ok := troubleOfCode(code); got != want || ok != (want != "") {
			t.Errorf("the code %d is %q, %t; want %q", code, got, ok, want)
		}
	}
}

func TestReopenFreesTheDeliveriesThatAProcessHadClaimed(t *testing.T) {
	dir := t.TempDir()
	before := openTest(t, dir, time.Now)
	for _, id := range []string{"claimed", "handed off"} {
		if _, err := before.Ledger.Claim(t.Context(), crashClaim(id)); err != nil {
			t.Fatal(err)
		}
	}
	claim := crashClaim("handed off")
	if err := before.Ledger.MarkHandedOff(t.Context(), "handed off", claim.Owner, claim.Now, claim.Expires); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	after := openTest(t, dir, time.Now)
	again := crashClaim("claimed")
	again.Owner = "the next process"
	if standing, err := after.Ledger.Claim(t.Context(), again); err != nil || standing != nil {
		t.Errorf("the claim meets %+v, %v; want it taken over", standing, err)
	}
	claim.Owner = again.Owner
	standing, err := after.Ledger.Claim(t.Context(), claim)
	if err != nil || standing == nil || standing.State != ingest.HandedOff {
		t.Errorf("the claim of what was handed off meets %+v, %v; want it handed off still", standing, err)
	}
}
