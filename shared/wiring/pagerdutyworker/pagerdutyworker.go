// Package pagerdutyworker wires the function pagerduty, which opens and resolves incidents in PagerDuty.
package pagerdutyworker

import (
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
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
	meets := &meeting.Task{Task: task, Records: engine.Records, Now: engine.Now}
	gate := &deletion.Gate{Task: meets, Deletions: engine.Deletions, Queues: engine.Queues, Names: engine.Names(s.Connected)}
	return engine.Worker(worker.Worker{Queue: queue.PagerDuty, Unit: "alert", Chore: worker.Alerts(gate), MaxAge: s.MaxAlertAge})
}
