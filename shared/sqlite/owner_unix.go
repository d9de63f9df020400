//go:build !windows

package sqlite

import (
	"os"
	"syscall"
)

// isForeign says whether another user owns the file.
func isForeign(info os.FileInfo) bool {
	status, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(status.Uid) != int64(os.Geteuid())
}

// othersMayWrite is the permissions that nobody but the owner should have of the data folder.
const othersMayWrite = 0o022

// writableByOthers says whether the folder's group, or everybody, may write there.
func writableByOthers(info os.FileInfo) bool { return info.Mode().Perm()&othersMayWrite != 0 }
