// Package slackworker wires the function slack, which posts alerts to Slack.
package slackworker

import (
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Slack, queue.Slack.DeadLetter(), queue.Deletion}

// New wires it.
func New(engine wiring.Engine, s settings.Slack, slack thread.Slack) *worker.Worker {
	task := &thread.Task{
		Slack:     slack,
		Records:   engine.Records,
		Deletions: engine.Deletions,
		Display:   s.Display,
		Now:       engine.Now,
	}
	meets := &meeting.Task{Task: task, Records: engine.Records, Now: engine.Now}
	gate := &deletion.Gate{Task: meets, Deletions: engine.Deletions, Queues: engine.Queues, Names: engine.Names(s.Connected)}
	return engine.Worker(worker.Worker{
		Queue: queue.Slack, Unit: "alert", Chore: worker.Alerts(gate), MaxAge: s.MaxAlertAge, Pause: s.PostInterval,
	})
}
