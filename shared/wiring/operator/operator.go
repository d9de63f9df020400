// Package operator wires what an operator sees and does, of one machine and of a deployed stack.
package operator

import (
	"context"
	"time"

	"revento-alerts/events"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/operate/trace"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/mirrorworker"
)

// Secrets are the secrets that are looked at.
type Secrets struct {
	Webhook     *secret.Holder[secret.Webhook]
	Token       *secret.Holder[secret.Token]
	RoutingKeys *secret.Holder[secret.RoutingKeys]
	// Asking are those of what asks Revento; nil where connections are off.
	Asking *asking.Secrets
}

// Providers are the providers' clients, nil where a recorder stands in that does not run.
type Providers struct {
	Slack checkup.Slack
	Pager incident.Pager
	// SlackAnswers and PagerAnswers are how the last calls of this process ended; nil where another process tells.
	SlackAnswers, PagerAnswers *exchange.Answers
	// RecordsSlack and RecordsPagerDuty say for which provider a recorder stands in.
	RecordsSlack, RecordsPagerDuty bool
}

// Site is an installation: an engine, its settings and providers, and what surrounds them.
type Site struct {
	wiring.Engine
	// Finder reads the engine's ledger. Where it is an ingest.Journal, deliveries can be listed.
	Finder ingest.Finder
	// Probe tries whether what is written now is kept; nil on AWS.
	Probe func(ctx context.Context) error
	// Refusals are the last refused requests; nil where they are not kept.
	Refusals *ingest.Refusals
	// Skews is what signed requests tell of the clock; nil where none come to this process.
	Skews *ingest.Skews
	// URL is where deliveries are posted to; "" where nothing runs.
	URL string
	// Names are the queues that the installation has.
	Names []queue.Name
	// Connections are what a person sees and does of them; nil where they are off. Reach and RedirectURI are for the check: nil, and "",
	// where nobody can tell.
	Connections *life.Operator
	Reach       func(ctx context.Context, url string) error
	RedirectURI string
	// Place names the installation, Tables its tables, none on one machine.
	Place      checkup.Site
	Tables     checkup.Tables
	TableNames []string
	// Source is where the settings come from, All what they are, and Invalid what is wrong with them.
	Source   settings.Source
	All      settings.All
	Invalid  error
	Warnings []string

	Secrets
	Providers
}

// Backend is the operator's side of the installation.
func (s Site) Backend() api.Backend {
	s.Installation = s.Place.Installation
	deletions := &deletion.Operator{
		Deletions:       s.Deletions,
		Records:         s.Records,
		Queues:          s.Queues,
		Notifier:        deletionworker.Notifier(s.Engine, s.All.Purge.Deletion),
		RecordRetention: s.All.Purge.RecordRetention,
		Installation:    &s.Installation,
		Now:             s.Now,
	}
	desk := deadletter.NewDesk(s.Queues)
	desk.Names, desk.Telemetry, desk.Now = s.Names, s.Log, s.Now
	desk.Annals, _ = s.Finder.(ingest.Annals)
	desk.Gone = mirrorworker.Marks(s.Engine, &connection.Registry{Records: s.Records, Deletions: s.Deletions}).Gone
	journal, _ := s.Finder.(ingest.Journal)
	return api.Backend{
		Refusals:  s.Refusals,
		Stack:     s.stack(),
		Deletions: deletions,
		Trace:     s.tracer(deletions, desk),
		Journal:   journal,
		Letters: deadletter.Redriver{
			Desk: desk, Records: s.Records, Deletions: s.Deletions, Routes: s.All.Routes, Stack: s.stack(), Now: s.Now,
		},
		Connections: s.Connections,
		Check:       s.check(),
		Invalid:     s.Invalid,
		Overview: api.Overview{
			Stack:            s.stack(),
			Environment:      s.All.Ingest.Environment,
			WebhookURL:       s.URL,
			RecordsSlack:     s.RecordsSlack,
			RecordsPagerDuty: s.RecordsPagerDuty,
			Warnings:         s.Warnings,
			SampleTypes:      events.Types(),
		},
	}
}

func (s Site) stack() string { return s.All.Ingest.Stack }

// refusals finds refused requests, where they are kept.
func (s Site) refusals() func(string) []ingest.Refusal {
	if s.Refusals == nil {
		return nil
	}
	return s.Refusals.Recent
}

func (s Site) tracer(deletions *deletion.Operator, desk *deadletter.Desk) *trace.Tracer {
	return &trace.Tracer{
		Refusals:      s.refusals(),
		Refused:       s.Place.Refused,
		Stack:         s.stack(),
		Ledger:        s.Finder,
		Window:        s.All.Ingest.DedupeWindow,
		Records:       s.Records,
		Deletions:     s.Deletions,
		Cases:         deletions.All,
		Letters:       desk,
		Routes:        s.All.Routes,
		Installation:  s.Installation,
		SlackRecorded: s.RecordsSlack,
		Now:           s.Now,
	}
}

// newest tells when the newest delivery was taken in, where the ledger can be listed.
func (s Site) newest() func(context.Context) (time.Time, error) {
	journal, ok := s.Finder.(ingest.Journal)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (time.Time, error) {
		const looked = 100 // the newest; those whose route was off are among them
		entries, _, err := journal.Recent(ctx, s.Now(), looked, "")
		for _, entry := range entries {
			if entry.State == ingest.HandedOff {
				return entry.ReceivedAt, err
			}
		}
		return time.Time{}, err
	}
}

func (s Site) check() checkup.Checkup {
	messages, _ := s.Queues.(queue.Browser)
	return checkup.Checkup{
		Source:           s.Source,
		Site:             s.Place,
		WebhookSecrets:   s.Webhook,
		SlackBotToken:    s.Token,
		RoutingKeys:      s.RoutingKeys,
		RecordsSlack:     s.RecordsSlack,
		RecordsPagerDuty: s.RecordsPagerDuty,
		Slack:            s.Slack,
		Scopes:           slack.Scopes,
		Pager:            s.Pager,
		SlackAnswers:     s.SlackAnswers,
		PagerAnswers:     s.PagerAnswers,
		Skews:            s.Skews,
		Tables:           s.Tables,
		TableNames:       s.TableNames,
		Queues:           s.Queues,
		Messages:         messages,
		Probe:            s.Probe,
		Newest:           s.newest(),
		QueueNames:       s.Names,
		Refusals:         s.refusals(),
		Asking:           s.asks(),
		Now:              s.Now,
	}
}

// asks is what the check looks at of what asks Revento; nil where nothing does.
func (s Site) asks() *checkup.Asking {
	if s.Connections == nil || s.Asking == nil {
		return nil
	}
	return &checkup.Asking{
		ClientSecrets: s.Asking.Client, SealingKeys: s.Asking.Rings, RedirectURI: s.RedirectURI, Reach: s.Reach, Connections: s.Connections,
	}
}
