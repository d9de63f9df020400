package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// ChangeVisibility implements queue.Deferrer.
func (q *Queues) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	if err := queue.CheckVisibility(d); err != nil {
		return err
	}
	id, receives, err := parseHandle(handle)
	if err != nil {
		return err
	}
	return q.change(ctx, name, func(s *session, now time.Time) error {
		changed, err := s.exec(`UPDATE message SET visible_at = ?1, deferred = 1, set_at = ?2
			WHERE seq = ?3 AND queue = ?4 AND receives = ?5 AND visible_at > ?2`, stamp(now.Add(d)), stamp(now), id, name, receives)
		if err == nil && changed == 0 {
			return queue.ErrHandle
		}
		return err
	})
}

// Delete implements queue.Receiver. It accepts the newest receipt's handle though its visibility has ended, as SQS does
// in standard queues: the message was worked on, and nobody else has it.
func (q *Queues) Delete(ctx context.Context, name queue.Name, handle string) error {
	id, receives, err := parseHandle(handle)
	if err != nil {
		return err
	}
	return q.change(ctx, name, func(s *session, now time.Time) error {
		var group string
		err := s.row("DELETE FROM message WHERE seq = ? AND queue = ? AND receives = ? RETURNING group_id",
			[]any{id, name, receives}, &group)
		if errors.Is(err, sql.ErrNoRows) {
			return queue.ErrHandle
		}
		if err != nil {
			return err
		}
		return promote(s, name, group, now)
	})
}

// parseHandle reads "<id>.<receives>". It returns queue.ErrHandle.
func parseHandle(handle string) (id, receives int64, err error) {
	before, after, _ := strings.Cut(handle, ".")
	id, err = strconv.ParseInt(before, 10, 64)
	if err != nil {
		return 0, 0, queue.ErrHandle
	}
	receives, err = strconv.ParseInt(after, 10, 64)
	if err != nil || receives < 1 {
		return 0, 0, queue.ErrHandle
	}
	return id, receives, nil
}

// showUnfinished shows the messages that a process took and neither finished nor deferred. Their receipts still count.
func showUnfinished(s *session, now time.Time) error {
	_, err := s.exec("UPDATE message SET visible_at = ?1, set_at = ?1 WHERE receives > 0 AND deferred = 0 AND visible_at > ?1", stamp(now))
	return err
}
