package sqlite

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/queue"
)

// sessionOf returns the session of an engine that has nothing to do.
func sessionOf(t *testing.T, engine *Engine) *session {
	t.Helper()
	s, err := do(t.Context(), engine, func(s *session) (*session, error) { return s, nil })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// remembers is a job that stores a deduplication id and then ends with err.
func remembers(ctx context.Context, id string, err error) *job {
	return &job{ctx: ctx, answer: make(chan error, 1), run: func(s *session) error {
		_, failure := remember(s, queue.Slack, id, time.Now())
		return errors.Join(failure, err)
	}}
}

// isRemembered says whether the id was stored.
func isRemembered(t *testing.T, s *session, id string) bool {
	t.Helper()
	var count int
	if err := s.row("SELECT count(*) FROM deduplication WHERE id = ?", []any{id}, &count); err != nil {
		t.Fatal(err)
	}
	return count == 1
}

func TestAJobThatFailsLeavesTheOthersOfItsTransactionAlone(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	s := sessionOf(t, engine)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failure := errors.New("the job's own error")
	jobs := []*job{
		remembers(t.Context(), "first", nil),
		remembers(t.Context(), "failing", failure),
		remembers(ended, "too late", nil),
		remembers(t.Context(), "last", nil),
	}
	engine.commit(s, jobs)
	for i, want := range []error{nil, failure, context.Canceled, nil} {
		if err := <-jobs[i].answer; !errors.Is(err, want) {
			t.Errorf("job %d was answered %v, want %v", i, err, want)
		}
	}
	for id, want := range map[string]bool{"first": true, "failing": false, "too late": false, "last": true} {
		if got := isRemembered(t, s, id); got != want {
			t.Errorf("%q is stored: %t, want %t", id, got, want)
		}
	}
}

func TestATransactionThatBreaksFailsAllItsJobs(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	s := sessionOf(t, engine)
	breaking := remembers(t.Context(), "breaking", nil)
	breaking.run = func(s *session) error { // what SQLite does by itself when the disk is full
		_, err := s.exec("ROLLBACK")
		return err
	}
	jobs := []*job{remembers(t.Context(), "first", nil), breaking, remembers(t.Context(), "last", nil)}
	engine.commit(s, jobs)
	for i, j := range jobs {
		if err := <-j.answer; err == nil {
			t.Errorf("job %d was told that it succeeded", i)
		}
	}
	for _, id := range []string{"first", "last"} {
		if isRemembered(t, s, id) {
			t.Errorf("%q is stored", id)
		}
	}
	mustSend(t, engine, queue.Digest, "the next transaction")
	mustReceive(t, engine, queue.Digest, "the next transaction")
}

func TestACallWhoseContextEndsWhileItWaitsForOthersReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := openTest(t, t.TempDir(), time.Now)
		release := make(chan struct{})
		finished := make(chan error)
		go func() {
			_, err := do(t.Context(), engine, func(*session) (struct{}, error) {
				<-release
				return struct{}{}, nil
			})
			finished <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := engine.Queues.Send(ctx, queue.Digest, queue.Message{Body: "one"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send returned %v, want DeadlineExceeded", err)
		}
		close(release)
		if err := <-finished; err != nil {
			t.Errorf("the call that was worked on: %v", err)
		}
		mustReceive(t, engine, queue.Digest, "")
	})
}
