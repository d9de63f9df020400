package queue

import (
	"errors"
	"fmt"
)

// ErrNewer is the error of reading a message that a newer version of this program wrote, as there are while a stack is brought up
// to date and after it was set back. It is no rubbish: who reads it leaves it in its queue.
var ErrNewer = errors.New("a newer version of this program wrote the message")

// CheckSchema returns an error for a message's schema version that this program does not know, of which newest is the newest. It
// returns ErrNewer.
func CheckSchema(version, newest int) error {
	switch {
	case version > newest:
		return fmt.Errorf("%w: its schema version is %d, this program knows 1 to %d", ErrNewer, version, newest)
	case version < 1:
		return fmt.Errorf("the message's schema version is %d, this program knows 1 to %d", version, newest)
	default:
		return nil
	}
}
