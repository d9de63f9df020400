package sqlite

import (
	"context"
	"database/sql"
	"time"

	"revento-alerts/shared/queue"
)

// longestPause bounds a wait for the next visible message, in case the machine slept or its clock was set.
const longestPause = 30 * time.Second

// Wait returns when the queue has, or just had, a message to receive: call Receive, and where it gives nothing, Wait
// again. It returns the context's error, or ErrClosed.
func (q *Queues) Wait(ctx context.Context, name queue.Name) error {
	for {
		changed := q.changed(name) // before the look, so that no change falls between the two
		next, ok, err := q.nextVisible(ctx, name)
		if err != nil {
			return err
		}
		pause := longestPause
		if ok {
			pause = min(pause, next.Sub(q.engine.now()))
		}
		if pause <= 0 {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		case <-q.engine.closing:
			return ErrClosed
		}
	}
}

// nextVisible is when the next message can be received; ok is false where there is none.
func (q *Queues) nextVisible(ctx context.Context, name queue.Name) (at time.Time, ok bool, err error) {
	text, err := do(ctx, q.engine, func(s *session) (next sql.NullString, err error) {
		err = s.row("SELECT min(visible_at) FROM message WHERE queue = ? AND head = 1", []any{name}, &next)
		return next, err
	})
	if err != nil || !text.Valid {
		return time.Time{}, false, err
	}
	at, err = parseStamp(text.String)
	return at, err == nil, err
}

// changed returns a channel that is closed at the queue's next change.
func (q *Queues) changed(name queue.Name) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	signal, ok := q.signals[name]
	if !ok {
		signal = make(chan struct{})
		q.signals[name] = signal
	}
	return signal
}

// announce wakes who waits for a change of the queue.
func (q *Queues) announce(name queue.Name) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if signal, ok := q.signals[name]; ok {
		close(signal)
		delete(q.signals, name)
	}
}
