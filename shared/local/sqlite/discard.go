package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"revento-alerts/shared/alerting/queue"
)

var _ queue.Discarder = (*Queues)(nil)

// discardPage is how many messages are looked at, and deleted in one transaction, at the most.
const discardPage = 100

// Discard implements queue.Discarder. Messages are looked at while others write; those that are chosen are deleted in a
// transaction for each page.
func (q *Queues) Discard(ctx context.Context, name queue.Name, choose func(queue.Message) bool) (discarded int, err error) {
	for cursor := ""; ; {
		page, next, err := q.Browse(ctx, name, discardPage, cursor)
		if err != nil {
			return discarded, err
		}
		var chosen []string
		for _, seen := range page {
			if choose(seen.Message) {
				chosen = append(chosen, seen.ID)
			}
		}
		count, err := q.discard(ctx, name, chosen)
		discarded += count
		if err != nil || next == "" {
			return discarded, err
		}
		cursor = next
	}
}

// discard deletes messages, but for those that have left the queue meanwhile or that somebody works on.
func (q *Queues) discard(ctx context.Context, name queue.Name, ids []string) (discarded int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return do(ctx, q.engine, func(s *session) (discarded int, err error) {
		s.changed[subject(name)] = true
		now := q.engine.now()
		for _, id := range ids {
			var group string
			err := s.row(`DELETE FROM message WHERE seq = ? AND queue = ? AND NOT (receives > 0 AND deferred = 0 AND visible_at > ?)
				RETURNING group_id`, []any{id, name, stamp(now)}, &group)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				err = promote(s, name, group, now)
			}
			if err != nil {
				return discarded, err
			}
			discarded++
		}
		return discarded, nil
	})
}
