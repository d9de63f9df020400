package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"revento-alerts/shared/ground/fault"
)

// Trouble is what is wrong with the storage.
type Trouble string

// The troubles.
const (
	// Moved means that the folder or its files were removed, renamed, replaced or mounted over while they were in use: what
	// would be written now would not be found again.
	Moved Trouble = "storage_moved"
	// Forbidden means that the user of this process may not use them.
	Forbidden Trouble = "storage_forbidden"
	// Foreign means that they are another user's, or that others can write there.
	Foreign Trouble = "storage_of_others"
	// ReadOnly means that nothing can be written there.
	ReadOnly Trouble = "storage_read_only"
	// Full means that the disk has no room left.
	Full Trouble = "storage_full"
	// Damaged means that a file holds what SQLite did not write.
	Damaged Trouble = "storage_damaged"
	// Failing means that the disk does not do what it is asked for.
	Failing Trouble = "storage_failing"
)

// advice is each trouble in words, and its remedy.
var advice = map[Trouble]struct{ says, remedy string }{
	Moved: {"it was removed, renamed, replaced or mounted over while it is in use",
		"put it back where it was, or restart serve"},
	Forbidden: {"this user may not use it", "give it to the user that runs serve (chown -R), or choose another --data"},
	Foreign: {"another user made it, or may write there",
		"make sure of what is in it, then chown -R it to the user that runs serve and chmod -R go-w it, or choose another --data"},
	ReadOnly: {"it cannot be written to", "mount its disk for writing, or choose another --data"},
	Full:     {"its disk is full", "make room on the disk"},
	Damaged: {"it is damaged",
		"stop serve and restore the folder from a copy, or move the folder away to start with an empty one"},
	Failing: {"its disk fails", "look for the disk's errors in the system's log, mend it, then restart serve"},
}

// StorageError says which file or folder cannot be used, and why.
type StorageError struct {
	Path    string
	Trouble Trouble
	// Err is what the system or SQLite said, or nil.
	Err error
}

// Error names the path, what is wrong and the remedy.
func (e *StorageError) Error() string {
	text := fmt.Sprintf("%s: %s: %s", e.Path, advice[e.Trouble].says, e.Remedy())
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text
}

// Remedy is what a person can do.
func (e *StorageError) Remedy() string { return advice[e.Trouble].remedy }

// Unwrap returns Err.
func (e *StorageError) Unwrap() error { return e.Err }

// storageFault is a StorageError as a failure that may pass: once the storage is mended, what was refused comes again.
func storageFault(path string, trouble Trouble, err error) error {
	return &fault.Error{
		Class: fault.Transient, Op: "use the data folder", Reason: string(trouble), Err: &StorageError{Path: path, Trouble: trouble, Err: err},
	}
}

// explained is err, with a StorageError about the path where it comes from the storage.
func explained(err error, path string) error {
	if trouble, ok := troubleOf(err); ok {
		return storageFault(path, trouble, err)
	}
	return err
}

// troubleOf tells what an error of SQLite or of the system means. ok is false for one that was told before, and for those
// that are not about the storage.
func troubleOf(err error) (trouble Trouble, ok bool) {
	if _, told := errors.AsType[*StorageError](err); told {
		return "", false
	}
	if failure, is := errors.AsType[*driver.Error](err); is {
		return troubleOfCode(failure.Code())
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Forbidden, true
	case errors.Is(err, syscall.EROFS):
		return ReadOnly, true
	case errors.Is(err, syscall.ENOSPC):
		return Full, true
	}
	return "", false
}

// troubleOfCode knows SQLite's result codes. https://sqlite.org/rescode.html
func troubleOfCode(code int) (Trouble, bool) {
	const primary = 0xff
	switch code & primary {
	case codes.SQLITE_FULL:
		return Full, true
	case codes.SQLITE_READONLY:
		return ReadOnly, true
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return Damaged, true
	case codes.SQLITE_CANTOPEN, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		return Forbidden, true
	case codes.SQLITE_IOERR, codes.SQLITE_PROTOCOL, codes.SQLITE_NOLFS:
		return Failing, true
	}
	return "", false
}
