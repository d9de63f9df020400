// Package sqlite keeps ledger, records and queues of one machine in an SQLite file. Every call that changes something
// returns after it is durable: neither a crash of the process nor a loss of power takes it back.
package sqlite

import (
	"database/sql"
	"errors"
	"sync"
	"time"

	"revento-alerts/shared/queue"
)

// ErrClosed is returned by calls after Close.
var ErrClosed = errors.New("the database is closed")

// Engine is an open data folder. It is safe for concurrent use.
//
// One goroutine does all the work: it puts the calls that wait for it into one transaction and answers them after the
// commit, so that many calls share what a durable commit costs.
type Engine struct {
	Ledger *Ledger
	// Records is what is kept of connections, and Deletions the store of deletions, whose tombstones count in Records.
	Records   *Records
	Deletions *Records
	Queues    *Queues
	Scheduler *Scheduler

	now     func() time.Time
	jobs    chan *job
	errands chan *errand
	signals signals
	closing chan struct{}
	closed  chan struct{}
	close   func() error
}

func start(db *sql.DB, conn *sql.Conn, now func() time.Time) *Engine {
	e := &Engine{
		now:     now,
		jobs:    make(chan *job),
		errands: make(chan *errand),
		signals: signals{about: map[subject]chan struct{}{}},
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	e.Ledger = &Ledger{engine: e}
	e.Records = &Records{engine: e, table: "record", gated: true}
	e.Deletions = &Records{engine: e, table: "deletion"}
	e.Queues = &Queues{engine: e, maxReceives: queue.MaxReceives}
	e.Scheduler = &Scheduler{engine: e}
	s := &session{conn: conn, statements: map[string]*sql.Stmt{}, changed: map[subject]bool{}}
	e.close = sync.OnceValue(func() error {
		close(e.closing)
		<-e.closed
		return errors.Join(s.close(), db.Close())
	})
	go e.work(s)
	return e
}

// Close finishes the calls that are being worked on, refuses those that still wait, and gives the data folder back.
func (e *Engine) Close() error { return e.close() }
