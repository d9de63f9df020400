package exchange

import (
	"sync/atomic"
	"time"
)

// Answer is how a call of a provider ended.
type Answer struct {
	// At is when it ended, by this machine's clock.
	At time.Time
	// Date is when the provider answered, by its clock and in whole seconds; zero where it did not tell.
	Date time.Time
	// Reason is why it was no success: the provider's own code, or how the answer was lost; "" for a success.
	Reason string
}

// Answers remembers the last one, for as long as this copy of the program runs. It is safe for concurrent use; a nil one remembers
// none.
type Answers struct{ last atomic.Pointer[Answer] }

// Note remembers an answer in place of the last one.
func (a *Answers) Note(answer Answer) {
	if a != nil {
		a.last.Store(&answer)
	}
}

// Last is the last answer, or nil where there was none yet.
func (a *Answers) Last() *Answer {
	if a == nil {
		return nil
	}
	return a.last.Load()
}
