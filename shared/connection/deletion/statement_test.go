package deletion_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/test/golden"
)

// Each case is a deletion as it comes to be, and the file that shows its statement.
var statements = []struct {
	golden string
	set    func(b *bench)
}{
	{"scheduled.txt", func(b *bench) { b.happens(ours, "flag@1"); b.run(); requestScheduled(b) }},
	{"requested.txt", func(b *bench) { b.stuckAsRequested(ours) }},
	{"finished.txt", func(b *bench) { b.happens(ours, "flag@1", "flag app_2@11"); b.run(); requestFinished(b) }},
	{"finished-one-machine.txt", func(b *bench) {
		b.purge.Keepers, b.purge.Messages = deletion.OnMachine(memory.NewLedger(), b.queues, windows), b.slack
		b.happens(ours, "flag@1")
		b.run()
		requestFinished(b)
	}},
	{"finished-forward.txt", func(b *bench) {
		requestScheduled(b)
		if err := now(b, b.onlyCase().Value.ID); err != nil {
			b.Fatal(err)
		}
		b.run()
	}},
	{"finished-late.txt", func(b *bench) { b.losesItsSchedule(ours); b.passes(grace + 30*oneDay); b.sweeps() }},
	{"held.txt", requestHeld},
	{"held-null.txt", func(b *bench) { b.requires(record.Connection{}, 10); b.run() }},
	{"closed.txt", func(b *bench) {
		requestHeld(b)
		if err := closeWith("Deleted by hand,\nsee ticket 7.\x1b[31m")(b, b.onlyCase().Value.ID); err != nil {
			b.Fatal(err)
		}
	}},
	{"held-stopped.txt", func(b *bench) { b.happens(ours, "flag@1"); b.run(); b.requiresWith(ours, 10, odd); b.run() }},
	{"confirmed.txt", func(b *bench) {
		b.requiresWith(ours, 10, odd)
		b.run()
		if err := now(b, b.onlyCase().Value.ID); err != nil {
			b.Fatal(err)
		}
		b.run()
	}},
	{"repeated.txt", func(b *bench) {
		requestFinished(b)
		if err := now(b, b.onlyCase().Value.ID); err != nil {
			b.Fatal(err)
		}
		b.run()
	}},
	{"held-type.txt", func(b *bench) {
		b.handOff(b.delivery("odd", "data.export_required", ours, noon, `{}`), "")
		b.run()
	}},
	{"superseded.txt", requestSuperseded},
	{"hostile.txt", func(b *bench) { b.requires(hostile, 10); b.run() }},
}

// hostile are ids that would draw on a terminal, or break a table.
var hostile = record.Connection{EventID: "evt\x1b[2J\x07\t1", OrganizationID: "org\n\u202e\u2028b 1"}

func TestStatements(t *testing.T) {
	for _, tt := range statements {
		t.Run(tt.golden, func(t *testing.T) {
			b := newBench(t, nil)
			tt.set(b)
			var out bytes.Buffer
			if err := deletion.WriteStatement(&out, b.cases()[0].Value, stack); err != nil {
				t.Fatal(err)
			}
			golden.Want(t, filepath.Join("statement", tt.golden), out.String())
		})
	}
}

func TestTheList(t *testing.T) {
	b := newBench(t, nil)
	wantList(b, "list-empty.txt")
	b.requires(ours, 10)
	for _, connection := range []record.Connection{others[0], {}, hostile} {
		b.passes(time.Hour)
		b.requires(connection, 10)
	}
	b.run()
	b.passes(grace - 2*time.Hour)
	b.run()
	wantList(b, "list.txt")
}

func wantList(b *bench, file string) {
	b.Helper()
	var out bytes.Buffer
	if err := deletion.WriteList(&out, values(b.cases())); err != nil {
		b.Fatal(err)
	}
	golden.Want(b, file, out.String())
}

// full is a writer that takes nothing more after some bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, os.ErrClosed
	}
	f.left -= len(p)
	return len(p), nil
}

func TestAStatementThatCannotBeWrittenIsNoProof(t *testing.T) {
	b := newBench(t, nil)
	requestFinished(b)
	var whole strings.Builder
	if err := deletion.WriteStatement(&whole, b.onlyCase().Value, stack); err != nil {
		t.Fatal(err)
	}
	for size := range whole.Len() {
		if err := deletion.WriteStatement(&full{size}, b.onlyCase().Value, stack); err == nil {
			t.Fatalf("%d of %d bytes were written, and nobody was told", size, whole.Len())
		}
	}
}

func values(entries []deletion.Entry) []deletion.Case {
	cases := make([]deletion.Case, len(entries))
	for i, entry := range entries {
		cases[i] = entry.Value
	}
	return cases
}
