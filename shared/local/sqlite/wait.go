package sqlite

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"revento-alerts/shared/alerting/queue"
)

// longestPause bounds a wait for the next moment, in case the machine slept or its clock was set.
const longestPause = 30 * time.Second

// subject is what a wait is about: a queue, by its name.
type subject string

// Wait returns when the queue has, or just had, a message to receive: call Receive, and where it gives nothing, Wait
// again. It returns the context's error, or ErrClosed.
func (q *Queues) Wait(ctx context.Context, name queue.Name) error {
	return q.engine.wait(ctx, subject(name), "SELECT min(visible_at) FROM message WHERE queue = ? AND head = 1", name)
}

// wait returns at the moment that the query returns. A change of the subject makes it ask again.
func (e *Engine) wait(ctx context.Context, about subject, query string, args ...any) error {
	for {
		changed := e.signals.changed(about) // before the look, so that no change falls between the two
		next, ok, err := e.moment(ctx, query, args)
		if err != nil {
			return err
		}
		now := e.now()
		if e.turnedBack(now) { // what waits is set right with the next commit: this one
			if err := e.touch(ctx); err != nil {
				return err
			}
			continue
		}
		pause := longestPause
		if ok {
			pause = min(pause, next.Sub(now))
		}
		if pause <= 0 {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		case <-e.closing:
			return ErrClosed
		}
	}
}

// touch commits nothing.
func (e *Engine) touch(ctx context.Context) error {
	_, err := do(ctx, e, func(*session) (struct{}, error) { return struct{}{}, nil })
	return err
}

// moment is what the query returns; ok is false where that is NULL.
func (e *Engine) moment(ctx context.Context, query string, args []any) (at time.Time, ok bool, err error) {
	text, err := read(ctx, e, func(s *session) (next sql.NullString, err error) {
		err = s.row(query, args, &next)
		return next, err
	})
	if err != nil || !text.Valid {
		return time.Time{}, false, err
	}
	at, err = parseStamp(text.String)
	return at, err == nil, err
}

// signals wake who waits.
type signals struct {
	mu    sync.Mutex
	about map[subject]chan struct{} // each closed at its subject's change
}

// changed returns a channel that is closed at the subject's next change.
func (s *signals) changed(about subject) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	signal, ok := s.about[about]
	if !ok {
		signal = make(chan struct{})
		s.about[about] = signal
	}
	return signal
}

// announce wakes who waits for a change of the subject.
func (s *signals) announce(about subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if signal, ok := s.about[about]; ok {
		close(signal)
		delete(s.about, about)
	}
}
