//go:build unix

package private_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"revento-alerts/shared/ground/private"
)

func TestWhatIsWrittenIsReadByItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"a longer content", "short"} {
		if err := private.Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := private.Read(path); err != nil || string(got) != content {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestWhatIsNotThereIsSaidToBeSo(t *testing.T) {
	if _, err := private.Read(filepath.Join(t.TempDir(), "file")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read: %v", err)
	}
}

// A crash between the writing and the renaming leaves the file without its name.
func TestWhatACrashLeftBehindIsNotInTheWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path+".new", []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := private.Write(path, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if got, err := private.Read(path); err != nil || string(got) != "whole" {
		t.Errorf("read %q, %v", got, err)
	}
}

// Each is something that another user of the machine, or a careless one, could have made under the name before.
func TestWhatIsNotThisUsersAloneIsRefusedWithItsNameAndRemedy(t *testing.T) {
	const stranger = 4711
	tests := []struct {
		name  string
		make  func(path string) error
		says  string
		asker int // the user that this takes; -1: any
	}{
		{"readable by others", func(path string) error { return os.Chmod(path, 0o604) }, "chmod 600 ", -1},
		{"writable by the group", func(path string) error { return os.Chmod(path, 0o620) }, "mode is 0620", -1},
		{"a symbolic link", func(path string) error { return os.Symlink(path+".real", path+".link") }, "symbolic link", -1},
		{"a named pipe", func(path string) error { return syscall.Mkfifo(path+".link", 0o600) }, "no regular file", -1},
		{"a folder", func(path string) error { return os.Mkdir(path+".link", 0o700) }, "no regular file", -1},
		{"another user's", func(path string) error { return os.Chown(path, stranger, stranger) }, "belongs to the user with the id 4711", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.asker >= 0 && os.Geteuid() != test.asker {
				t.Skip("only root can give a file away")
			}
			path := filepath.Join(t.TempDir(), "file")
			for _, name := range []string{path, path + ".real"} {
				if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Lstat(path + ".link"); err == nil {
				path += ".link"
			}
			_, reading := private.Read(path)
			opened, appending := private.Open(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY)
			if opened != nil {
				t.Errorf("opened: %v", opened.Close())
			}
			for what, err := range map[string]error{"Read": reading, "Open": appending, "Write": private.Write(path, nil)} {
				if !errors.As(err, new(*private.Refusal)) || !strings.Contains(err.Error(), path+" ") || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}
