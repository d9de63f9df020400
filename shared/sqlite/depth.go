package sqlite

import (
	"context"

	"revento-alerts/shared/queue"
)

// Depth implements queue.Counter.
func (q *Queues) Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error) {
	type depth struct{ waiting, inFlight int }
	d, err := do(ctx, q.engine, func(s *session) (d depth, err error) {
		err = s.row(`
			SELECT count(*) FILTER (WHERE NOT hidden), count(*) FILTER (WHERE hidden)
			FROM (SELECT receives > 0 AND visible_at > ? AS hidden FROM message WHERE queue = ?)`,
			[]any{stamp(q.engine.now()), name}, &d.waiting, &d.inFlight)
		return d, err
	})
	return d.waiting, d.inFlight, err
}
