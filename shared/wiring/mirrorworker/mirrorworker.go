// Package mirrorworker wires the function mirror, which keeps what Revento knows of a connection.
package mirrorworker

import (
	"context"
	"errors"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/connection/verdict"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/webhook"
)

// Queues are those that the function reaches.
var Queues = []queue.Name{queue.Mirror, queue.Mirror.DeadLetter(), upkeep.Queue, queue.Slack, queue.PagerDuty, queue.Digest}

// New wires it.
func New(engine wiring.Engine, rows *mirror.Mirror, judge echo.Judge) *worker.Worker {
	chore := &echo.Echo{
		Mirror: rows, Judge: judge, Marks: Marks(engine, rows.Registry), Now: engine.Now,
		Lookups: &echo.Lookups{Registry: rows.Registry, Records: engine.Records, Ask: ask(engine, rows.Registry), Now: engine.Now},
	}
	return engine.Worker(worker.Worker{Queue: queue.Mirror, Unit: "mirror", Chore: chore})
}

// Judge judges what complete passes did not see, and tells by the routes of tells.
func Judge(engine wiring.Engine, rows *mirror.Mirror, tells settings.Ingest) echo.Judge {
	return &verdict.Verdicts{
		Registry: rows.Registry, Passes: &pass.Passes{Registry: rows.Registry, Records: engine.Records, Now: engine.Now}, Mirror: rows,
		Marks: Marks(engine, rows.Registry), Outbox: webhook.Outbox(engine, tells), Records: engine.Records,
		Installation: engine.Installation, Now: engine.Now,
	}
}

// Rows is what is kept of what Revento knows. Without rings and seeds it tells of summaries alone.
func Rows(engine wiring.Engine, rings mirror.Rings, seeds mirror.Seeds) *mirror.Mirror {
	registry := &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}
	return &mirror.Mirror{Registry: registry, Records: engine.Records, Seeds: seeds, Rings: rings, Now: engine.Now}
}

// Marks are what parked messages leave.
func Marks(engine wiring.Engine, registry *connection.Registry) *echo.Marks {
	return &echo.Marks{Registry: registry, Records: engine.Records, Now: engine.Now}
}

// ask has a connection's event read soon, where there is anything to read it with.
func ask(engine wiring.Engine, registry *connection.Registry) func(context.Context, record.Connection) error {
	keeps := &upkeep.Upkeep{Registry: registry, Records: engine.Records, Queues: engine.Queues, Now: engine.Now}
	return func(ctx context.Context, of record.Connection) error {
		_, err := keeps.Ask(ctx, of)
		if errors.Is(err, upkeep.ErrNotServed) {
			return nil
		}
		return err
	}
}
