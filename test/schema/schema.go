// Package schema holds what is stored to samples of every version of its schema: records wait across releases, and what any
// release wrote must stay readable. Where a field is renamed or a version added, a sample tells.
package schema

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/testkit/memory"
)

var update = flag.Bool("update-schema", false, "write the samples of the newest schema version anew")

// CheckRecord holds a record's content to its samples, testdata/record-<version>-<kind>.json. Every field of value is set.
func CheckRecord[T any](t *testing.T, kind record.Kind, value T) {
	t.Helper()
	written := writes(t, kind, value)
	newest := path(record.SchemaVersion, kind)
	if *update {
		if err := os.WriteFile(newest, append(written, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for version := 1; version <= record.SchemaVersion; version++ {
		sample, err := os.ReadFile(path(version, kind))
		if err != nil {
			t.Fatalf("there is no sample of version %d: run the test with -update-schema: %v", version, err)
		}
		read, err := record.Decode[T](record.Record{Key: record.Key{Kind: kind}, Data: sample})
		if err != nil {
			t.Fatalf("version %d is not readable any more: %v", version, err)
		}
		if diff := cmp.Diff(value, read.Value); diff != "" {
			t.Errorf("version %d is read as something else (-want +got):\n%s", version, diff)
		}
	}
	sample, err := os.ReadFile(newest)
	if err != nil || string(sample) != string(written)+"\n" {
		t.Errorf("what is written today is not version %d's sample: raise record.SchemaVersion, and keep the older sample: %v\n%s",
			record.SchemaVersion, err, written)
	}
}

func path(version int, kind record.Kind) string {
	return filepath.Join("testdata", fmt.Sprintf("record-%d-%s.json", version, kind))
}

// writes is the content as it is stored.
func writes[T any](t *testing.T, kind record.Kind, value T) []byte {
	t.Helper()
	store, key := memory.NewRecords().Deletions, record.Key{Kind: kind, ID: "sample"}
	if _, err := record.Save(t.Context(), store, record.Entry[T]{Record: record.Record{Key: key}, Value: value}); err != nil {
		t.Fatal(err)
	}
	stored, err := store.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return stored.Data
}
