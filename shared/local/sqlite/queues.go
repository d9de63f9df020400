package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"revento-alerts/shared/alerting/queue"
)

var _ queue.Queues = (*Queues)(nil)

// Queues is all queues, dead-letter queues included.
type Queues struct {
	engine      *Engine
	maxReceives int
}

// change runs f, after which the queue may have a message to receive.
func (q *Queues) change(ctx context.Context, name queue.Name, f func(s *session, now time.Time) error) error {
	_, err := do(ctx, q.engine, func(s *session) (struct{}, error) {
		s.changed[subject(name)] = true
		return struct{}{}, f(s, q.engine.now())
	})
	return err
}

// Send implements queue.Sender.
func (q *Queues) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	if err := message.Check(name); err != nil {
		return err
	}
	return q.change(ctx, name, func(s *session, now time.Time) error { return enqueue(s, name, message, now) })
}

// enqueue stores a message, unless its queue remembers its deduplication id.
func enqueue(s *session, name queue.Name, message queue.Message, now time.Time) error {
	attributes, err := json.Marshal(message.Attributes)
	if err != nil {
		return fmt.Errorf("encode the message's attributes: %w", err)
	}
	if name.IsFIFO() {
		isNew, err := remember(s, name, message.DeduplicationID, now)
		if err != nil || !isNew {
			return err
		}
	}
	_, err = s.exec(`
		INSERT INTO message (queue, group_id, head, receives, deferred, visible_at, sent_at, deduplication_id, attributes, body,
			set_at, kept_from)
		SELECT ?1, ?2, `+isHead+`, 0, 0, ?3, ?4, ?5, ?6, ?7, ?4, (SELECT ran FROM clock)`,
		name, message.Group, stamp(now.Add(message.Delay)), stamp(now), message.DeduplicationID, string(attributes), message.Body)
	return err
}

// remember stores a deduplication id, unless it is remembered already.
func remember(s *session, name queue.Name, id string, now time.Time) (isNew bool, err error) {
	stored, err := s.exec(`
		INSERT INTO deduplication (queue, id, expires) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET expires = excluded.expires WHERE expires <= ?`,
		name, id, stamp(now.Add(queue.DeduplicationInterval)), stamp(now))
	return stored > 0, err
}

// receipt is what Receive returns.
type receipt struct {
	message queue.Received
	ok      bool
}

// Receive implements queue.Receiver.
func (q *Queues) Receive(ctx context.Context, name queue.Name, visibility time.Duration) (queue.Received, bool, error) {
	if err := queue.CheckVisibility(visibility); err != nil {
		return queue.Received{}, false, err
	}
	received, err := do(ctx, q.engine, func(s *session) (receipt, error) {
		return q.receive(s, name, visibility, q.engine.now())
	})
	return received.message, received.ok, err
}

func (q *Queues) receive(s *session, name queue.Name, visibility time.Duration, now time.Time) (receipt, error) {
	for {
		next, err := first(s, name, now)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return receipt{}, nil
		case err != nil:
			return receipt{}, err
		case next.Receives >= q.maxReceives && !name.IsDeadLetter():
			err = giveUp(s, next, "", now)
		default:
			next.Receives++
			next.Handle = next.ID + "." + strconv.Itoa(next.Receives)
			if next.FirstReceivedAt.IsZero() {
				next.FirstReceivedAt = now.UTC()
			}
			_, err = s.exec("UPDATE message SET receives = ?, deferred = 0, visible_at = ?, set_at = ?, first_received_at = ? WHERE seq = ?",
				next.Receives, stamp(now.Add(visibility)), stamp(now), stamp(next.FirstReceivedAt), next.ID)
			return receipt{next, true}, err
		}
		if err != nil {
			return receipt{}, err
		}
	}
}

// first is the message that has been visible for longest. It returns sql.ErrNoRows.
func first(s *session, name queue.Name, now time.Time) (queue.Received, error) {
	next := queue.Received{Queue: name}
	var sentAt, attributes string
	var firstReceivedAt sql.NullString
	err := s.row(`
		SELECT seq, group_id, receives, sent_at, first_received_at, deduplication_id, attributes, body FROM message
		WHERE queue = ? AND head = 1 AND visible_at <= ? ORDER BY visible_at, seq LIMIT 1`, []any{name, stamp(now)},
		&next.ID, &next.Group, &next.Receives, &sentAt, &firstReceivedAt, &next.DeduplicationID, &attributes, &next.Body)
	if err != nil {
		return next, err
	}
	s.bytes += next.Size()
	if err := decodeAttributes(attributes, &next.Message); err != nil {
		return next, err
	}
	if next.SentAt, err = parseStamp(sentAt); err != nil || !firstReceivedAt.Valid {
		return next, err
	}
	next.FirstReceivedAt, err = parseStamp(firstReceivedAt.String)
	return next, err
}

func decodeAttributes(attributes string, m *queue.Message) error {
	if err := json.Unmarshal([]byte(attributes), &m.Attributes); err != nil {
		return fmt.Errorf("decode a message's attributes: %w", err)
	}
	return nil
}

// giveUp moves a message to its dead-letter queue, where its retention begins anew. A FIFO queue's message counts as sent anew
// there, as in SQS. A reason of "" is that of the receipts, which the message does not tell.
func giveUp(s *session, m queue.Received, reason string, now time.Time) error {
	target := m.Queue.DeadLetter()
	if target.IsFIFO() {
		m.SentAt = now
	}
	if reason != "" {
		m.Attributes = maps.Clone(m.Attributes)
		if m.Attributes == nil {
			m.Attributes = map[string]string{}
		}
		m.Attributes[queue.AttributeReason], m.Attributes[queue.AttributeParkedAt] = reason, now.UTC().Format(time.RFC3339)
	}
	attributes, err := json.Marshal(m.Attributes)
	if err != nil {
		return fmt.Errorf("encode the message's attributes: %w", err)
	}
	_, err = s.exec("UPDATE message SET queue = ?1, head = "+isHead+`, receives = 0, deferred = 0, first_received_at = NULL,
		visible_at = ?3, set_at = ?3, sent_at = ?4, attributes = ?5, kept_from = (SELECT ran FROM clock) WHERE seq = ?6`,
		target, m.Group, stamp(now), stamp(m.SentAt), string(attributes), m.ID)
	if err != nil {
		return err
	}
	s.changed[subject(target)] = true
	return promote(s, m.Queue, m.Group, now)
}

// isHead says whether a message that comes into queue ?1 and group ?2 is the first there. In a standard queue, whose
// messages have no group, it always is.
const isHead = "NOT EXISTS (SELECT 1 FROM message WHERE queue = ?1 AND group_id = ?2 AND group_id <> '')"

// promote makes the next message of a group its first, after the first is gone. It counts as visible from now at the earliest:
// were it the moment of sending, groups with much to do would come before one whose only message is younger.
func promote(s *session, name queue.Name, group string, now time.Time) error {
	if !name.IsFIFO() {
		return nil
	}
	_, err := s.exec(`UPDATE message SET head = 1, visible_at = max(visible_at, ?) WHERE seq = (
		SELECT min(seq) FROM message WHERE queue = ? AND group_id = ? AND group_id <> '')`, stamp(now), name, group)
	return err
}
