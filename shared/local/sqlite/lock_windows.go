package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile stands for the folder, which cannot be locked itself on Windows. While it is open it cannot be removed.
const lockFile = "revento-alerts.lock"

// sharingViolation is the error of a file that another has open for itself alone.
// https://learn.microsoft.com/windows/win32/debug/system-error-codes--0-499-
const sharingViolation = syscall.Errno(32)

// lock takes the folder for this engine alone, until the result is closed or the process ends, however it ends. It returns
// ErrInUse.
func lock(dir string) (io.Closer, error) {
	path := filepath.Join(dir, lockFile)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	const withNobody = 0 // what others may do with the file meanwhile
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, withNobody, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return os.NewFile(uintptr(handle), path), nil
}
