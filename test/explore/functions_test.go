package explore

import (
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/deletion"
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
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/digestworker"
	"revento-alerts/shared/wiring/pagerdutyworker"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/slackworker"
	"revento-alerts/shared/wiring/webhook"
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
	records   store // what is kept of connections
	deletions store // what is kept of deletions
}

type store interface {
	record.Store
	record.Purger
	record.Lister
	record.Index
}

// slackAPI is what the functions need of Slack.
type slackAPI interface {
	thread.Slack
	deletion.Messages
}

// functions are the product's functions, with a plan for all calls of the engine.
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

var common = settings.Common{Environment: "test", Stack: stack}

var fields = alert.NewFieldFilter([]string{"id"})

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
	secrets := secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, f.now)
	return awslambda.Ingest(webhook.New(f.planned(), settings.Ingest{
		Common: common, SignatureTolerance: 5 * time.Minute, BodyLimit: 1 << 18, DedupeWindow: 72 * time.Hour, Routes: f.routes,
	}, secrets))
}

func (f functions) worker(name queue.Name) awslambda.QueueHandler {
	return awslambda.Worker(f.wired(name))
}

func (f functions) wired(name queue.Name) *worker.Worker {
	alerts := settings.Worker{Common: common, MaxAlertAge: 96 * time.Hour, Display: display}
	deletions := settings.Deletion{Common: common, Routes: f.routes, Fields: fields, Grace: f.grace, RecordRetention: retention}
	switch name {
	case queue.Slack:
		return slackworker.New(f.planned(), settings.Slack{Worker: alerts, PostInterval: f.postInterval}, f.slack)
	case queue.PagerDuty:
		return pagerdutyworker.New(f.planned(), settings.PagerDuty{Worker: alerts}, f.pager)
	case queue.Digest:
		return digestworker.New(f.planned(), settings.Digest{Common: common})
	case queue.Deletion:
		return deletionworker.New(f.planned(), deletions)
	case queue.Purge:
		return purgeworker.New(f.planned(), settings.Purge{Deletion: deletions, DeleteSlackMessages: true}, f.slack, deletion.Elsewhere{})
	}
	panic("explore: nobody works on the queue " + name)
}

// planned is the engine, all of whose calls go through the plan.
func (f functions) planned() wiring.Engine {
	return wiring.Engine{
		Ledger: mishap.Ledger{Ledger: f.engine.ledger, Plan: f.plan},
		Records: plannedStore{
			mishap.Records{Store: f.records, Plan: f.plan}, mishap.Purger{Purger: f.records, Plan: f.plan},
			mishap.Index{Index: f.records, Plan: f.plan}, mishap.Lister{Lister: f.records, Plan: f.plan},
		},
		Deletions: plannedStore{
			mishap.Records{Store: f.deletions, Plan: f.plan}, mishap.Purger{Purger: f.deletions, Plan: f.plan},
			mishap.Index{Index: f.deletions, Plan: f.plan}, mishap.Lister{Lister: f.deletions, Plan: f.plan},
		},
		Queues:    mishap.Queues{Queues: f.queues, Plan: f.plan},
		Scheduler: f.scheduler,
		Log:       quiet,
		Now:       f.now,
	}
}

type plannedStore struct {
	mishap.Records
	mishap.Purger
	mishap.Index
	mishap.Lister
}
