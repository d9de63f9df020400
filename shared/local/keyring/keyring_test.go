package keyring_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/settings"
)

func naming(path string) settings.Source {
	return func(name string) (string, bool) { return path, name == keyring.Variable }
}

func locate(t *testing.T, path, dataDir string) keyring.File {
	t.Helper()
	file, err := keyring.Locate(naming(path), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheFirstStartMakesAKeyThatLaterOnesKeep(t *testing.T) {
	file := locate(t, filepath.Join(t.TempDir(), "a", "keys"), t.TempDir())
	made, err := file.Keep(false, installation.OnMachine("/data"))
	if err != nil || !made {
		t.Fatalf("made %t, %v", made, err)
	}
	first, err := file.Read()
	if err != nil || len(first.IDs()) != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	if info, err := os.Stat(string(file)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if made, err = file.Keep(true, installation.OnMachine("/data")); err != nil || made {
		t.Errorf("a later start made %t, %v", made, err)
	}
	if again, err := file.Read(); err != nil || !slices.Equal(again.IDs(), first.IDs()) {
		t.Errorf("%v, %v; want %v", again, err, first)
	}
}

// A new key would open nothing of what is sealed, and hide that the old one is gone.
func TestLostKeysAreNeverReplaced(t *testing.T) {
	file := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir())
	made, err := file.Keep(true, installation.OnMachine("/data"))
	if err == nil || made || !strings.Contains(err.Error(), string(file)) || !strings.Contains(err.Error(), keyring.Variable) {
		t.Errorf("made %t, %v", made, err)
	}
	if _, err := os.Stat(string(file)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there: %v", err)
	}
}

func TestKeysAreNeverWithinTheDataFolder(t *testing.T) {
	data, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(elsewhere, "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(data, "keys"), filepath.Join(data, "a", "b", "keys"), filepath.Join(link, "keys"), filepath.Join(link, "a", "keys")} {
		if _, err := keyring.Locate(naming(path), data); err == nil || !strings.Contains(err.Error(), keyring.Variable) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := keyring.Locate(naming(path), link); err == nil {
			t.Errorf("%s is taken for the folder %s", path, link)
		}
	}
	for _, path := range []string{filepath.Join(elsewhere, "keys"), data + "-keys", filepath.Join(filepath.Dir(data), "..keys")} {
		if _, err := keyring.Locate(naming(path), data); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWithoutASettingTheKeysAreInTheUsersConfigurationFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "configuration"))
	file := locate(t, "", t.TempDir())
	if want := filepath.Join(home, "configuration", "revento-alerts", "sealing-keys"); string(file) != want {
		t.Errorf("the keys are in %s, want %s", file, want)
	}
}

func TestANewKeySealsAndTheOldOnesOpen(t *testing.T) {
	file := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir())
	if _, err := file.Keep(false, installation.OnMachine("/data")); err != nil {
		t.Fatal(err)
	}
	before, err := file.Read()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := before.Seal(seal.About{Kind: "token"}, []byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := file.Add()
	if err != nil || len(after.IDs()) != 2 || after.IDs()[1] != before.IDs()[0] {
		t.Fatalf("%v, %v", after, err)
	}
	read, err := file.Read()
	if err != nil || !slices.Equal(read.IDs(), after.IDs()) {
		t.Fatalf("the file has %v, %v; want %v", read, err, after)
	}
	if plain, err := read.Open(seal.About{Kind: "token"}, sealed); err != nil || string(plain) != "kept" || !read.NeedsReseal(sealed) {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestAFileThatIsNoRingIsRefusedAndStays(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "blank": " \n", "half a key": "abc\n"} {
		t.Run(name, func(t *testing.T) {
			file := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir())
			if err := os.WriteFile(string(file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := file.Keep(false, installation.OnMachine("/data")); err == nil || !strings.Contains(err.Error(), string(file)) {
				t.Errorf("kept: %v", err)
			}
			if _, err := file.Add(); err == nil {
				t.Error("a key was added to it")
			}
			if kept, err := os.ReadFile(string(file)); err != nil || string(kept) != text {
				t.Errorf("the file has %q, %v", kept, err)
			}
		})
	}
}

func TestAFileThatOthersReadIsRefused(t *testing.T) {
	file := locate(t, filepath.Join(t.TempDir(), "keys"), t.TempDir())
	if _, err := file.Keep(false, installation.OnMachine("/data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(string(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Keep(false, installation.OnMachine("/data")); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("kept: %v", err)
	}
}
