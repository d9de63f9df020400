//go:build !unix

package private

import "io/fs"

// Where files have no owner and mode of this kind, what keeps others out is that the data folder lies in the user's home.
const (
	hasModes = false
	ownFlags = 0
)

func isOwn(fs.FileInfo) bool { return true }

func ownership(fs.FileInfo) (owner, runs string, own bool) { return "", "", true }

// A folder cannot be synced there; the file system does it.
func syncFolder(string) error { return nil }
