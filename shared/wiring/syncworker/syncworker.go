// Package syncworker wires the function sync, which looks at connections and tells how they do.
package syncworker

import (
	"context"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/webhook"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{upkeep.Queue, upkeep.Queue.DeadLetter(), queue.Mirror, queue.Slack, queue.PagerDuty, queue.Digest}

// New wires it. What it tells goes the way of a webhook, by the routes of tells.
func New(engine wiring.Engine, s settings.Connections, tells settings.Ingest, asks asking.Asking) *worker.Worker {
	keeps := asks.Upkeep(engine, s, webhook.Outbox(engine, tells))
	keeps.Passer = asks.Passes(engine, s)
	return Of(engine, keeps)
}

// Of is the worker of an upkeep.
func Of(engine wiring.Engine, keeps *upkeep.Upkeep) *worker.Worker {
	return engine.Worker(worker.Worker{Queue: upkeep.Queue, Unit: "sync", Chore: keeps})
}

// Soon has a connection looked at soon, where a queue takes the message; otherwise the tick finds it.
func Soon(engine wiring.Engine, keeps *upkeep.Upkeep) func(ctx context.Context, of record.Connection) {
	return func(ctx context.Context, of record.Connection) {
		if _, err := keeps.Ask(ctx, of); err != nil {
			engine.Log.Slog().Warn("have the connection looked at", "error", err.Error())
		}
	}
}
