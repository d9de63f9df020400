// Package fault gives every failed call the class that decides what happens to its message. Adapters classify from what
// the other side answered, never from an error's text, and keep secrets and personal data out of the reason.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Class says what a failure means for the one who tries again.
type Class int

// The classes.
const (
	// Transient failures pass: try again with backoff. Nothing took effect, or repeating it does no harm.
	Transient Class = iota
	// Throttled is an answer of the other side that asks to wait.
	Throttled
	// Permanent failures stay as they are until a person changes something.
	Permanent
	// Unknown is a call whose answer was lost: it may have taken effect.
	Unknown
)

// String is the class as logs and metrics name it.
func (c Class) String() string {
	switch c {
	case Throttled:
		return "throttled"
	case Permanent:
		return "permanent"
	case Unknown:
		return "unknown"
	default:
		return "transient"
	}
}

// Error is a classified failure.
type Error struct {
	Class Class
	// Op is what was being done, such as "post to Slack".
	Op string
	// Reason is a short code that logs, dead letters and people read: a provider's own error code where there is one.
	Reason string
	// RetryAfter is how long the other side asked to wait; 0 where it did not say.
	RetryAfter time.Duration
	// Credential says that the other side refused who asks: a new credential mends it.
	Credential bool
	// Err is the cause, or nil. It must not hold a secret or personal data.
	Err error
}

// Error names the operation, the class and the reason.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %s", e.Op, e.Class, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Of returns the classified failure inside err. An error that nobody classified counts as transient: it comes from
// our own storage or is a fault of ours, and trying again until the alert's maximum age loses nothing.
func Of(err error) *Error {
	var classified *Error
	if errors.As(err, &classified) {
		return classified
	}
	return &Error{Class: Transient, Op: "work on the message", Reason: "unclassified", Err: err}
}

// Has says whether err is of a class.
func Has(err error, class Class) bool { return err != nil && Of(err).Class == class }
