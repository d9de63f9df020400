package serve

import (
	"time"

	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/digest"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/slack"
	"revento-alerts/shared/sqlite"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/thread"
	"revento-alerts/shared/worker"
)

// alerts is the chore of a queue of alerts, behind the tombstones.
func (m *Machine) alerts(task worker.Task) worker.Chore {
	return worker.Alerts(&deletion.Gate{Task: task, Deletions: m.engine.Deletions, Queues: m.engine.Queues})
}

func (m *Machine) digestTask(s settings.Digest) worker.Chore {
	entries := &digest.Entries{Records: m.engine.Records}
	return &digest.Task{
		Entries:   &deletion.Gate{Task: entries, Deletions: m.engine.Deletions, Queues: m.engine.Queues},
		Stack:     s.Stack,
		Records:   m.engine.Records,
		Deletions: m.engine.Deletions,
		Queues:    m.engine.Queues,
		Now:       time.Now,
	}
}

func (m *Machine) slackTask(s settings.Slack, client *slack.Client) worker.Task {
	return &thread.Task{
		Slack:        client,
		Records:      m.engine.Records,
		Deletions:    m.engine.Deletions,
		Display:      s.Display,
		PostInterval: s.PostInterval,
		Now:          time.Now,
	}
}

func (m *Machine) pagerDutyTask(s settings.PagerDuty, client *pagerduty.Client) worker.Task {
	return &incident.Task{
		Pager:     client,
		Records:   m.engine.Records,
		Deletions: m.engine.Deletions,
		Display:   s.Display,
		Now:       time.Now,
	}
}

func (m *Machine) deletionTask(s settings.Deletion) worker.Chore {
	return &deletion.Task{
		Records:         m.engine.Records,
		Deletions:       m.engine.Deletions,
		Queues:          m.engine.Queues,
		Scheduler:       m.engine.Scheduler,
		Notifier:        notifier(m.engine, s),
		Grace:           s.Grace,
		RecordRetention: s.RecordRetention,
		Now:             time.Now,
	}
}

func (m *Machine) purge(s settings.Purge, client *slack.Client) worker.Chore {
	purge := &deletion.Purge{
		Records:         m.engine.Records,
		Deletions:       m.engine.Deletions,
		Notifier:        notifier(m.engine, s.Deletion),
		Scrub:           m.engine.Scrub,
		RecordRetention: s.RecordRetention,
		Copies:          deletion.PurgeCopies,
		Now:             time.Now,
	}
	if s.DeleteSlackMessages {
		purge.Messages = client
	}
	return purge
}

func notifier(engine *sqlite.Engine, s settings.Deletion) *deletion.Notifier {
	return &deletion.Notifier{
		Stack: s.Stack, Routes: s.Routes, Queues: engine.Queues, Copies: deletion.StopCopies, Now: time.Now,
	}
}

func (m *Machine) poller(timeout time.Duration, w worker.Worker, log *telemetry.Logger) *poller {
	w.Queues, w.Log, w.Now = m.engine.Queues, log, time.Now
	return &poller{inbox: m.engine.Queues, queue: w.Queue, handle: awslambda.Worker(&w), timeout: timeout, copies: copies, log: m.log}
}
