// Package pagerdutyworker wires the function pagerduty, which opens and resolves incidents in PagerDuty.
package pagerdutyworker

import (
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/worker"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.PagerDuty, queue.PagerDuty.DeadLetter(), queue.Deletion}

// New wires it.
func New(engine wiring.Engine, s settings.PagerDuty, pager incident.Pager) *worker.Worker {
	task := &incident.Task{
		Pager:     pager,
		Records:   engine.Records,
		Deletions: engine.Deletions,
		Display:   s.Display,
		Now:       engine.Now,
	}
	gate := &deletion.Gate{Task: task, Deletions: engine.Deletions, Queues: engine.Queues}
	return engine.Worker(worker.Worker{Queue: queue.PagerDuty, Unit: "alert", Chore: worker.Alerts(gate), MaxAge: s.MaxAlertAge})
}
