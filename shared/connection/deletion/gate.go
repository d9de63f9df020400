package deletion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/ground/together"
	"revento-alerts/shared/revento"
)

// Gate keeps from a task what a connection's tombstone stops.
type Gate struct {
	Task      worker.Task
	Deletions record.Store
	// Queues takes the announcement that a connection is back.
	Queues queue.Sender
	// Names finds what events are called; nil where nothing is known of them.
	Names *connection.Names
}

var _ worker.Task = (*Gate)(nil)

// Work deals with what is left of an event where its connections' tombstones are heeded.
func (g *Gate) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	event, cutoffs, err := g.look(ctx, event, line)
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

// look reads the tombstones, and at the same time what the events are called. A name that cannot be read is left out, and no reason to
// wait or to fail.
func (g *Gate) look(ctx context.Context, event handoff.Event, line *telemetry.Line) (handoff.Event, map[string]time.Time, error) {
	named := event.Named()
	if g.Names == nil || len(named) == 0 {
		cutoffs, err := connection.Cutoffs(ctx, g.Deletions, event.Subjects())
		return event, cutoffs, err
	}
	ids := slices.Sorted(maps.Keys(named))
	connections := make([]record.Connection, len(ids))
	for i, id := range ids {
		connections[i] = named[id]
	}
	var cutoffs map[string]time.Time
	var names []connection.Name
	err := together.Do(2, func(i int) (err error) {
		if i == 0 {
			cutoffs, err = connection.Cutoffs(ctx, g.Deletions, event.Subjects())
			return err
		}
		var unknown error
		if names, unknown = g.Names.Of(ctx, connections); unknown != nil {
			line.Set("names_error", unknown.Error())
		}
		return nil
	})
	event.Names = map[string]string{}
	for i, name := range names {
		if cutoff := cutoffs[connections[i].Partition()]; name.Since.After(cutoff) { // what is to be deleted is not shown
			event.Names[ids[i]] = name.Text
		}
	}
	return event, cutoffs, err
}

// announce tells once that the connection is back. It comes after the alert, which matters more; should it fail, the message
// comes again and finds the alert sent.
func (g *Gate) announce(ctx context.Context, event handoff.Event, line *telemetry.Line) error {
	tombstone, err := connection.LoadTombstone(ctx, g.Deletions, event.Connection)
	if err != nil || tombstone.Cutoff().IsZero() || tombstone.IsReturned() {
		return err
	}
	line.Raise(slog.LevelWarn)
	line.Set("reconnected", true)
	named := refer(record.Key{Connection: event.Connection, ID: tombstone.Case()})
	// Only what was consented to is looked at, and so tells of itself.
	news := returned{reference: named, OccurredAt: event.Order.OccurredAt, Consented: revento.IsOwn(event.Envelope.Type)}
	message, err := encode(body{Returned: &news})
	if err != nil {
		return err
	}
	if err := g.Queues.Send(ctx, queue.Deletion, message); err != nil {
		return fmt.Errorf("announce that the connection is back: %w", err)
	}
	return connection.NoteReturn(ctx, g.Deletions, tombstone)
}
