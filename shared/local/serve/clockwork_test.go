package serve

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/local/recurring"
	"revento-alerts/shared/testkit/memory"
)

// setClock is a clock that somebody sets, and that goes on while the machine sleeps; timers do neither.
type setClock struct{ ahead atomic.Int64 }

func (c *setClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *setClock) set(by time.Duration) { c.ahead.Add(int64(by)) }

// kept is a job that is kept by a clock, and the moments at which it was done, by that clock.
type kept struct {
	clock setClock

	mu   sync.Mutex
	done []time.Time
}

func (k *kept) note() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done = append(k.done, k.clock.now())
}

// take returns the moments since the last look.
func (k *kept) take() (done []time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	done, k.done = k.done, nil
	return done
}

// keeping keeps a job in fake time, until the test has looked.
func keeping(t *testing.T, job recurring.Job, look func(*kept)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		k := new(kept)
		do := job.Do
		job.Do = func(ctx context.Context) error {
			k.note()
			if do != nil {
				return do(ctx)
			}
			return nil
		}
		go clockwork{now: k.clock.now, log: slog.New(slog.DiscardHandler)}.keep(ctx, job)
		look(k)
		stop()
		synctest.Wait()
	})
}

// wantDone expects that the job was done so often since the last look.
func (k *kept) wantDone(t *testing.T, times int, why string) {
	t.Helper()
	synctest.Wait()
	if done := k.take(); len(done) != times {
		t.Errorf("%s: done %d times, want %d: %v", why, len(done), times, done)
	}
}

func TestAJobIsDoneAtEachOfItsMoments(t *testing.T) {
	hourly := recurring.Job{Name: "test", Schedule: schedule.Every(time.Hour)}
	keeping(t, hourly, func(k *kept) {
		time.Sleep(24*time.Hour + time.Minute)
		synctest.Wait()
		done := k.take()
		for _, at := range done {
			if at.Minute() != 0 || at.Second() != 0 {
				t.Errorf("done at %s", at)
			}
		}
		if len(done) != 24 {
			t.Errorf("done %d times in a day", len(done))
		}
	})
	hourly.AtStart = true
	keeping(t, hourly, func(k *kept) {
		k.wantDone(t, 1, "at the start")
		time.Sleep(time.Hour)
		k.wantDone(t, 1, "at the first moment")
	})
}

// However the clock jumps, a job is late by half a minute at the most, and is done again from where the clock is then.
func TestAClockThatIsSetMakesNoJobLate(t *testing.T) {
	const late = longestWait
	keeping(t, recurring.Job{Name: "test", Schedule: schedule.Every(time.Hour)}, func(k *kept) {
		time.Sleep(10 * time.Minute)
		k.wantDone(t, 0, "before the first moment")
		k.clock.set(55 * time.Minute)
		time.Sleep(late)
		k.wantDone(t, 1, "set over a moment")
		k.clock.set(5 * 24 * time.Hour)
		time.Sleep(late)
		k.wantDone(t, 1, "asleep for five days")
		k.clock.set(-5 * 24 * time.Hour)
		time.Sleep(late)
		k.wantDone(t, 0, "set back: no moment came")
		time.Sleep(time.Hour)
		k.wantDone(t, 1, "an hour after it was set back")
		k.clock.set(-40 * time.Minute)
		time.Sleep(3 * time.Hour)
		k.wantDone(t, 3, "set back a little")
		k.clock.set(-10 * time.Second)
		time.Sleep(24 * time.Hour)
		k.wantDone(t, 24, "set back within a wait")
	})
}

func TestAJobThatFailsIsDoneAgainSoonAndDoesNotSpin(t *testing.T) {
	failures := 3
	job := recurring.Job{Name: "test", Schedule: schedule.Every(time.Hour), Do: func(context.Context) error {
		if failures--; failures >= 0 {
			return errors.New("the engine fails")
		}
		return nil
	}}
	keeping(t, job, func(k *kept) {
		time.Sleep(time.Hour + 2*pauseAfterFailure)
		k.wantDone(t, 3, "two pauses after the moment")
		time.Sleep(pauseAfterFailure)
		k.wantDone(t, 1, "a third")
		time.Sleep(30 * time.Minute)
		k.wantDone(t, 0, "after it was done")
	})
}

func TestAScheduleThatIsOverIsDoneNoMore(t *testing.T) {
	once, err := schedule.Parse("cron(0 12 1 1 ? 2000)", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	keeping(t, recurring.Job{Name: "test", Schedule: once}, func(k *kept) {
		time.Sleep(12 * time.Hour) // fake time begins with the year 2000
		k.wantDone(t, 1, "its only moment")
		time.Sleep(365 * 24 * time.Hour)
		k.wantDone(t, 0, "a year later")
	})
}

func TestAJobsMessageIsThatOfItsMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := memory.NewQueues(time.Now)
		ctx, stop := context.WithCancel(t.Context())
		job := recurring.Job{Name: "test", Schedule: schedule.Every(time.Hour), Queue: queue.Digest, Message: func(at time.Time) queue.Message {
			return queue.Message{Body: at.Format(time.TimeOnly)}
		}}
		go clockwork{queues: queues, now: time.Now, log: slog.New(slog.DiscardHandler)}.keep(ctx, job)
		time.Sleep(2*time.Hour + time.Second)
		stop()
		synctest.Wait()
		var got []string
		for received, ok := mustReceive(t, queues); ok; received, ok = mustReceive(t, queues) {
			got = append(got, received.Body)
		}
		if want := []string{"01:00:00", "02:00:00"}; !slices.Equal(got, want) {
			t.Errorf("it sent %v, want %v", got, want)
		}
	})
}

func mustReceive(t *testing.T, queues *memory.Queues) (queue.Received, bool) {
	t.Helper()
	received, ok, err := queues.Receive(context.WithoutCancel(t.Context()), queue.Digest, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return received, ok
}
