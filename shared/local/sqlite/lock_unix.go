//go:build !windows

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lock takes the folder for this engine alone, until the result is closed or the process ends, however it ends. The lock is the
// folder's own: no file stands for it that somebody could remove. It returns ErrInUse.
func lock(dir string) (io.Closer, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(ErrInUse, folder.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), folder.Close())
	}
	return folder, nil
}
