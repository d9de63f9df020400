// Package private keeps files that are one user's alone on a machine that others use too: secrets, and the addresses that they
// are sent to. It reads nothing that another user could have made or can change, and writes what is there whole or not at all.
package private

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fileMode is that of every file: nobody but the owner reads or writes it. others are the bits that it leaves out.
const (
	fileMode fs.FileMode = 0o600
	others   fs.FileMode = 0o077
	// othersWrite are those of others that let them write.
	othersWrite fs.FileMode = 0o022
)

// Refusal is the error about a file that is not this user's alone.
type Refusal struct {
	Path string
	// Reason is what is wrong with it, Remedy what to do about it.
	Reason, Remedy string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Path + " " + r.Reason + ": " + r.Remedy }

// Read returns the content of a file. It returns fs.ErrNotExist where there is none, and a Refusal where it is not this user's alone.
func Read(path string) ([]byte, error) {
	file, err := Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	return content, errors.Join(err, file.Close())
}

// Open opens a file with the flags of package os, with os.O_CREATE for this user alone. It returns what Read returns.
func Open(path string, flag int) (*os.File, error) {
	if err := check(path); err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	file, err := os.OpenFile(path, flag|ownFlags, fileMode)
	if err != nil {
		return nil, err
	}
	// What was opened need not be what was looked at.
	info, err := file.Stat()
	if err == nil {
		err = inspect(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Write puts a content under a name, for this user alone. Whenever the process or the machine stops, the name has the whole content
// or what it had before. It returns a Refusal where what it had before is not this user's alone.
func Write(path string, content []byte) error {
	if err := check(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made := path + ".new"
	if err := os.Remove(made); err != nil && !errors.Is(err, fs.ErrNotExist) { // a crash left it behind
		return err
	}
	file, err := os.OpenFile(made, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(made))
	}
	if err := os.Rename(made, path); err != nil {
		return errors.Join(err, os.Remove(made))
	}
	return syncFolder(filepath.Dir(path))
}

// IsForeign says whether another user owns a file or folder. Where they have no owners, none is.
func IsForeign(info fs.FileInfo) bool { return !isOwn(info) }

// IsWritableByOthers says whether its group, or everybody, may write to a file or folder. Where modes are made up, nobody may.
func IsWritableByOthers(info fs.FileInfo) bool {
	return hasModes && info.Mode().Perm()&othersWrite != 0
}

// check looks at what a name has, without following a symbolic link.
func check(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return inspect(path, info)
}

func inspect(path string, info fs.FileInfo) error {
	const another = "look who made it, and remove it or choose another folder with --data"
	if info.Mode()&fs.ModeSymlink != 0 {
		return &Refusal{Path: path, Reason: "is a symbolic link", Remedy: another}
	}
	if !info.Mode().IsRegular() {
		return &Refusal{Path: path, Reason: "is no regular file", Remedy: another}
	}
	if owner, runs, own := ownership(info); !own {
		return &Refusal{
			Path: path, Reason: fmt.Sprintf("belongs to %s, and this runs as %s", owner, runs),
			Remedy: "run it as " + owner + " if that is whose installation it is; otherwise " + another,
		}
	}
	if mode := info.Mode().Perm(); hasModes && mode&others != 0 {
		return &Refusal{
			Path: path, Reason: fmt.Sprintf("is open to other users (its mode is %04o)", mode),
			Remedy: "remove it, or if nobody else has used it, run: chmod 600 " + path,
		}
	}
	return nil
}
