package serve

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/operator"
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

// placeOf is a data folder in the words of who reads of it, who may be in another folder.
func placeOf(dir string) checkup.Site {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return checkup.OnMachine(dir)
}

// engineOn is what the handlers work on: what the data folder keeps.
func engineOn(kept *sqlite.Engine, dir string, log *telemetry.Logger) wiring.Engine {
	return wiring.Engine{
		Ledger:       kept.Ledger,
		Records:      kept.Records,
		Deletions:    kept.Deletions,
		Queues:       kept.Queues,
		Scheduler:    kept.Scheduler,
		Scrub:        kept.Scrub,
		Installation: placeOf(dir).Installation,
		Log:          log,
		Now:          time.Now,
	}
}

// siteOf is a data folder and what serves it, or would, as an operator sees it; url is "" where nothing runs.
func siteOf(kept *sqlite.Engine, dir, url string, source settings.Source, all settings.All, clients providers) operator.Site {
	site := operator.Site{
		Engine:  engineOn(kept, dir, nil),
		Finder:  kept.Ledger,
		Probe:   kept.Probe,
		URL:     url,
		Place:   placeOf(dir),
		Source:  source,
		All:     all,
		Secrets: operator.Secrets{Webhook: clients.webhook, Token: clients.token, RoutingKeys: clients.keys},
	}
	site.RecordsSlack, site.RecordsPagerDuty = clients.recordsSlack, clients.recordsPagerDuty
	// A recorder that does not run answers nobody.
	if url != "" || !clients.recordsSlack {
		site.Slack = clients.slack
	}
	if url != "" || !clients.recordsPagerDuty {
		site.Pager = clients.pager
	}
	return site
}
