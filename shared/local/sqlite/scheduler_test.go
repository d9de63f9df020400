package sqlite

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/conformance"
)

func mustSchedule(t *testing.T, engine *Engine, name string, at time.Time, body string) {
	t.Helper()
	if err := engine.Scheduler.Schedule(t.Context(), name, at, body); err != nil {
		t.Fatal(err)
	}
}

// wantFired fires what is due and expects messages with the bodies in the purge queue, and no others.
func wantFired(t *testing.T, engine *Engine, bodies ...string) {
	t.Helper()
	if err := engine.Scheduler.FireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		received := mustReceive(t, engine, queue.Purge, body)
		if err := engine.Queues.Delete(t.Context(), queue.Purge, received.Handle); err != nil {
			t.Fatal(err)
		}
	}
	mustReceive(t, engine, queue.Purge, "")
}

func TestASchedulesMessageIsSentWhenItIsDueAndOnce(t *testing.T) {
	clock := conformance.NewClock()
	engine := openTest(t, t.TempDir(), clock.Now)
	mustSchedule(t, engine, "b", clock.Now().Add(time.Minute), "in a minute")
	mustSchedule(t, engine, "a", clock.Now().Add(time.Hour), "in an hour")
	mustSchedule(t, engine, "c", clock.Now().Add(-time.Hour), "an hour ago")
	wantFired(t, engine, "an hour ago")
	clock.Advance(time.Minute - 1)
	wantFired(t, engine)
	clock.Advance(1)
	wantFired(t, engine, "in a minute")
	clock.Advance(time.Hour)
	wantFired(t, engine, "in an hour")
	wantFired(t, engine)
	if got := rows(t, engine, "schedule"); got != 0 {
		t.Errorf("%d schedules are left", got)
	}
}

func TestTheSameNameAgainIsTheSameSchedule(t *testing.T) {
	clock := conformance.NewClock()
	engine := openTest(t, t.TempDir(), clock.Now)
	mustSchedule(t, engine, "a", clock.Now().Add(time.Minute), "first")
	mustSchedule(t, engine, "a", clock.Now(), "second")
	wantFired(t, engine)
	clock.Advance(time.Minute)
	wantFired(t, engine, "first")
}

func TestSchedulesSurviveARestart(t *testing.T) {
	dir, clock := t.TempDir(), conformance.NewClock()
	before := openTest(t, dir, clock.Now)
	mustSchedule(t, before, "a", clock.Now().Add(time.Minute), "due while nothing ran")
	mustSchedule(t, before, "b", clock.Now().Add(time.Hour), "due later")
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(30 * time.Minute)
	after := openTest(t, dir, clock.Now)
	wantFired(t, after, "due while nothing ran")
	clock.Advance(30 * time.Minute)
	wantFired(t, after, "due later")
}

func TestABodyThatTheQueueRefusesIsNotScheduled(t *testing.T) {
	engine := openTest(t, t.TempDir(), time.Now)
	err := engine.Scheduler.Schedule(t.Context(), "a", time.Now(), strings.Repeat("a", queue.MaxMessageBytes+1))
	if !fault.Has(err, fault.Permanent) {
		t.Errorf("the error is %v, want a permanent one", err)
	}
	if got := rows(t, engine, "schedule"); got != 0 {
		t.Errorf("%d schedules are there", got)
	}
}

func TestWhatFiresEndsAWaitForTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine := openTest(t, t.TempDir(), time.Now)
		mustSchedule(t, engine, "a", time.Now(), "body")
		wait := func(ctx context.Context) error { return engine.Queues.Wait(ctx, queue.Purge) }
		took, err := timed(t, wait, func() {
			if err := engine.Scheduler.FireDue(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if err != nil || took != time.Second {
			t.Errorf("Wait returned %v after %s, want nothing after a second", err, took)
		}
	})
}
