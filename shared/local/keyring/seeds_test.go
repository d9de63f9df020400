package keyring_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/testkit/conformance"
)

const life connection.Life = "2026-05-09T12:00:00.000000000Z"

var summit = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}

func TestSeedsConformance(t *testing.T) {
	conformance.Seeds(t, func(t *testing.T) mirror.Seeds {
		return locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir()).Seeds()
	}, nil)
}

// Of whom a seed is, its place does not tell, and nobody else reads it.
func TestSeedsLieBesideTheKeysForThisUserAlone(t *testing.T) {
	file := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir())
	if _, err := file.Seeds().Make(t.Context(), summit, life); err != nil {
		t.Fatal(err)
	}
	var found []string
	err := filepath.WalkDir(filepath.Dir(string(file)), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		found = append(found, path)
		return err
	})
	if err != nil || len(found) != 1 || !strings.HasPrefix(found[0], string(file)) || strings.Contains(found[0], "evt_1") {
		t.Errorf("%v, %v", found, err)
	}
}

// A crash, or a full disk, may leave half a seed: nothing was sealed with it.
func TestHalfASeedIsMadeAnew(t *testing.T) {
	seeds := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir()).Seeds()
	if _, err := seeds.Make(t.Context(), summit, life); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(seeds.Place(), "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if seed, err := seeds.Make(t.Context(), summit, life); err != nil || len(seed) != 32 {
		t.Errorf("%x, %v", seed, err)
	}
	if deleted, err := seeds.Delete(t.Context(), summit, life.Began()); err != nil || deleted != 1 {
		t.Errorf("%d, %v", deleted, err)
	}
	if left, err := os.ReadDir(seeds.Place()); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
