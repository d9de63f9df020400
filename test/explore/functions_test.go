package explore

import (
	"io"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/webhook"
	"revento-alerts/shared/wiring/workers"
)

const (
	stack         = "explore"
	webhookSecret = "whsec_explore"
	channel       = "C0111"
	grace         = 2 * time.Minute
	retention     = 1095 * 24 * time.Hour
)

// queues are those that have a function here: what the mirror hears of a connection alerts nobody by itself.
var queues = queue.There(false)

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
	record.Users
}

// slackAPI is what the functions need of Slack.
type slackAPI = workers.Slack

// functions are the product's functions, with a plan for all calls of the engine.
type functions struct {
	engine
	plan      *mishap.Plan
	slack     slackAPI
	pager     incident.Pager
	scheduler deletion.Scheduler
	routes    route.Table
	connected bool
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
		Connected: f.connected,
	}, secrets))
}

// outbox takes in what a pass found.
func (f functions) outbox() *ingest.Ingest {
	return webhook.Outbox(f.planned(), settings.Ingest{Common: common, DedupeWindow: 72 * time.Hour, Routes: f.routes})
}

func (f functions) worker(name queue.Name) awslambda.QueueHandler {
	return awslambda.Worker(f.wired(name))
}

func (f functions) wired(name queue.Name) *worker.Worker {
	alerts := settings.Worker{Common: common, MaxAlertAge: 96 * time.Hour, Display: display}
	wired := workers.All(f.planned(), settings.All{
		Slack:     settings.Slack{Worker: alerts, PostInterval: f.postInterval},
		PagerDuty: settings.PagerDuty{Worker: alerts},
		Digest:    settings.Digest{Common: common},
		Purge: settings.Purge{
			Deletion:            settings.Deletion{Common: common, Routes: f.routes, Fields: fields, Grace: f.grace, RecordRetention: retention},
			DeleteSlackMessages: true,
		},
	}, f.slack, f.pager, purgeworker.Surroundings{})
	return wired[slices.IndexFunc(wired, func(w *worker.Worker) bool { return w.Queue == name })]
}

// planned is the engine, all of whose calls go through the plan.
func (f functions) planned() wiring.Engine {
	return wiring.Engine{
		Ledger: mishap.Ledger{Ledger: f.engine.ledger, Plan: f.plan},
		Records: plannedStore{
			mishap.Records{Store: f.records, Plan: f.plan}, mishap.Purger{Purger: f.records, Plan: f.plan},
			mishap.Index{Index: f.records, Plan: f.plan}, mishap.Lister{Lister: f.records, Plan: f.plan}, mishap.Users{Users: f.records, Plan: f.plan},
		},
		Deletions: plannedStore{
			mishap.Records{Store: f.deletions, Plan: f.plan}, mishap.Purger{Purger: f.deletions, Plan: f.plan},
			mishap.Index{Index: f.deletions, Plan: f.plan}, mishap.Lister{Lister: f.deletions, Plan: f.plan}, mishap.Users{Users: f.deletions, Plan: f.plan},
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
	mishap.Users
}
