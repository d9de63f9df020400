package deletion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"revento-alerts/shared/handoff"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
	"revento-alerts/shared/telemetry"
	"revento-alerts/shared/worker"
)

// Gate keeps from a task what a connection's tombstone stops.
type Gate struct {
	Task      worker.Task
	Deletions record.Store
	// Queues takes the announcement that a connection is back.
	Queues queue.Sender
}

var _ worker.Task = (*Gate)(nil)

// Work deals with an event that happened after its connection's cutoff, and with what no tombstone stops.
func (g *Gate) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	if !event.Form.IsStopped() {
		return g.Task.Work(ctx, event, line)
	}
	stone, err := loadTombstone(ctx, g.Deletions, event.Connection)
	if err != nil {
		return "", err
	}
	if stone.Known && !event.Order.OccurredAt.After(stone.OccurredAt) {
		return worker.Deleted, nil
	}
	event.Cutoff = stone.OccurredAt
	outcome, err := g.Task.Work(ctx, event, line)
	if errors.Is(err, record.ErrDeleted) { // the request came while we worked
		return worker.Deleted, nil
	}
	if err == nil && stone.Known && !stone.Value.Returned {
		err = g.announce(ctx, stone, event, line)
	}
	return outcome, err
}

// announce tells once that the connection is back. It comes after the alert, which matters more; should it fail, the message
// comes again and finds the alert sent.
func (g *Gate) announce(ctx context.Context, stone record.Entry[tombstone], event handoff.Event, line *telemetry.Line) error {
	line.Raise(slog.LevelWarn)
	line.Set("reconnected", true)
	named := refer(record.Key{Connection: event.Connection, ID: stone.Value.Case})
	message, err := encode(body{Returned: &returned{reference: named, OccurredAt: event.Order.OccurredAt}})
	if err != nil {
		return err
	}
	if err := g.Queues.Send(ctx, queue.Deletion, message); err != nil {
		return fmt.Errorf("announce that the connection is back: %w", err)
	}
	stone.Value.Returned = true
	_, err = record.Save(ctx, g.Deletions, stone)
	if errors.Is(err, record.ErrChanged) { // announced by another, or a newer cutoff
		return nil
	}
	return err
}
