package serve

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"revento-alerts/events"
	"revento-alerts/shared/api"
	"revento-alerts/shared/checkup"
	"revento-alerts/shared/deadletter"
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/slack"
	"revento-alerts/shared/sqlite"
	"revento-alerts/shared/trace"
)

// providers are the secrets and the clients that use them.
type providers struct {
	webhook *secret.Holder[secret.Webhook]
	token   *secret.Holder[secret.Token]
	keys    *secret.Holder[secret.RoutingKeys]
	slack   *slack.Client
	pager   *pagerduty.Client
	// recordsSlack and recordsPagerDuty say for which provider a recorder stands in.
	recordsSlack, recordsPagerDuty bool
}

func newProviders(source settings.Source, all settings.All, webhook secret.Fetch) providers {
	p := providers{
		webhook: secret.NewHolder(webhook, secret.ParseWebhook, all.Ingest.SecretMaxAge, time.Now),
		token:   secret.NewHolder(variable(source, VariableSlackBotToken), secret.ParseToken, all.Slack.SecretMaxAge, time.Now),
		keys: secret.NewHolder(variable(source, VariablePagerDutyRoutingKey), secret.ParseRoutingKeys, all.PagerDuty.SecretMaxAge,
			time.Now),
	}
	p.slack, p.pager = slack.New(all.Slack.APIURL, p.token), pagerduty.New(all.PagerDuty.EventsURL, p.keys)
	return p
}

// stoppedProviders are those that serve would have, did it run.
func stoppedProviders(source settings.Source, all settings.All, dir string) providers {
	p := newProviders(overlay(source, standInCredentials()), all, keptSecret(source, dir))
	p.recordsSlack, p.recordsPagerDuty = records(source)
	return p
}

// keptSecret is a Fetch for the webhook secrets that serve would take.
func keptSecret(source settings.Source, dir string) secret.Fetch {
	return func(context.Context) (string, error) {
		if text, set := source(VariableWebhookSecrets); set {
			return text, nil
		}
		text, err := ReadSecret(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return text, err
	}
}

// site is a data folder and what serves it, or would.
type site struct {
	dir string
	// url is where deliveries are posted to; "" where nothing runs.
	url      string
	source   settings.Source
	all      settings.All
	invalid  error
	warnings []string
	engine   *sqlite.Engine
	providers
}

// backend is what the operator sees of this machine.
func (s site) backend() api.Backend {
	deletions := &deletion.Operator{
		Deletions:       s.engine.Deletions,
		Queues:          s.engine.Queues,
		Notifier:        notifier(s.engine, s.all.Purge.Deletion),
		RecordRetention: s.all.Purge.RecordRetention,
		Now:             time.Now,
	}
	desk := deadletter.NewDesk(s.engine.Queues)
	return api.Backend{
		Stack:     s.all.Ingest.Stack,
		Deletions: deletions,
		Trace:     s.tracer(deletions, desk),
		Journal:   s.engine.Ledger,
		Letters: deadletter.Redriver{
			Desk: desk, Records: s.engine.Records, Routes: s.all.Ingest.Routes, Stack: s.all.Ingest.Stack, Now: time.Now,
		},
		Check:   s.check(),
		Invalid: s.invalid,
		Overview: api.Overview{
			Stack:            s.all.Ingest.Stack,
			Environment:      s.all.Ingest.Environment,
			WebhookURL:       s.url,
			RecordsSlack:     s.recordsSlack,
			RecordsPagerDuty: s.recordsPagerDuty,
			Warnings:         s.warnings,
			SampleTypes:      events.Types(),
		},
	}
}

func (s site) tracer(deletions *deletion.Operator, desk *deadletter.Desk) *trace.Tracer {
	return &trace.Tracer{
		Stack:         s.all.Ingest.Stack,
		Ledger:        s.engine.Ledger,
		Window:        s.all.Ingest.DedupeWindow,
		Records:       s.engine.Records,
		Deletions:     s.engine.Deletions,
		Cases:         deletions.All,
		Letters:       desk,
		Routes:        s.all.Ingest.Routes,
		SlackRecorded: s.recordsSlack,
		Now:           time.Now,
	}
}

// check is without a client where a recorder stands in that does not run.
func (s site) check() checkup.Checkup {
	check := checkup.Checkup{
		Source:           s.source,
		Site:             checkup.OnMachine(s.dir),
		WebhookSecrets:   s.webhook,
		SlackBotToken:    s.token,
		RoutingKeys:      s.keys,
		RecordsSlack:     s.recordsSlack,
		RecordsPagerDuty: s.recordsPagerDuty,
		Scopes:           slack.Scopes,
		Queues:           s.engine.Queues,
		QueueNames:       queue.Names,
		Now:              time.Now,
	}
	if s.url != "" || !s.recordsSlack {
		check.Slack = s.slack
	}
	if s.url != "" || !s.recordsPagerDuty {
		check.Pager = s.pager
	}
	return check
}
