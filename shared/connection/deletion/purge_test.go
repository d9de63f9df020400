package deletion_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
)

var items = flag.Int("items", 10_000, "how many records the purge with random stops deletes")

// stored makes records of alerts, incidents and threads in equal parts, all of which an event at a second renewed last.
func stored(connection record.Connection, second, count int) []record.Record {
	kinds := []record.Kind{record.Alert, record.Incident, record.Thread}
	values := []string{`{"state":"sent","channel":"C0111","ts":"%d.1"}`, `{"order":{"resolves":true},"n":%d}`, `{"root":"%d.1"}`}
	records := make([]record.Record, count)
	for i := range records {
		records[i] = record.Record{
			Key:        record.Key{Connection: connection, Kind: kinds[i%3], ID: fmt.Sprintf("%d-%06d", second, i)},
			OccurredAt: noon.Add(time.Duration(second) * time.Second),
			Data:       fmt.Appendf(nil, `{"schema":1,"value":`+values[i%3]+`}`, i),
		}
	}
	return records
}

func (b *bench) fill(connection record.Connection, second, count int) {
	b.Helper()
	for _, rec := range stored(connection, second, count) {
		if err := b.records.Put(b.Context(), rec); err != nil {
			b.Fatal(err)
		}
	}
}

// wantOthersWhole looks for what fill stored for the others.
func (b *bench) wantOthersWhole(count int) {
	b.Helper()
	for _, other := range others {
		b.wantKept(other, 10, count, 0)
	}
}

// due is a bench whose deletion is due, with two other connections beside it.
func due(t testing.TB, old, later int) *bench {
	b := newBench(t, nil)
	b.fill(ours, 5, old/2)
	b.fill(ours, 10, old-old/2)
	b.fill(ours, 11, later)
	for _, other := range others {
		b.fill(other, 5, 20)
	}
	b.requires(ours, 10)
	b.run()
	b.passes(grace)
	return b
}

func TestThePurgeGoesOnWhereverItStops(t *testing.T) {
	want := map[record.Kind]int{record.Alert: 12, record.Incident: 12, record.Thread: 12} // six pages
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := due(t, 36, 9)
		b.breaks(plan)
		b.run()
		b.wantKept(ours, 10, 0, 9)
		b.wantOthersWhole(20)
		c := b.onlyCase().Value
		if diff := cmp.Diff(want, c.Found); diff != "" || c.State != deletion.Finished || c.Kept != 9 {
			t.Errorf("the case: %+v: %s", c, diff)
		}
		wantTold(b, deleted, 1)
		b.wantNothingParked()
	})
}

// The same with its Slack messages, every second of which stays.
func TestThePurgeOfSlackMessagesGoesOnWhereverItStops(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := due(t, 30, 3)
		stays := &every2nd{slack: b.slack}
		b.purge.Messages = stays
		b.breaks(plan)
		b.run()
		b.wantKept(ours, 10, 0, 3)
		b.wantOthersWhole(20)
		c := b.onlyCase().Value
		if c.SlackMessages != 10 || c.SlackLeft < 6 || c.SlackLeft > 10 || plan == nil && c.SlackLeft != 6 {
			t.Errorf("the case: %+v", c)
		}
		if c.Kept != 3 || c.State != deletion.Finished {
			t.Errorf("the case: %+v", c)
		}
		b.wantNothingParked()
	})
}

// every2nd is Slack where every second message stays, by its timestamp.
type every2nd struct {
	*slack
}

func (e *every2nd) Delete(ctx context.Context, channel, ts string) error {
	var number, fraction int
	if _, err := fmt.Sscanf(ts, "%d.%d", &number, &fraction); err != nil {
		return err
	}
	if number%2 == 0 {
		return fmt.Errorf("delete in Slack: %w", deletion.ErrStays)
	}
	return e.slack.Delete(ctx, channel, ts)
}

// dice is a purger that dies or fails at random.
type dice struct {
	record.Purger
	random *rand.Rand
}

func (d dice) roll(call func() error) error {
	const sides = 2000
	switch d.random.IntN(sides) {
	case 0:
		return mishap.Die()
	case 1:
		_ = call()
		return mishap.Die()
	case 2:
		return errors.New("refused")
	case 3:
		_ = call()
		return errors.New("the answer is lost")
	}
	return call()
}

func (d dice) Query(ctx context.Context, connection record.Connection, after string) (page []record.Record, err error) {
	err = d.roll(func() error {
		page, err = d.Purger.Query(ctx, connection, after)
		return err
	})
	return page, err
}

func (d dice) Delete(ctx context.Context, key record.Key, cutoff time.Time) (deleted bool, err error) {
	err = d.roll(func() error {
		deleted, err = d.Purger.Delete(ctx, key, cutoff)
		return err
	})
	return deleted, err
}

func TestAPurgeOfManyRecordsWithRandomStops(t *testing.T) {
	b := newBench(t, nil)
	store := newShelf(slices.Concat(stored(ours, 10, *items), stored(ours, 11, 100))...)
	b.task.Records, b.purge.Records = store, dice{store, rand.New(rand.NewPCG(1, 2))}
	b.requires(ours, 10)
	b.run()
	b.graceEnds()
	if len(store.stored) != 100 {
		t.Errorf("%d records are left, want 100", len(store.stored))
	}
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.Kept != 100 || sum(c.Found) != *items {
		t.Errorf("the case: %+v", c)
	}
	if !strings.Contains(b.log.String(), `"purge_retried":1`) {
		t.Error("nothing stopped it")
	}
	b.wantNothingParked()
}

func sum(counts map[record.Kind]int) int {
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

// slow is a store whose calls take their time.
type slow struct {
	record.Purger
	took time.Duration
}

func (s slow) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	select {
	case <-time.After(s.took):
		return s.Purger.Delete(ctx, key, cutoff)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func TestAPurgeThatNeedsMoreTimeComesAgainAtOnce(t *testing.T) {
	for _, withMessages := range []bool{false, true} {
		t.Run(fmt.Sprint("messages ", withMessages), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { purgeSlowly(t, withMessages) })
		})
	}
}

// purgeSlowly works through 60 records of which each takes 20 of the function's 300 seconds.
func purgeSlowly(t *testing.T, withMessages bool) {
	b := due(t, 60, 5)
	b.purge.Records = slow{b.records, 20 * time.Second}
	if withMessages {
		b.purge.Messages = b.slack
	}
	runs := 0
	for ; b.onlyCase().Value.State != deletion.Finished && runs < 10; runs++ {
		received, ok, err := b.queues.Receive(t.Context(), queue.Purge, 10*time.Minute)
		if err != nil || !ok {
			t.Fatalf("after %d runs the message does not come at once: %v", runs, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), queue.Purge.Entry().Timeout)
		done := b.workers[queue.Purge].Handle(ctx, received)
		if ctx.Err() != nil {
			t.Error("it took all of its time")
		}
		cancel()
		if old, _ := b.kept(ours, 10); done != (old == 0) {
			t.Errorf("done: %v, with %d records left", done, old)
		}
	}
	if runs != 5 {
		t.Errorf("it took %d runs", runs)
	}
	b.wantKept(ours, 10, 0, 5)
	wantOutcome(b, `"purge_unfinished":1`)
	wantOutcome(b, `"purge_finished":1`)
}

func TestSeveralRecordsAreDeletedAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := due(t, 70, 0)
		b.purge.Copies = deletion.PurgeCopies
		b.purge.Records = slow{b.records, time.Second}
		start := time.Now()
		b.run()
		b.wantKept(ours, 10, 0, 0)
		if took := time.Since(start); took != 10*time.Second { // the pages of the memory engine hold 7
			t.Errorf("it took %s", took)
		}
	})
}

func TestAFailureAmongSeveralDeletionsIsTriedAgain(t *testing.T) {
	b := due(t, 100, 0)
	b.purge.Copies = deletion.PurgeCopies
	b.purge.Records = &refusing{Purger: b.records, refused: map[string]bool{}}
	b.run()
	b.wantKept(ours, 10, 0, 0)
	wantLines(t, "states", text(b.states()), "finished")
	wantOutcome(b, `"purge_retried":1`)
}

func TestWhatIsScrubbedIsScrubbedBeforeTheProof(t *testing.T) {
	b := due(t, 9, 0)
	scrubbed := 0
	b.purge.Scrub = func(context.Context) error {
		scrubbed++
		b.wantKept(ours, 10, 0, 0)
		if scrubbed == 1 {
			return errors.New("the disk is busy")
		}
		if c := b.onlyCase().Value; c.State != deletion.Started {
			t.Errorf("proved already: %+v", c)
		}
		return nil
	}
	b.run()
	if c := b.onlyCase().Value; scrubbed != 2 || c.State != deletion.Finished {
		t.Errorf("scrubbed %d times: %+v", scrubbed, c)
	}
}

func TestAMessageThatNoPurgeWroteIsParked(t *testing.T) {
	b := newBench(t, nil)
	for _, body := range []string{"", "{}", `{"schema":1}`, `{"schema":2,"purge":{}}`, deletion.SweepMessage().Body} {
		b.send(queue.Purge, queue.Message{Body: body + " "})
	}
	b.send(queue.Purge, queue.Message{Body: `{"schema":1,"purge":{"event_id":"ZXZ0","organization_id":"b3Jn","case":"CANARY"}}`})
	b.run()
	want := []string{"unreadable", "unreadable", "unreadable", "unreadable", "no_such_deletion", "newer_version"}
	if diff := cmp.Diff(want, b.parked(queue.Purge)); diff != "" {
		t.Error(diff)
	}
	wantNoCanary(b)
}

func TestAPurgeOfWhatIsHeldDeletesNothing(t *testing.T) {
	for _, set := range []func(b *bench){requestHeld, requestSuperseded} {
		b := newBench(t, nil)
		b.fill(ours, 5, 9)
		set(b)
		message := purgeOf(b.cases()[0])
		job, err := b.purge.Open(message, b.line())
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := job.Do(t.Context(), b.line()); outcome != worker.Superseded || err != nil {
			t.Errorf("%s, %v", outcome, err)
		}
		b.wantKept(ours, 10, 9, 0)
	}
}

func requestSuperseded(b *bench) {
	b.requires(ours, 20)
	b.run()
	b.passes(time.Hour)
	b.requires(ours, 10)
	b.run()
}
