package recorder

import (
	"os"
	"path/filepath"
	"testing"
)

// A disk that is full takes a part of a line; what comes after it is on a line of its own all the same.
func TestAHalfWrittenLineDoesNotSpoilTheNext(t *testing.T) {
	j := &journal{path: filepath.Join(t.TempDir(), fileName)}
	if err := j.open(); err != nil {
		t.Fatal(err)
	}
	defer j.file.Close()
	if err := j.append([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.WriteString("tw"); err != nil {
		t.Fatal(err)
	}
	j.torn = true
	if err := j.append([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(j.path); err != nil || string(content) != "one\nthree\n" {
		t.Errorf("the file holds %q, %v", content, err)
	}
}
