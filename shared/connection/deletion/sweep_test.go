package deletion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/test/golden"
)

// losesItsSchedule is a deletion whose schedule never fires.
func (b *bench) losesItsSchedule(connection record.Connection) {
	b.Helper()
	b.requires(connection, 10)
	b.run()
	clear(b.scheduler.entries)
}

// stuckAsRequested is a request that was filed and then parked, before anything else was done.
func (b *bench) stuckAsRequested(connection record.Connection) {
	b.Helper()
	const filing = 5 // reading and setting the tombstone, reading and storing the case; then the look around
	b.breaks(mishap.At(filing, mishap.DiesBefore))
	b.passes(time.Second)
	b.requires(connection, 10)
	b.workOnceAndGiveUp()
	b.breaks(nil)
	if state := b.cases()[0].Value.State; state != deletion.Requested {
		b.Fatalf("the request is %s", state)
	}
}

func TestWhatIsOverdueIsToldOnceAndQueuedEveryDay(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.losesItsSchedule(ours)
	b.purge.Records = down{b.records}
	b.passes(grace + 2*time.Hour)
	for range 3 {
		b.send(queue.Deletion, deletion.SweepMessage())
		b.handle(queue.Deletion)
		queued := 0
		for b.handle(queue.Purge) {
			queued++
		}
		if queued == 0 {
			t.Error("the purge is not queued again")
		}
		b.workOnce()
		b.passes(oneDay)
	}
	wantTold(b, overdue, 1)
	wantLines(t, "open", b.pager.shows(), overdue, requested)
	late := b.onlyCase().Value
	b.purge.Records = b.records
	b.sweeps()
	c := b.onlyCase().Value
	if c.State != deletion.Finished || !c.OverdueAt.Equal(late.OverdueAt) || late.OverdueAt.IsZero() {
		t.Errorf("the case: %+v", c)
	}
	wantLines(t, "open at the end", b.pager.shows())
	wantLines(t, "Slack at the end", b.slack.shows(), flagged, requested, "  "+deleted, overdue)
}

// down is a store that cannot be read.
type down struct{ record.Purger }

func (down) Query(context.Context, record.Connection, string) ([]record.Record, error) {
	return nil, errors.New("the store is down")
}

func TestWhatIsNotOverdueIsLeftAlone(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	before := b.onlyCase()
	for b.clock.Before(before.Value.Due.Add(-oneDay)) {
		b.sweeps()
		b.passes(oneDay - 6*time.Minute)
	}
	if after := b.onlyCase(); after.Version != before.Version || len(b.scheduler.made) != 1 {
		t.Errorf("%+v", after.Value)
	}
	wantTold(b, overdue, 0)
}

func TestAPurgeIsOverdueTwoHoursAfterItsDate(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{2*time.Hour - time.Second, 0}, {2 * time.Hour, 1}} {
		b := newBench(t, nil)
		b.losesItsSchedule(ours)
		b.clock = b.onlyCase().Value.Due.Add(tt.after - time.Second) // a message takes a second here
		b.send(queue.Deletion, deletion.SweepMessage())
		b.workOnce()
		wantTold(b, overdue, tt.want)
	}
}

func TestTheSweepContinuesARequestThatStandsStill(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.stuckAsRequested(ours)
	b.sweeps()
	if c := b.onlyCase().Value; c.State != deletion.Scheduled || c.Resolved != 1 {
		t.Errorf("the case: %+v", c)
	}
	wantLines(t, "open", b.pager.shows(), requested)
	b.graceEnds()
	b.wantKept(ours, 10, 0, 0)
}

func TestADeletionThatFailsKeepsNoneOfTheOthersFromItsTurn(t *testing.T) {
	for _, broken := range others {
		b := newBench(t, nil)
		for _, connection := range others {
			b.happens(connection, "flag@1")
			b.stuckAsRequested(connection)
		}
		b.task.Records = unreadable{b.records, broken}
		b.run()
		b.send(queue.Deletion, deletion.SweepMessage())
		b.workOnce()
		states := text(b.states())
		slices.Sort(states)
		wantLines(t, "states", states, "requested", "scheduled")
	}
}

// unreadable is a store in which nothing of one connection can be read.
type unreadable struct {
	record.Purger
	connection record.Connection
}

func (u unreadable) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	if connection == u.connection {
		return nil, errors.New("a record of a version to come")
	}
	return u.Purger.Query(ctx, connection, after)
}

func (u unreadable) QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	if connection == u.connection {
		return nil, errors.New("a record of a version to come")
	}
	return u.Purger.QueryKind(ctx, connection, kind, after)
}

func TestTheSweepsLogLine(t *testing.T) {
	b := newBench(t, nil)
	b.losesItsSchedule(ours)
	b.requires(others[0], 10)
	b.requiresWith(others[1], 10, `{"user_id":"usr_1"}`)
	b.run()
	b.clock = noon.Add(time.Hour + grace + 2*time.Hour + time.Minute)
	b.send(queue.Deletion, deletion.SweepMessage())
	b.log.Reset()
	b.handle(queue.Deletion)
	golden.Want(t, "sweep.json", untimed(b.log.String()))
}

// untimed is a log line without the time of its writing, which slog takes from the machine.
func untimed(line string) string {
	_, rest, _ := strings.Cut(line, ",")
	return "{" + rest
}

// The alarms of the template and of docs/operating.md name these metrics.
func TestTheMetricsOfHowMessagesEnd(t *testing.T) {
	for _, tt := range []struct {
		metric string
		do     func(b *bench)
	}{
		{"deletion_scheduled", requestScheduled},
		{"deletion_duplicate", func(b *bench) { requestScheduled(b); requestScheduled(b) }},
		{"deletion_superseded", requestSuperseded},
		{"deletion_held", requestHeld},
		{"deletion_swept", (*bench).sweeps},
		{"deletion_reconnected", func(b *bench) { requestScheduled(b); b.happens(ours, "flag@11"); b.run() }},
		{"deletion_parked", func(b *bench) { b.send(queue.Deletion, queue.Message{Body: "{}"}); b.run() }},
		{"purge_finished", requestFinished},
		{"purge_duplicate", func(b *bench) { requestFinished(b); b.send(queue.Purge, purgeOf(b.onlyCase())); b.run() }},
		{"purge_superseded", func(b *bench) { requestHeld(b); b.send(queue.Purge, purgeOf(b.onlyCase())); b.run() }},
		{"purge_retried", func(b *bench) {
			b.purge.Records = down{b.records}
			requestScheduled(b)
			b.passes(grace)
			b.handle(queue.Purge)
		}},
		{"alert_deleted", func(b *bench) { requestScheduled(b); b.happens(ours, "flag@1"); b.run() }},
	} {
		t.Run(tt.metric, func(t *testing.T) {
			b := newBench(t, nil)
			tt.do(b)
			wantOutcome(b, `"`+tt.metric+`":1`)
		})
	}
}
