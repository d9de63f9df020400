// Package digestworker wires the function digest, which gathers what need not be told at once, and tells of it.
package digestworker

import (
	"context"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/mirror"
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
	if s.Connected {
		task.Attends = attends(engine)
	}
	return engine.Worker(worker.Worker{Queue: queue.Digest, Unit: "digest", Chore: task})
}

// registered is the status of a participant whose application is approved and paid. (guide: /patterns/)
const registered = "registered"

// attends tells how many attend a connection's event, as its summary has it.
func attends(engine wiring.Engine) func(context.Context, record.Connection) (alert.Attendance, bool, error) {
	rows := &mirror.Mirror{
		Registry: &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}, Records: engine.Records, Now: engine.Now,
	}
	return func(ctx context.Context, of record.Connection) (alert.Attendance, bool, error) {
		summary, err := rows.Summary(ctx, of)
		return alert.Attendance{
			Name: summary.Name, Registered: summary.ByStatus[registered], CancelledToday: summary.CancelledToday(engine.Now()),
		}, summary.Completed.Number > 0, err
	}
}
