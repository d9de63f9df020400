// Package digestworker wires the function digest, which gathers what need not be told at once, and tells of it.
package digestworker

import (
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Digest, queue.Digest.DeadLetter(), queue.Slack, queue.Deletion}

// New wires it.
func New(engine wiring.Engine, s settings.Digest) *worker.Worker {
	entries := &meeting.Task{Task: &digest.Entries{Records: engine.Records}, Records: engine.Records, Now: engine.Now}
	task := &digest.Task{
		Entries:   &deletion.Gate{Task: entries, Deletions: engine.Deletions, Queues: engine.Queues},
		Stack:     s.Stack,
		Records:   engine.Records,
		Deletions: engine.Deletions,
		Queues:    engine.Queues,
		Now:       engine.Now,
	}
	return engine.Worker(worker.Worker{Queue: queue.Digest, Unit: "digest", Chore: task})
}
