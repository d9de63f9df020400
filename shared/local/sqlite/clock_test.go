package sqlite

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/testkit/conformance"
)

// openRunning opens an engine that runs for as long as the clock says.
func openRunning(t *testing.T, dir string, clock *conformance.Clock) *Engine {
	t.Helper()
	engine := openTest(t, dir, clock.Now)
	began := clock.Now()
	engine.running = func() time.Duration { return clock.Now().Sub(began) }
	return engine
}

// openStill opens an engine for which the clock moves and no time passes.
func openStill(t *testing.T, dir string, clock *conformance.Clock) *Engine {
	t.Helper()
	engine := openTest(t, dir, clock.Now)
	engine.running = func() time.Duration { return 0 }
	return engine
}

// sweep fails the test where a sweep fails.
func sweep(t *testing.T, engine *Engine) {
	t.Helper()
	if err := engine.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const ahead = 2 * time.Hour

func TestWhatWasSetByAClockThatWasAheadBarsForNoLongerThanItWasMeantTo(t *testing.T) {
	receives := func(body string) func(*testing.T, *Engine) {
		return func(t *testing.T, engine *Engine) { mustReceive(t, engine, queue.Slack, body) }
	}
	tests := []struct {
		name string
		// set happens two hours ahead; then the clock is right again, and free is expected after the time.
		set     func(t *testing.T, engine *Engine)
		free    func(t *testing.T, engine *Engine)
		after   time.Duration
		barred  bool // until then
		atStart bool // free at once where the process was started anew
	}{
		{name: "a message that was deferred", after: time.Minute, barred: true, free: receives("one"), set: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			defers(t, engine, time.Minute)
		}},
		{name: "a message in flight", after: time.Hour, barred: true, free: receives("one"), atStart: true, set: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			mustReceive(t, engine, queue.Slack, "one")
		}},
		{name: "a message that was sent", free: receives("one"), set: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
		}},
		{name: "the next of its group", set: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one", "two")
		}, free: func(t *testing.T, engine *Engine) {
			received := mustReceive(t, engine, queue.Slack, "one")
			if err := engine.Queues.Delete(t.Context(), queue.Slack, received.Handle); err != nil {
				t.Fatal(err)
			}
			mustReceive(t, engine, queue.Slack, "two")
		}},
		{name: "a message with a delay", after: time.Minute, set: func(t *testing.T, engine *Engine) {
			if err := engine.Queues.Send(t.Context(), queue.Digest, queue.Message{Body: "one", Delay: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}, free: func(t *testing.T, engine *Engine) { mustReceive(t, engine, queue.Digest, "one") }},
		{name: "a schedule", after: time.Hour, set: func(t *testing.T, engine *Engine) {
			mustSchedule(t, engine, "a", engine.now().Add(time.Hour), "one")
		}, free: func(t *testing.T, engine *Engine) { wantFired(t, engine, "one") }},
		{name: "a deduplication id", after: queue.DeduplicationInterval, set: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			received := mustReceive(t, engine, queue.Slack, "one")
			if err := engine.Queues.Delete(t.Context(), queue.Slack, received.Handle); err != nil {
				t.Fatal(err)
			}
		}, free: func(t *testing.T, engine *Engine) {
			mustSend(t, engine, queue.Slack, "one")
			mustReceive(t, engine, queue.Slack, "one")
		}},
		{name: "a claim", set: func(t *testing.T, engine *Engine) {
			if standing, err := engine.Ledger.Claim(t.Context(), claimAt(engine.now(), "before")); err != nil || standing != nil {
				t.Fatalf("the claim meets %+v, %v", standing, err)
			}
		}, free: func(t *testing.T, engine *Engine) {
			if standing, err := engine.Ledger.Claim(t.Context(), claimAt(engine.now(), "after")); err != nil || standing != nil {
				t.Errorf("the claim meets %+v, %v; want it taken over", standing, err)
			}
		}},
	}
	for _, test := range tests {
		for _, restarted := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", after a restart"}[restarted], func(t *testing.T) {
				dir, clock := t.TempDir(), conformance.NewClock()
				engine := openStill(t, dir, clock)
				clock.Advance(ahead)
				test.set(t, engine)
				clock.Advance(-ahead)
				after := test.after
				if restarted {
					if err := engine.Close(); err != nil {
						t.Fatal(err)
					}
					engine = openStill(t, dir, clock)
					if test.atStart {
						after = 0
					}
				}
				mustReceive(t, engine, queue.Purge, "") // a commit: what was set is set right
				clock.Advance(after - 1)
				if test.barred && after > 0 {
					mustReceive(t, engine, queue.Slack, "")
				}
				clock.Advance(1)
				test.free(t, engine)
			})
		}
	}
}

// claimAt is a claim as ingest makes it.
func claimAt(now time.Time, owner string) ingest.Claim {
	return ingest.Claim{
		DeliveryID: "d-1", Lease: lease.Take(owner, now, 9*time.Second), Identity: "event", Now: now, ReceivedAt: now, Expires: now.Add(time.Hour),
	}
}

// A step that keeps a clock right is none: a lease and a deferral that were set before it hold.
func TestASmallStepBackChangesNothing(t *testing.T) {
	clock := conformance.NewClock()
	engine := openStill(t, t.TempDir(), clock)
	mustSend(t, engine, queue.Slack, "one")
	if _, err := engine.Ledger.Claim(t.Context(), claimAt(clock.Now(), "first")); err != nil {
		t.Fatal(err)
	}
	defers(t, engine, time.Minute)
	clock.Advance(-time.Second / 2)
	if standing, err := engine.Ledger.Claim(t.Context(), claimAt(clock.Now(), "second")); err != nil || standing == nil {
		t.Errorf("the claim meets %+v, %v; want the first one", standing, err)
	}
	clock.Advance(time.Minute)
	mustReceive(t, engine, queue.Slack, "")
	clock.Advance(time.Second / 2)
	mustReceive(t, engine, queue.Slack, "one")
}

// Who waits does so without a commit, and notices all the same.
func TestAWaitNoticesThatTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var offset atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())).Round(0) }
		engine := openTest(t, t.TempDir(), now)
		offset.Store(int64(ahead))
		mustSend(t, engine, queue.Slack, "one")
		defers(t, engine, time.Minute)
		wait := func(ctx context.Context) error { return engine.Queues.Wait(ctx, queue.Slack) }
		took, err := timed(t, wait, func() { offset.Store(0) })
		if limit := time.Minute + longestPause; err != nil || took > limit {
			t.Errorf("Wait took %s, %v; want %s at the most", took, err, limit)
		}
		mustReceive(t, engine, queue.Slack, "one")
	})
}

// keptFor is when what fillWithExpiries stores expires.
const keptFor = 20 * time.Hour

// fillWithExpiries stores something in each table.
func fillWithExpiries(t *testing.T, engine *Engine) {
	t.Helper()
	now := engine.now()
	claim := claimAt(now, "me")
	claim.Expires = now.Add(keptFor)
	_, err := engine.Ledger.Claim(t.Context(), claim)
	rec := record.Record{Key: record.Key{Kind: record.Alert, ID: "one"}, Expires: claim.Expires, Data: []byte("{}")}
	err = errors.Join(err, engine.Records.Put(t.Context(), rec), engine.Deletions.Put(t.Context(), rec),
		engine.Scheduler.Schedule(t.Context(), "a", now.Add(time.Hour), "body"))
	if err != nil {
		t.Fatal(err)
	}
	mustSend(t, engine, queue.Slack, "one", "two")
	mustSend(t, engine, queue.Digest, "one")
	mustSend(t, engine, queue.Slack.DeadLetter(), "a-dead-letter")
}

// held is how many rows each table has, but for the deduplication ids of five minutes.
func held(t *testing.T, engine *Engine) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range []string{"delivery", "record", "deletion", "message", "schedule"} {
		counts[table] = rows(t, engine, table)
	}
	return counts
}

func TestAClockThatJumpsAMonthAheadAndBackLosesNothing(t *testing.T) {
	const month = 30 * 24 * time.Hour
	clock := conformance.NewClock()
	engine := openTest(t, t.TempDir(), clock.Now)
	var ran time.Duration
	engine.running = func() time.Duration { return ran }
	fillWithExpiries(t, engine)
	before := held(t, engine)
	clock.Advance(month)
	for ran < keptFor-time.Hour {
		ran += time.Hour
		sweep(t, engine)
	}
	clock.Advance(-month)
	sweep(t, engine)
	if diff := cmp.Diff(before, held(t, engine)); diff != "" {
		t.Errorf("the rows (-before +after):\n%s", diff)
	}
	mustReceive(t, engine, queue.Slack, "one")
	mustReceive(t, engine, queue.Digest, "one")
	mustReceive(t, engine, queue.Slack.DeadLetter(), "a-dead-letter")
}

func TestWhatWaitedWhileTheMachineWasOffIsStillThere(t *testing.T) {
	dir, clock := t.TempDir(), conformance.NewClock()
	engine := openRunning(t, dir, clock)
	fillWithExpiries(t, engine)
	before := held(t, engine)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(5 * 7 * 24 * time.Hour)
	engine = openRunning(t, dir, clock)
	sweep(t, engine)
	if diff := cmp.Diff(before, held(t, engine)); diff != "" {
		t.Errorf("the rows (-before +after):\n%s", diff)
	}
	mustReceive(t, engine, queue.Slack, "one")
	mustReceive(t, engine, queue.Digest, "one")
	mustReceive(t, engine, queue.Slack.DeadLetter(), "a-dead-letter")
}

func TestAClockThatStaysAheadIsBelievedAfterADayOfRunning(t *testing.T) {
	dir, clock := t.TempDir(), conformance.NewClock()
	engine := openRunning(t, dir, clock)
	fillWithExpiries(t, engine)
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	clock.Advance(7 * 24 * time.Hour)
	engine = openRunning(t, dir, clock)
	for range 2 { // what it ran counts across a restart
		clock.Advance(doubtTime/2 - time.Minute)
		sweep(t, engine)
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
		engine = openRunning(t, dir, clock)
	}
	if got := held(t, engine); got["record"] != 0 {
		t.Errorf("there are %d records, want none: what this program ran is longer than they are kept", got["record"])
	}
	late := record.Record{Key: record.Key{Kind: record.Alert, ID: "two"}, Expires: clock.Now().Add(-time.Hour), Data: []byte("{}")}
	if err := engine.Records.Put(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	sweep(t, engine)
	if got := rows(t, engine, "record"); got != 1 {
		t.Errorf("in doubt there are %d records, want the one that expired after the time that is believed", got)
	}
	clock.Advance(2 * time.Minute)
	sweep(t, engine)
	if got := rows(t, engine, "record"); got != 0 {
		t.Errorf("once the clock is believed there are %d records, want none", got)
	}
}

func TestAMessagePastItsRetentionIsADeadLetterWithItsReason(t *testing.T) {
	clock := conformance.NewClock()
	engine := openRunning(t, t.TempDir(), clock)
	mustSend(t, engine, queue.Slack, "never-tried")
	mustSend(t, engine, queue.PagerDuty, "deferred")
	mustSend(t, engine, queue.Digest, "in-flight")
	sweep(t, engine)
	clock.Advance(queue.Retention - time.Minute)
	sweep(t, engine) // counts what it ran
	mustSend(t, engine, queue.Slack, "behind-it")
	deferred := mustReceive(t, engine, queue.PagerDuty, "deferred")
	if err := engine.Queues.ChangeVisibility(t.Context(), queue.PagerDuty, deferred.Handle, time.Hour); err != nil {
		t.Fatal(err)
	}
	mustReceive(t, engine, queue.Digest, "in-flight")
	sweep(t, engine)
	mustReceive(t, engine, queue.Slack.DeadLetter(), "")
	clock.Advance(time.Minute)
	sweep(t, engine)

	mustReceive(t, engine, queue.Slack, "behind-it")
	dead := mustReceive(t, engine, queue.Slack.DeadLetter(), "never-tried")
	want := map[string]string{queue.AttributeReason: "queue_retention", queue.AttributeParkedAt: clock.Now().UTC().Format(time.RFC3339)}
	if diff := cmp.Diff(want, dead.Attributes); diff != "" {
		t.Errorf("the attributes (-want +got):\n%s", diff)
	}
	mustReceive(t, engine, queue.PagerDuty.DeadLetter(), "deferred")
	if waiting, inFlight, err := engine.Queues.Depth(t.Context(), queue.Digest); err != nil || waiting+inFlight != 1 {
		t.Errorf("%d messages wait and %d are in flight, %v; want the one that is worked on", waiting, inFlight, err)
	}
	clock.Advance(time.Hour)
	sweep(t, engine)
	mustReceive(t, engine, queue.Digest.DeadLetter(), "in-flight")
}

func TestADeadLetterIsKeptForItsRetentionOfRunning(t *testing.T) {
	dir, clock := t.TempDir(), conformance.NewClock()
	engine := openRunning(t, dir, clock)
	mustSend(t, engine, queue.Slack.DeadLetter(), "one", "two") // of one group
	for range 2 {
		clock.Advance(queue.Retention/2 - time.Minute)
		sweep(t, engine)
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
		clock.Advance(queue.Retention) // while nothing runs
		engine = openRunning(t, dir, clock)
	}
	sweep(t, engine)
	if got := rows(t, engine, "message"); got != 2 {
		t.Errorf("%d dead letters are left, want 2", got)
	}
	mustSend(t, engine, queue.Slack.DeadLetter(), "three")
	clock.Advance(2 * time.Minute)
	sweep(t, engine)
	if got := rows(t, engine, "message"); got != 1 {
		t.Errorf("%d dead letters are left, want 1", got)
	}
	mustReceive(t, engine, queue.Slack.DeadLetter(), "three")
}
