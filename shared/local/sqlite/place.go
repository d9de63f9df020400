package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"revento-alerts/shared/ground/private"
)

// place is the files that hold what was stored, as they were when the engine opened them. The log's index, which SQLite makes
// anew when it is missing, is none of them.
type place map[string]os.FileInfo

// placeOf looks at the files of an open database.
func placeOf(path string) (place, error) {
	p := place{}
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		p[file] = info
	}
	return p, nil
}

// check returns a StorageError where a file is not in its place any more. SQLite goes on with a file that was removed or renamed,
// and so would lose what it stores. https://sqlite.org/howtocorrupt.html (2.4)
func (p place) check() error {
	for file, opened := range p {
		standing, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(opened, standing) {
			return storageFault(file, Moved, err)
		}
		if err != nil {
			return explained(fmt.Errorf("look for the file: %w", err), file)
		}
	}
	return nil
}

// checkOwner returns a StorageError where another user made the folder or a file in it, or may write there: who did before us
// would know, or choose, the secrets in it, and could put any message into the queues.
func checkOwner(dir string) error {
	link, err := os.Lstat(dir) // a symbolic link may be another user's, and lead elsewhere tomorrow
	if err != nil {
		return err
	}
	folder, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if private.IsForeign(link) || private.IsForeign(folder) || private.IsWritableByOthers(folder) {
		return storageFault(dir, Foreign, nil)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := file.Info()
		if errors.Is(err, fs.ErrNotExist) { // another process has just ended its work here
			continue
		}
		if err != nil {
			return err
		}
		if private.IsForeign(info) {
			return storageFault(filepath.Join(dir, file.Name()), Foreign, nil)
		}
	}
	return nil
}
