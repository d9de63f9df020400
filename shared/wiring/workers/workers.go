// Package workers wires all workers at once, for who runs them in one process: serve and the tests.
package workers

import (
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/deletionworker"
	"revento-alerts/shared/wiring/digestworker"
	"revento-alerts/shared/wiring/pagerdutyworker"
	"revento-alerts/shared/wiring/purgeworker"
	"revento-alerts/shared/wiring/slackworker"
)

// Slack is what the workers need of Slack.
type Slack interface {
	thread.Slack
	deletion.Messages
}

// All wires the worker of each queue. Around is what a purge finds beside the engine.
func All(engine wiring.Engine, s settings.All, slack Slack, pager incident.Pager, around purgeworker.Surroundings) []*worker.Worker {
	return []*worker.Worker{
		slackworker.New(engine, s.Slack, slack),
		pagerdutyworker.New(engine, s.PagerDuty, pager),
		digestworker.New(engine, s.Digest),
		deletionworker.New(engine, s.Purge.Deletion),
		purgeworker.New(engine, s.Purge, slack, around),
	}
}
