package explore

import (
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/digest"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/ingest"
	"revento-alerts/shared/mishap"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
	"revento-alerts/shared/route"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/thread"
	"revento-alerts/shared/worker"
)

const (
	stack         = "explore"
	webhookSecret = "whsec_explore"
	channel       = "C0111"
	grace         = 2 * time.Minute
	retention     = 1095 * 24 * time.Hour
)

// engine is where everything is kept that outlives a process.
type engine struct {
	ledger    ingest.Ledger
	queues    queue.Queues
	records   keptStore
	deletions deletionStore
}

// keptStore is what is kept of connections, deletionStore what is kept of deletions.
type (
	keptStore interface {
		record.Store
		record.Purger
		record.Lister
		record.Index
	}
	deletionStore interface {
		record.Store
		record.Lister
	}
)

// slackAPI is what the functions need of Slack.
type slackAPI interface {
	thread.Slack
	deletion.Messages
}

// functions are the product's functions, wired as their mains wire them, with a plan for all calls of the engine.
type functions struct {
	engine
	plan      *mishap.Plan
	slack     slackAPI
	pager     incident.Pager
	scheduler deletion.Scheduler
	routes    route.Table
	// grace is how long after its receipt a deletion is due, postInterval Slack's pause after a post.
	grace, postInterval time.Duration
	now                 func() time.Time
}

// quiet is a log that nobody reads.
var quiet = telemetry.New(io.Discard, telemetry.Options{Stack: stack})

var display = alert.Display{Environment: "test"}

// routes are the default ones, but for those that are changed.
func routes(t *testing.T, changed map[string]string) route.Table {
	t.Helper()
	table, err := settings.LoadRoutes(func(variable string) (string, bool) {
		if variable == "SLACK_CHANNEL" {
			return channel, true
		}
		value, set := changed[variable]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (f functions) ingest() awslambda.GatewayHandler {
	return awslambda.Ingest(&ingest.Ingest{
		Stack: stack, Tolerance: 5 * time.Minute, BodyLimit: 1 << 18, DedupeWindow: 72 * time.Hour, Routes: f.routes,
		Secrets: secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, f.now),
		Ledger:  mishap.Ledger{Ledger: f.engine.ledger, Plan: f.plan}, Queues: f.sender(), Replays: ingest.NewReplays(), Log: quiet, Now: f.now,
	})
}

func (f functions) worker(name queue.Name) awslambda.QueueHandler {
	unit, chore := f.chore(name)
	w := &worker.Worker{
		Queue: name, Unit: unit, Chore: chore, Queues: f.sender(), MaxAge: deletion.MaxMessageAge, Log: quiet, Now: f.now,
	}
	if name == queue.Slack {
		w.Pause = f.postInterval
	}
	return awslambda.Worker(w)
}

func (f functions) chore(name queue.Name) (unit string, chore worker.Chore) {
	switch name {
	case queue.Slack:
		return "alert", worker.Alerts(f.gate(&thread.Task{
			Slack: f.slack, Records: f.kept(), Deletions: f.ofDeletions(), Display: display, Now: f.now,
		}))
	case queue.PagerDuty:
		return "alert", worker.Alerts(f.gate(&incident.Task{
			Pager: f.pager, Records: f.kept(), Deletions: f.ofDeletions(), Display: display, Now: f.now,
		}))
	case queue.Digest:
		return "digest", &digest.Task{
			Entries: f.gate(&digest.Entries{Records: f.kept()}), Stack: stack, Records: f.kept(), Deletions: f.ofDeletions(),
			Queues: f.sender(), Now: f.now,
		}
	case queue.Deletion:
		return "deletion", &deletion.Task{
			Records: f.purger(), Deletions: f.ofDeletions(), Queues: f.sender(), Scheduler: f.scheduler, Notifier: f.notifier(),
			Fields: alert.NewFieldFilter([]string{"id"}), Grace: f.grace, RecordRetention: retention, Now: f.now,
		}
	default:
		return "purge", &deletion.Purge{
			Records: f.purger(), Deletions: f.ofDeletions(), Messages: f.slack, Notifier: f.notifier(), RecordRetention: retention,
			Copies: deletion.PurgeCopies, Now: f.now,
		}
	}
}

func (f functions) gate(task worker.Task) *deletion.Gate {
	return &deletion.Gate{Task: task, Deletions: f.ofDeletions(), Queues: f.sender()}
}

func (f functions) notifier() *deletion.Notifier {
	return &deletion.Notifier{Stack: stack, Routes: f.routes, Queues: f.sender(), Copies: deletion.StopCopies, Now: f.now}
}

func (f functions) sender() mishap.Queues { return mishap.Queues{Queues: f.queues, Plan: f.plan} }

// planned is a store whose calls go through the plan.
type planned struct {
	mishap.Records
	mishap.Index
}

func (f functions) kept() planned {
	return planned{mishap.Records{Store: f.records, Plan: f.plan}, mishap.Index{Index: f.records, Plan: f.plan}}
}

func (f functions) purger() record.Purger { return mishap.Purger{Purger: f.records, Plan: f.plan} }

// plannedDeletions is the store of deletions, whose calls go through the plan.
type plannedDeletions struct {
	mishap.Records
	mishap.Lister
}

func (f functions) ofDeletions() plannedDeletions {
	return plannedDeletions{mishap.Records{Store: f.deletions, Plan: f.plan}, mishap.Lister{Lister: f.deletions, Plan: f.plan}}
}
