package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/private"
)

var _ mirror.Seeds = (*Seeds)(nil)

// Seeds keeps the seeds of mirrors beside the sealing keys: a folder for each connection, with a file for each of its lives. Two
// installations that share the keys' file share the seeds too; a deletion is of the connection, and so of both.
type Seeds struct{ folder string }

// seeding is who looks at seeds: one at a time, whichever Seeds of the process it does by.
var seeding sync.Mutex

// seedsSuffix is what the folder's name has beside the keys' file's.
const seedsSuffix = "-seeds"

// Seeds returns the store of seeds beside the keys. It makes nothing.
func (f File) Seeds() *Seeds { return &Seeds{folder: string(f) + seedsSuffix} }

// Place is the folder's name, for people.
func (s *Seeds) Place() string { return s.folder }

func (s *Seeds) folderOf(of record.Connection) string {
	return filepath.Join(s.folder, of.Partition())
}

// A life stands in a file's name without colons, which not every file system takes.
func fileOf(life connection.Life) string { return strings.ReplaceAll(string(life), ":", "_") }

func lifeOf(file string) connection.Life {
	return connection.Life(strings.ReplaceAll(file, "_", ":"))
}

// Get implements mirror.Seeds.
func (s *Seeds) Get(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seeding.Lock()
	defer seeding.Unlock()
	return s.read(of, life)
}

func (s *Seeds) read(of record.Connection, life connection.Life) ([]byte, error) {
	seed, err := private.Read(filepath.Join(s.folderOf(of), fileOf(life)))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(seed) != seal.SeedBytes {
		return nil, mirror.ErrNoSeed
	}
	if err != nil {
		return nil, fmt.Errorf("read a seed: %w", err)
	}
	return seed, nil
}

// Make implements mirror.Seeds.
func (s *Seeds) Make(ctx context.Context, of record.Connection, life connection.Life) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seeding.Lock()
	defer seeding.Unlock()
	seed, err := s.read(of, life)
	if !errors.Is(err, mirror.ErrNoSeed) {
		return seed, err
	}
	seed = make([]byte, seal.SeedBytes)
	_, _ = rand.Read(seed) // never fails: https://pkg.go.dev/crypto/rand#Read
	if err := os.MkdirAll(s.folderOf(of), folderMode); err != nil {
		return nil, fmt.Errorf("make a folder for seeds: %w", err)
	}
	if err := private.Write(filepath.Join(s.folderOf(of), fileOf(life)), seed); err != nil {
		return nil, fmt.Errorf("keep a seed: %w", err)
	}
	return seed, nil
}

// Delete implements mirror.Seeds. What a file holds is overwritten before the file goes. That is all that a program can do: a disk, or a
// file system that copies when it writes, may keep what was there a while longer.
func (s *Seeds) Delete(ctx context.Context, of record.Connection, cutoff time.Time) (deleted int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	seeding.Lock()
	defer seeding.Unlock()
	files, err := os.ReadDir(s.folderOf(of))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for seeds: %w", err)
	}
	left := len(files)
	for _, file := range files {
		if !lifeOf(file.Name()).IsOver(cutoff) {
			continue
		}
		if err := erase(filepath.Join(s.folderOf(of), file.Name())); err != nil {
			return deleted, fmt.Errorf("delete a seed: %w", err)
		}
		deleted, left = deleted+1, left-1
	}
	if left > 0 {
		return deleted, nil
	}
	if err := os.Remove(s.folderOf(of)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return deleted, fmt.Errorf("delete a folder of seeds: %w", err)
	}
	return deleted, nil
}

// erase overwrites a file and removes it.
func erase(path string) error {
	file, err := private.Open(path, os.O_WRONLY)
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, seal.SeedBytes))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close(), os.Remove(path))
}
