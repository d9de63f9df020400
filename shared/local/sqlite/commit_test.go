package sqlite

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
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
	done := engine.commit(s, jobs)
	if done != 2 {
		t.Fatalf("%d jobs were answered, want the two of the transaction: the last is for another one", done)
	}
	for i, j := range jobs[:done] {
		if err := <-j.answer; err == nil {
			t.Errorf("job %d was told that it succeeded", i)
		}
	}
	if isRemembered(t, s, "first") {
		t.Error("the first job's id is stored")
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

// large is a job that writes so many bytes.
func large(t *testing.T, text string) *job {
	return &job{ctx: t.Context(), answer: make(chan error, 1), run: func(s *session) error {
		return enqueue(s, queue.Digest, queue.Message{Body: text}, time.Now())
	}}
}

func TestATransactionHoldsABoundedNumberOfBytes(t *testing.T) {
	for size, want := range map[int]int{100: maxBatch, 1 << 20: 4, maxBatchBytes: 1, 2 * maxBatchBytes: 1} {
		engine := openTest(t, t.TempDir(), time.Now)
		s := sessionOf(t, engine)
		var jobs []*job
		text := strings.Repeat("a", size)
		for range maxBatch {
			jobs = append(jobs, large(t, text))
		}
		if done := engine.commit(s, jobs); done != want {
			t.Errorf("a transaction has %d calls of %d bytes, want %d", done, size, want)
		}
		if got := rows(t, engine, "message"); got != want {
			t.Errorf("%d messages of %d bytes are stored, want %d", got, size, want)
		}
	}
}

func TestWhatIsReadCountsTowardsATransactionsBytes(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	s := sessionOf(t, engine)
	mustSend(t, engine, queue.Digest, strings.Repeat("a", 1<<20))
	before := s.bytes
	if _, err := engine.Queues.receive(s, queue.Digest, time.Minute, time.Now()); err != nil || s.bytes-before < 1<<20 {
		t.Errorf("a receipt of 1 MiB counts as %d bytes, %v", s.bytes-before, err)
	}
}

func TestManyLargeCallsAtOnceAreAllAnswered(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	text := strings.Repeat("a", maxBatchBytes/4)
	var senders sync.WaitGroup
	for range 12 {
		senders.Go(func() {
			if err := engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: text}); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	if got := rows(t, engine, "message"); got != 12 {
		t.Errorf("%d messages are stored, want 12", got)
	}
}
