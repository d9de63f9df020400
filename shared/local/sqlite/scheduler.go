package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// Scheduler sends messages to the purge queue when they are due, in place of EventBridge Scheduler. Schedules survive a
// restart: what became due meanwhile is due at once.
type Scheduler struct{ engine *Engine }

// Schedule makes a schedule that sends body at the moment at, past or to come. The same name again is the same schedule:
// it succeeds and changes nothing. Once a schedule was fired its name is free. It returns a fault.Permanent error for a body
// that the queue would refuse.
func (c *Scheduler) Schedule(ctx context.Context, name string, at time.Time, body string) error {
	if err := due(body).Check(queue.Purge); err != nil {
		return fmt.Errorf("schedule %s: %w", name, err)
	}
	_, err := do(ctx, c.engine, func(s *session) (int64, error) {
		return s.exec("INSERT INTO schedule (name, at, body, set_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			name, stamp(at), body, stamp(c.engine.now()))
	})
	if err != nil {
		return fmt.Errorf("schedule %s: %w", name, err)
	}
	return nil
}

// due is the message of a schedule.
func due(body string) queue.Message { return queue.Message{Body: body} }

// FireDue sends the messages of all schedules that are due, and removes these, in one transaction.
func (c *Scheduler) FireDue(ctx context.Context) error {
	_, err := do(ctx, c.engine, func(s *session) (struct{}, error) {
		return struct{}{}, fireDue(s, c.engine.now())
	})
	if err != nil {
		return fmt.Errorf("send what is due: %w", err)
	}
	return nil
}

func fireDue(s *session, now time.Time) error {
	var bodies []string
	err := s.each("SELECT body FROM schedule WHERE at <= ? ORDER BY at, name", []any{stamp(now)}, func(row *sql.Rows) error {
		var body string
		err := row.Scan(&body)
		bodies = append(bodies, body)
		return err
	})
	if err != nil {
		return err
	}
	s.changed[subject(queue.Purge)] = true
	for _, body := range bodies {
		if err := enqueue(s, queue.Purge, due(body), now); err != nil {
			return err
		}
	}
	_, err = s.exec("DELETE FROM schedule WHERE at <= ?", stamp(now))
	return err
}
