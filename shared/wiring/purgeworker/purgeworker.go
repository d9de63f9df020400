// Package purgeworker wires the function purge, which deletes what is kept of connections whose data must go.
package purgeworker

import (
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/deletionworker"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Purge, queue.Purge.DeadLetter(), queue.Slack, queue.PagerDuty}

// Surroundings are what a purge finds beside the engine.
type Surroundings struct {
	// Keepers are all that keep something of connections.
	Keepers []deletion.Keeper
	// Recorded is what a recorder holds; nil where none stands in for Slack or PagerDuty.
	Recorded deletion.Recorded
	// RecordsSlack says that a recorder stands in for Slack: what it holds is kept here, and goes whatever the settings say.
	RecordsSlack bool
}

// New wires it. Messages are deleted only where the settings say so, or where a recorder stands in for Slack.
func New(engine wiring.Engine, s settings.Purge, messages deletion.Messages, around Surroundings) *worker.Worker {
	purge := &deletion.Purge{
		Records:         engine.Records,
		Deletions:       engine.Deletions,
		Notifier:        deletionworker.Notifier(engine, s.Deletion),
		Scrub:           engine.Scrub,
		Keepers:         around.Keepers,
		Recorded:        around.Recorded,
		RecordRetention: s.RecordRetention,
		Copies:          deletion.PurgeCopies,
		Now:             engine.Now,
	}
	if s.DeleteSlackMessages || around.RecordsSlack {
		purge.Messages = messages
	}
	return engine.Worker(worker.Worker{Queue: queue.Purge, Unit: "purge", Chore: purge})
}
