package wiring

import (
	"context"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/telemetry"
)

// Records is what is kept of connections.
type Records interface {
	record.Store
	record.Purger
	record.Users
	record.Index
}

// Deletions is what is kept of deletions.
type Deletions interface {
	record.Store
	record.Lister
	// Query is record.Purger's.
	Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error)
}

// Scheduler sends a message to the purge queue at a later moment: deletion.Scheduler, which only one worker links.
type Scheduler interface {
	Schedule(ctx context.Context, name string, at time.Time, body string) error
}

// Engine is where everything is kept that outlives a process, with the clock and the log of who uses it. A field that a
// function does not use may be nil.
type Engine struct {
	Ledger    ingest.Ledger
	Records   Records
	Deletions Deletions
	Queues    queue.Queues
	Scheduler Scheduler
	// Scrub makes what was deleted unrecoverable; nil where storage does so by itself.
	Scrub func(context.Context) error
	// Installation is what the commands need that people are told to type.
	Installation installation.Name
	Log          *telemetry.Logger
	Now          func() time.Time
}

// Worker completes a worker with what its queue's entry and the engine give to each.
func (e Engine) Worker(w worker.Worker) *worker.Worker {
	if age := w.Queue.Entry().MaxAge; age > 0 {
		w.MaxAge = age
	}
	w.Queues, w.Log, w.Now = e.Queues, e.Log, e.Now
	return &w
}

// Names finds what events are called, where connections are on; otherwise nobody knows, and nothing is read for it.
func (e Engine) Names(connected bool) *connection.Names {
	if !connected {
		return nil
	}
	return &connection.Names{Records: e.Records}
}
