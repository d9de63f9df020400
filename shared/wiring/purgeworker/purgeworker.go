// Package purgeworker wires the function purge, which deletes what is kept of connections whose data must go.
package purgeworker

import (
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/worker"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Purge, queue.Purge.DeadLetter(), queue.Slack, queue.PagerDuty}

// New wires it. Messages are deleted only where the settings say so; elsewhere is what surrounds the engine.
func New(engine wiring.Engine, s settings.Purge, messages deletion.Messages, elsewhere deletion.Elsewhere) *worker.Worker {
	purge := &deletion.Purge{
		Records:         engine.Records,
		Deletions:       engine.Deletions,
		Notifier:        deletionworker.Notifier(engine, s.Deletion),
		Scrub:           engine.Scrub,
		Elsewhere:       elsewhere,
		RecordRetention: s.RecordRetention,
		Copies:          deletion.PurgeCopies,
		Now:             engine.Now,
	}
	if s.DeleteSlackMessages {
		purge.Messages = messages
	}
	return engine.Worker(worker.Worker{Queue: queue.Purge, Unit: "purge", Chore: purge})
}
