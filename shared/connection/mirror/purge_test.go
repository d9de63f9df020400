package mirror_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/conformance"
)

// installed is an installation whose data can be copied while it runs.
type installed struct {
	records   conformance.KeptStore
	deletions conformance.DeletionStore
	seeds     mirror.Seeds
	rings     mirror.Rings
	// backup copies the data, and restored opens the copy, with the seeds and keys as they are then.
	backup   func()
	restored func() *installed
}

func (i *installed) mirror() *mirror.Mirror {
	registry := &connection.Registry{Records: indexed{i.records}, Deletions: i.deletions}
	return &mirror.Mirror{Registry: registry, Records: i.records, Seeds: i.seeds, Rings: i.rings, Now: func() time.Time { return start }}
}

// indexed is a store of which nobody asks what is pending.
type indexed struct{ conformance.KeptStore }

func (indexed) Pending(context.Context, string) iter.Seq2[record.Record, error] { panic("nobody asks") }

// installations are those that need nothing; with the emulators there is a stack's, too.
var installations = map[string]func(t *testing.T) *installed{"one machine": onMachine}

// onMachine has its data in a folder, and its keys and seeds in another.
func onMachine(t *testing.T) *installed {
	data, elsewhere := t.TempDir(), t.TempDir()
	keys, err := keyring.Locate(settings.Source(func(string) (string, bool) { return filepath.Join(elsewhere, "keys"), true }), data)
	if err == nil {
		_, err = keys.Keep(false, installation.OnMachine(data))
	}
	ring, readErr := keys.Read()
	if err != nil || readErr != nil {
		t.Fatal(err, readErr)
	}
	open := func(dir string) *installed {
		engine, err := sqlite.Open(t.Context(), dir, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return &installed{records: engine.Records, deletions: engine.Deletions, seeds: keys.Seeds(), rings: &rings{ring: ring}}
	}
	running, copied := open(data), filepath.Join(t.TempDir(), "copy")
	running.backup = func() { copyFolder(t, data, copied) }
	running.restored = func() *installed {
		restored := filepath.Join(t.TempDir(), "restored")
		copyFolder(t, copied, restored)
		return open(restored)
	}
	return running
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// shown is all that a mirror shows of the participants, as text.
func shown(t *testing.T, m *mirror.Mirror) string {
	t.Helper()
	var text strings.Builder
	for row, err := range m.Rows(t.Context(), summit, mirror.Participant) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%+v\n", row)
	}
	return text.String()
}

// A backup that is restored after the purge holds the rows again, and nobody opens them: not with the keys, not with a seed that is made
// anew, not by reading the records.
func TestABackupThatIsRestoredAfterThePurgeOpensNothing(t *testing.T) {
	for name, install := range installations {
		t.Run(name, func(t *testing.T) {
			running := install(t)
			m := running.mirror()
			b := &bench{T: t, mirror: m}
			b.consent(start.Add(-time.Hour))
			b.read(page(1, mirror.Participant, start, someone, `{"id":"ptp_2","display_name":"CANARY"}`))
			b.hear("application.approved", start, `{"id":"app_CANARY","participant_id":"ptp_CANARY","status":"approved"}`)
			running.backup()
			if before := shown(t, running.restored().mirror()); strings.Count(before, canary) < 2 {
				t.Fatalf("the backup opens nothing before the purge: %s", before)
			}
			c := conformance.Purged(t, running.records, running.deletions, summit, start.Add(time.Hour), deletion.Seeds(running.seeds))
			if c.State != deletion.Finished || c.Found[record.Row] != 2 || c.Found[record.Summary] != 1 || c.Forgotten["seeds of rows"] != 1 {
				t.Errorf("the statement counts %v and %v: %+v", c.Found, c.Forgotten, c)
			}
			if left, err := running.records.Query(t.Context(), summit, ""); err != nil || len(left) != 0 {
				t.Errorf("%d records are left, %v", len(left), err)
			}
			restored := running.restored()
			rows, err := restored.records.QueryKind(t.Context(), summit, record.Row, "")
			if err != nil || len(rows) != 2 {
				t.Fatalf("the backup holds %d rows, %v", len(rows), err)
			}
			if after := shown(t, restored.mirror()); after != "" {
				t.Errorf("it opens %s", after)
			}
			for _, rec := range rows {
				if strings.Contains(string(rec.Data)+rec.Key.ID, canary) {
					t.Errorf("it shows %s", rec.Data)
				}
			}
		})
	}
}

// The purge of a former life takes nothing of the one that a consent began meanwhile, and neither its seed.
func TestAPurgeTakesNothingOfALaterLife(t *testing.T) {
	for name, install := range installations {
		t.Run(name, func(t *testing.T) {
			running := install(t)
			b := &bench{T: t, mirror: running.mirror(), deletions: running.deletions}
			b.consent(start.Add(-time.Hour))
			b.read(page(1, mirror.Participant, start, someone, `{"id":"ptp_2"}`))
			b.stops(start.Add(time.Hour))
			b.consent(start.Add(2 * time.Hour))
			b.read(page(1, mirror.Participant, start.Add(3*time.Hour), someone))
			c := conformance.Purged(t, running.records, running.deletions, summit, start.Add(time.Hour), deletion.Seeds(running.seeds))
			if c.Found[record.Row] != 1 || c.Forgotten["seeds of rows"] != 1 {
				t.Errorf("the statement counts %v and %v", c.Found, c.Forgotten)
			}
			if rows := b.rows(mirror.Participant); len(rows) != 1 || rows[0].Name != canary || b.summary().Total() != 1 {
				t.Errorf("of the later life are left: %+v, %+v", rows, b.summary())
			}
		})
	}
}
