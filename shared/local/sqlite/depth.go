package sqlite

import (
	"context"

	"revento-alerts/shared/alerting/queue"
)

const depthOf = `SELECT count(*) FILTER (WHERE NOT hidden), count(*) FILTER (WHERE hidden)
	FROM (SELECT receives > 0 AND visible_at > ?2 AS hidden FROM message WHERE queue = ?1)`

// Depth implements queue.Counter.
func (q *Queues) Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error) {
	type depth struct{ waiting, inFlight int }
	d, err := read(ctx, q.engine, func(s *session) (d depth, err error) {
		err = s.row(depthOf, []any{name, stamp(q.engine.now())}, &d.waiting, &d.inFlight)
		return d, err
	})
	return d.waiting, d.inFlight, err
}
