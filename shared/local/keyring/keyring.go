// Package keyring keeps one machine's sealing keys in a file of their own: outside the data folder, so that a copy of that folder opens
// nothing, and for this user alone.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/private"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/settings"
)

// Variable names the file. It is in the user's configuration folder where it is not set.
const Variable = "SEALING_KEYS_FILE"

// The default file, in the user's configuration folder.
const (
	defaultFolder = "revento-alerts"
	defaultFile   = "sealing-keys"
)

// folderMode is of the folder that is made for the file.
const folderMode = 0o700

// File is where the keys are.
type File string

// Locate returns the file that the settings name. It returns an error for one within the data folder: whoever copies that folder would
// have what is sealed and what opens it.
func Locate(source settings.Source, dataDir string) (File, error) {
	path, _ := source(Variable)
	if path = strings.TrimSpace(path); path == "" {
		folder, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("find a place for the sealing keys: %w: name a file outside the data folder in %s", err, Variable)
		}
		path = filepath.Join(folder, defaultFolder, defaultFile)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find the sealing keys: %w", err)
	}
	if within(path, dataDir) {
		return "", fmt.Errorf("the sealing keys' file %s is in the data folder: whoever copies the folder could open what is sealed there. "+
			"Name a file elsewhere in %s", path, Variable)
	}
	return File(path), nil
}

// within says whether a file is in a folder, whatever links lead there.
func within(path, folder string) bool {
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	relative, err := filepath.Rel(resolved(absolute), resolved(path))
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}

// resolved is a path without links, as far as it is there.
func resolved(path string) string {
	whole, err := filepath.EvalSymlinks(path)
	if err == nil {
		return whole
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

// Keep makes the file with one key where there is none; made says that it did. With sealed, something is kept that was sealed with
// keys which were there: then a missing file is an error, and no new one is made, which would open nothing of it.
func (f File) Keep(sealed bool, installed installation.Name) (made bool, err error) {
	_, err = f.Read()
	if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if sealed {
		return false, fmt.Errorf("the sealing keys' file %s is not there, and tokens are kept that only its keys open: put it back, or name "+
			"where it is in %s. If it is lost, end each connection with '%s', and connect anew", f, Variable, installed.Command("connections disconnect"))
	}
	if err := os.MkdirAll(filepath.Dir(string(f)), folderMode); err != nil {
		return false, fmt.Errorf("make a folder for the sealing keys: %w", err)
	}
	return true, f.write(seal.Ring{}.Add())
}

// Read returns the keys. It returns fs.ErrNotExist where there is no file.
func (f File) Read() (seal.Ring, error) {
	text, err := private.Read(string(f))
	if err != nil {
		return seal.Ring{}, fmt.Errorf("read the sealing keys: %w", err)
	}
	ring, err := seal.Parse(string(text))
	if errors.Is(err, secret.ErrEmpty) {
		return seal.Ring{}, fmt.Errorf("%s is empty: put back the keys that it had, which open what is sealed", f)
	}
	if err != nil {
		return seal.Ring{}, fmt.Errorf("%s: %w", f, err)
	}
	return ring, nil
}

// Fetch is a secret.Fetch for the keys.
func (f File) Fetch(context.Context) (string, error) {
	ring, err := f.Read()
	if err != nil {
		return "", err
	}
	return ring.Format(), nil
}

// Add puts a new key before the others, which seals from now on, and returns the keys. Those before still open.
func (f File) Add() (seal.Ring, error) {
	ring, err := f.Read()
	if err != nil {
		return seal.Ring{}, err
	}
	ring = ring.Add()
	return ring, f.write(ring)
}

func (f File) write(ring seal.Ring) error {
	if err := private.Write(string(f), []byte(ring.Format())); err != nil {
		return fmt.Errorf("keep the sealing keys: %w", err)
	}
	return nil
}
