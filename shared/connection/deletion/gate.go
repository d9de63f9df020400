package deletion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/telemetry"
)

// tombstonesAtOnce is how many tombstones are read at the same time: a thousand take a worker less than a second.
const tombstonesAtOnce = 16

// Gate keeps from a task what a connection's tombstone stops.
type Gate struct {
	Task      worker.Task
	Deletions record.Store
	// Queues takes the announcement that a connection is back.
	Queues queue.Sender
}

var _ worker.Task = (*Gate)(nil)

// Work deals with what is left of an event where its connections' tombstones are heeded.
func (g *Gate) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	cutoffs, err := g.cutoffs(ctx, event.Subjects())
	if err != nil {
		return "", err
	}
	event, left := event.After(cutoffs)
	if !left {
		return worker.Deleted, nil
	}
	outcome, err := g.Task.Work(ctx, event, line)
	if errors.Is(err, record.ErrDeleted) { // the request came while we worked
		return worker.Deleted, nil
	}
	if err == nil && !event.Cutoff.IsZero() {
		err = g.announce(ctx, event, line)
	}
	return outcome, err
}

// cutoffs reads the tombstones of the connections, of which a digest has up to a thousand. Those without one are left out.
func (g *Gate) cutoffs(ctx context.Context, connections []record.Connection) (map[string]time.Time, error) {
	cutoffs := map[string]time.Time{}
	for chunk := range slices.Chunk(connections, tombstonesAtOnce) {
		found := make([]time.Time, len(chunk))
		err := together(len(chunk), func(i int) (err error) {
			found[i], err = record.Cutoff(ctx, g.Deletions, chunk[i])
			return err
		})
		if err != nil {
			return nil, err
		}
		for i, connection := range chunk {
			if !found[i].IsZero() {
				cutoffs[connection.Partition()] = found[i]
			}
		}
	}
	return cutoffs, nil
}

// announce tells once that the connection is back. It comes after the alert, which matters more; should it fail, the message
// comes again and finds the alert sent.
func (g *Gate) announce(ctx context.Context, event handoff.Event, line *telemetry.Line) error {
	stone, err := loadTombstone(ctx, g.Deletions, event.Connection)
	if err != nil || !isInForce(stone) || stone.Value.Returned {
		return err
	}
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
