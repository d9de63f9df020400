// Function tick finds the connections for which something is due, and has the function sync do it. A schedule calls it.
package main

import (
	"context"
	"log/slog"
	"math/rand/v2"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/settings"
)

func main() { function.Start(wire) }

// copies is how many of the registry's shards are looked at at the same time: all of them, so that ten thousand connections that are due
// together fit into the time limit (test/scale).
const copies = connection.Shards

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadTick(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, queue.Sync)
	if err != nil {
		return nil, err
	}
	return handler(engine.Log, &upkeep.Upkeep{
		Registry: &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}, Records: engine.Records, Queues: engine.Queues,
		ProbeInterval: s.ProbeInterval, Copies: copies, Random: rand.Float64, Now: engine.Now,
	}), nil
}

// handler does a tick at each call, whose event says nothing more. A tick that fails leaves what is due to the next.
func handler(log *telemetry.Logger, keeps *upkeep.Upkeep) func(context.Context) error {
	return func(ctx context.Context) error {
		line := log.Begin("tick")
		defer line.End(ctx)
		sent, err := keeps.Tick(ctx)
		line.Measure("connections_due", telemetry.Count, int64(sent))
		if err != nil {
			line.Raise(slog.LevelError)
			line.Set("error", err.Error())
		}
		return err
	}
}
