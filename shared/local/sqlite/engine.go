// Package sqlite keeps ledger, records and queues of one machine in an SQLite file. Every call that changes something
// returns after it is durable: neither a crash of the process nor a loss of power takes it back.
package sqlite

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("the database is closed")

// Engine is an open data folder. It is safe for concurrent use.
//
// One goroutine does all that changes something: it puts the calls that wait for it into one transaction and answers them after
// the commit, so that many calls share what a durable commit costs. Calls that only read do not wait for it: each has a
// connection of its own for as long as it takes, and sees all that was answered before.
type Engine struct {
	Ledger *Ledger
	// Records is what is kept of connections, and Deletions the store of deletions, whose tombstones count in Records.
	Records   *Records
	Deletions *Records
	Queues    *Queues
	Scheduler *Scheduler

	now     func() time.Time
	latest  atomic.Int64         // the time of the last commit, as Unix has it, in nanoseconds
	running func() time.Duration // for how long this program runs, whatever becomes of the clock
	counted time.Duration        // the part of running that is in the database
	lock    io.Closer
	path    string // the database's
	place   place
	writer  *session      // the working goroutine's
	readers chan *session // those that nobody reads with now
	// truncating holds one while somebody takes the readers, to empty the write-ahead log.
	truncating chan struct{}
	jobs       chan *job
	errands    chan *errand
	signals    signals
	closing    chan struct{}
	closed     chan struct{}
	close      func() error
}

// readerCount is how many can read at the same time. Each has a page cache of up to 2 MB, as SQLite has it.
const readerCount = 4

func newEngine(now func() time.Time) *Engine {
	began := time.Now()
	e := &Engine{
		now:        now,
		running:    func() time.Duration { return time.Since(began) }, // by the monotonic clock
		readers:    make(chan *session, readerCount),
		truncating: make(chan struct{}, 1),
		jobs:       make(chan *job),
		errands:    make(chan *errand),
		signals:    signals{about: map[subject]chan struct{}{}},
		closing:    make(chan struct{}),
		closed:     make(chan struct{}),
	}
	e.Ledger = &Ledger{engine: e}
	e.Records = &Records{engine: e, table: "record", gated: true}
	e.Deletions = &Records{engine: e, table: "deletion"}
	e.Queues = &Queues{engine: e, maxReceives: queue.MaxReceives}
	e.Scheduler = &Scheduler{engine: e}
	e.close = sync.OnceValue(func() error {
		close(e.closing)
		<-e.closed
		return e.release(cap(e.readers)) // waits for those that are being read with
	})
	return e
}

// Close finishes the calls that are being worked on, refuses those that still wait, and gives the data folder back.
func (e *Engine) Close() error { return e.close() }

// release closes what open opened, with so many readers; the writer after them, which then moves what is in the write-ahead log
// into the database.
func (e *Engine) release(readers int) error {
	var failures []error
	for range readers {
		failures = append(failures, (<-e.readers).close())
	}
	if e.writer != nil {
		failures = append(failures, e.writer.close())
	}
	if e.lock != nil {
		failures = append(failures, e.lock.Close())
	}
	return errors.Join(failures...)
}
