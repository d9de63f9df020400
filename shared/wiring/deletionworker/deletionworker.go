// Package deletionworker wires the function deletion, which stops connections whose data must go, and gives their purge its
// date; and the notices that it and others send of that.
package deletionworker

import (
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Deletion, queue.Deletion.DeadLetter(), queue.Purge, queue.Slack, queue.PagerDuty}

// New wires it.
func New(engine wiring.Engine, s settings.Deletion) *worker.Worker {
	task := &deletion.Task{
		Records:         engine.Records,
		Deletions:       engine.Deletions,
		Queues:          engine.Queues,
		Scheduler:       engine.Scheduler,
		Notifier:        Notifier(engine, s),
		Fields:          s.Fields,
		Grace:           s.Grace,
		RecordRetention: s.RecordRetention,
		Now:             engine.Now,
	}
	if s.Connected {
		task.Connections = Lives(engine)
	}
	return engine.Worker(worker.Worker{Queue: queue.Deletion, Unit: "deletion", Chore: task})
}

// Lives are what ends connections, for who has neither secrets nor a client: it erases tokens without opening them.
func Lives(engine wiring.Engine) *life.Lives {
	return &life.Lives{
		Registry: &connection.Registry{Records: engine.Records, Deletions: engine.Deletions},
		Tokens:   &grant.Keeper{Records: engine.Records, Deletions: engine.Deletions, Now: engine.Now},
		Now:      engine.Now,
	}
}

// Notifier tells of deletions.
func Notifier(engine wiring.Engine, s settings.Deletion) *deletion.Notifier {
	return &deletion.Notifier{
		Stack: s.Stack, Routes: s.Routes, Queues: engine.Queues, Copies: deletion.StopCopies,
		Installation: engine.Installation, Now: engine.Now,
	}
}
