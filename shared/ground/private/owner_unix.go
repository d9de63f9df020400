//go:build unix

package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// hasModes says that the mode of a file tells who may read it.
const hasModes = true

// ownFlags keep an open from following a symbolic link, and from waiting for the other end of a named pipe.
const ownFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// isOwn says whether a file is the user's that this process runs as.
func isOwn(info fs.FileInfo) bool {
	status, known := info.Sys().(*syscall.Stat_t)
	return known && int(status.Uid) == os.Geteuid()
}

// ownership is isOwn, and who both users are.
func ownership(info fs.FileInfo) (owner, runs string, own bool) {
	owner = "an unknown user"
	if status, known := info.Sys().(*syscall.Stat_t); known {
		owner = userName(int(status.Uid))
	}
	return owner, userName(os.Geteuid()), isOwn(info)
}

func userName(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return found.Username
	}
	return fmt.Sprintf("the user with the id %d", uid)
}

// syncFolder makes a rename durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
