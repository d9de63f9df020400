package deletion_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
)

// Each case is what comes before and after the connection is stopped at second 10, and what is seen and kept in the end.
var stops = []struct {
	name          string
	before, after []string
	again         []string // redriven after it was stopped
	pages, posts  int      // about the resources; notices apart
	open          int      // incidents of resources
	old, later    int      // records
}{
	{name: "what waits in a queue is dropped", after: []string{"flag@1"}},
	{name: "what happened at the cutoff is dropped", after: []string{"flag@10"}},
	{name: "what happened after the cutoff is worked on", after: []string{"flag@11"}, pages: 1, posts: 1, open: 1, later: 4},
	{name: "old and new in the wrong order", after: []string{"flag app_2@11", "flag@9", "approve@10"}, pages: 1, posts: 1, open: 1, later: 4},
	{name: "a redrive of what was told before", before: []string{"flag@1"}, again: []string{"flag@1"}, pages: 1, posts: 1, old: 4},
	{name: "a page is one while its incident is open, a thread ends with the cutoff", before: []string{"flag@1"}, after: []string{"flag@11"},
		pages: 1, posts: 2, open: 1, old: 2, later: 4},
	{name: "news that were told before the request stay", before: []string{"flag@1", "flag@11"},
		pages: 1, posts: 2, open: 1, old: 2, later: 4},
	{name: "the end of an old incident that comes after the cutoff", before: []string{"flag@1"}, after: []string{"approve@11"},
		pages: 1, posts: 1, old: 2, later: 4},
	{name: "the end of what nobody knows", after: []string{"approve@11"}, later: 4},
	{name: "the end of an old incident within the old time", before: []string{"flag@1"}, after: []string{"approve@9"}, pages: 1, posts: 1, old: 4},
}

func TestWhatIsStopped(t *testing.T) {
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, tt.before...)
			b.run()
			b.requires(ours, 10)
			b.happens(ours, tt.after...)
			b.comesAgain(ours, tt.again...)
			b.run()
			wantSeen(b, tt.pages, tt.posts, tt.open)
			b.wantKept(ours, 10, tt.old, tt.later)
			b.graceEnds()
			b.wantKept(ours, 10, 0, tt.later)
			wantSeen(b, tt.pages, tt.posts, tt.open)
			b.wantNothingParked()
		})
	}
}

func TestManyIncidentsAreResolvedAtATime(t *testing.T) {
	const incidents = 40
	b := newBench(t, nil)
	b.notifier.Copies = deletion.StopCopies
	for i := range incidents {
		b.happens(ours, fmt.Sprintf("flag app_%d@1", i))
	}
	b.run()
	b.requires(ours, 10)
	b.run()
	wantLines(t, "PagerDuty", b.pager.shows(), requested)
	if c := b.onlyCase().Value; c.Resolved != incidents || c.State != deletion.Scheduled {
		t.Errorf("the case: %+v", c)
	}
	b.wantNothingParked()
}

// The request is worked on while the alerts of after it are, in every order: the outcome is the same.
func TestWhatComesWhileTheConnectionIsBeingStopped(t *testing.T) {
	for _, tt := range stops {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.happens(ours, tt.before...)
			b.run()
			b.purge.Records, b.task.Records = late(b, tt.after), late(b, tt.after)
			b.requires(ours, 10)
			b.comesAgain(ours, tt.again...)
			b.run()
			wantSeen(b, tt.pages, tt.posts, tt.open)
			b.graceEnds()
			b.wantKept(ours, 10, 0, tt.later)
			b.wantNothingParked()
		})
	}
}

// late is a store in which the tombstone stands and other workers deal with events before the stop looks around.
func late(b *bench, events []string) record.Purger {
	return &lateStop{Records: b.records, b: b, events: events}
}

type lateStop struct {
	record.Purger
	Records record.Purger
	b       *bench
	events  []string
}

func (l *lateStop) QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error) {
	l.begin(connection)
	return l.Records.QueryKind(ctx, connection, kind, after)
}

func (l *lateStop) Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error) {
	l.begin(connection)
	return l.Records.Query(ctx, connection, after)
}

func (l *lateStop) begin(connection record.Connection) {
	if events := l.events; len(events) > 0 {
		l.events = nil
		l.b.happens(connection, events...)
		for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
			for l.b.handle(name) {
			}
		}
	}
}

func (l *lateStop) Delete(ctx context.Context, key record.Key, cutoff time.Time) (bool, error) {
	return l.Records.Delete(ctx, key, cutoff)
}

// wantSeen counts what people saw of the resources, whatever the notices.
func wantSeen(b *bench, pages, posts, open int) {
	b.Helper()
	gotPages, gotPosts, gotOpen := 0, 0, 0
	for _, title := range b.pager.opened {
		if title == flagged {
			gotPages++
		}
	}
	for _, m := range b.slack.messages {
		if m.message.Content.Family == "application" {
			gotPosts++
		}
	}
	for _, title := range b.pager.shows() {
		if title == flagged {
			gotOpen++
		}
	}
	if gotPages != pages || gotPosts != posts || gotOpen != open {
		b.Errorf("%d pages, %d posts, %d open incidents; want %d, %d and %d", gotPages, gotPosts, gotOpen, pages, posts, open)
	}
}

// The tombstone is set while a worker is at each of its storage calls. Once the worker has begun before the tombstone it may
// tell what it has; it leaves nothing behind that the purge does not find, and nothing that stays open.
func TestTheTombstoneFallsBetweenAnyTwoStepsOfAWorker(t *testing.T) {
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
		t.Run(string(name), func(t *testing.T) {
			for call, reached := 1, true; reached; call++ {
				b := newBench(t, nil)
				interrupted := &interrupted{Store: b.records, at: call, do: func() { b.requires(ours, 10); b.handle(queue.Deletion) }}
				b.workers = b.newWorkers(interrupted, b.records.Deletions)
				b.happens(ours, "flag@1")
				b.handle(name)
				reached = interrupted.calls >= call
				b.run()
				if reached && call <= 3 { // the alert and what it belongs to are read, and the first of them is to be written
					wantSeen(b, 0, 0, 0)
					wantOutcome(b, `"alert_deleted":1`)
					wantNoOutcome(b, "alert_retried")
				}
				b.graceEnds()
				b.wantKept(ours, 10, 0, 0)
				if open := b.pager.shows(); reached && len(open) > 0 {
					t.Errorf("open at the end, where the tombstone came at call %d: %q", call, open)
				}
				b.wantNothingParked()
			}
		})
	}
}

// interrupted is a store in which something happens just before one of its calls.
type interrupted struct {
	record.Store
	at, calls int
	do        func()
}

func (i *interrupted) count() {
	i.calls++
	if i.calls == i.at {
		i.do()
	}
}

func (i *interrupted) Get(ctx context.Context, key record.Key) (record.Record, error) {
	i.count()
	return i.Store.Get(ctx, key)
}

func (i *interrupted) Put(ctx context.Context, rec record.Record) error {
	i.count()
	return i.Store.Put(ctx, rec)
}

func TestAnAlertThatIsToBeTriedAgainIsDropped(t *testing.T) {
	for _, name := range []string{"flag@9", "flag@10"} {
		b := newBench(t, nil)
		b.happens(ours, name)
		b.pager.answer = errors.New("the pager is down")
		b.handle(queue.PagerDuty)
		b.requires(ours, 10)
		b.handle(queue.Deletion)
		b.pager.answer = nil
		b.run()
		wantSeen(b, 0, 0, 0)
		b.wantNothingParked()
	}
}

func TestAnotherPageOfAResolvedIncidentThatWasUnderWayDoesNotStayOpen(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1", "approve@2")
	b.run()
	b.requires(ours, 10)
	// A worker that passed its gate before the tombstone, and whose alert has a record of an earlier attempt.
	event, err := handedOff(b, "flag@3").Open()
	if err != nil {
		t.Fatal(err)
	}
	underWay := record.Record{
		Key:        record.Key{Connection: ours, Kind: record.Alert, ID: event.AlertKey},
		OccurredAt: event.Order.OccurredAt, Data: []byte(`{"schema":1,"value":{"state":"retrying"}}`),
	}
	if err := b.records.Put(t.Context(), underWay); err != nil {
		t.Fatal(err)
	}
	b.handle(queue.Deletion)
	if _, err := b.pagerTask.Work(t.Context(), event, b.line()); err != nil {
		t.Fatal(err)
	}
	b.run()
	wantLines(t, "open after the stop", b.pager.shows(), flagged, requested)
	b.graceEnds()
	wantLines(t, "open at the end", b.pager.shows())
}

func TestAReconnectionIsAnnouncedOnce(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.requires(ours, 10)
		b.run()
		b.breaks(plan)
		b.happens(ours, "flag@11", "flag app_2@12")
		b.run()
		wantLines(t, "paged", b.pager.opened, requested, flagged, flagged)
		wantSeen(b, 2, 2, 2)
		wantTold(b, returned, 1)
		if news := strings.Count(b.log.String(), `"deletion_reconnected":1`); plan == nil && news != 1 {
			t.Errorf("%d messages tell of it", news)
		}
		b.wantKept(ours, 10, 0, 8)
		b.wantNothingParked()
	})
}

func TestTwoWorkersThatSeeAReconnectionAtTheSameTimeAnnounceItOnce(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.happens(ours, "flag@11")
	// The pager's worker announces it while Slack's is between its alert and its own announcement.
	interrupted := &interrupted{Store: b.records.Deletions, at: 2, do: func() { b.handle(queue.PagerDuty) }}
	b.workers = b.newWorkers(b.records, interrupted)
	b.handle(queue.Slack)
	b.run()
	wantTold(b, returned, 1)
	wantSeen(b, 1, 1, 1)
	wantNoOutcome(b, "alert_retried")
}

func TestEachRequestHasItsOwnReconnection(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.happens(ours, "flag@11")
	b.run()
	b.requires(ours, 20)
	b.run()
	b.happens(ours, "flag@21")
	b.run()
	wantTold(b, returned, 2)
	wantLines(t, "states", text(b.states()), "scheduled", "scheduled")
}

func TestAReconnectionContinuesNothingOld(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1")
	b.run()
	b.requires(ours, 10)
	b.run()
	b.happens(ours, "flag@11")
	b.run()
	wantLines(t, "paged", b.pager.opened, flagged, requested, flagged)
	wantLines(t, "Slack", b.slack.shows(), flagged, requested, "  "+returned, flagged)
	b.happens(ours, "approve@12")
	b.run()
	b.graceEnds()
	wantLines(t, "open at the end", b.pager.shows())
	wantLines(t, "Slack at the end", b.slack.shows(), flagged, requested, "  "+returned, "  "+deleted, flagged, "  "+approved)
	b.wantKept(ours, 10, 0, 6)
	if c := b.onlyCase().Value; c.Kept != 6 || c.State != deletion.Finished {
		t.Errorf("the case: %+v", c)
	}
}

// wantTold counts the Slack messages of a title.
func wantTold(b *bench, title string, times int) {
	b.Helper()
	count := 0
	for _, m := range b.slack.messages {
		if m.message.Content.Title == title {
			count++
		}
	}
	if count != times {
		b.Errorf("%q was told %d times, want %d", title, count, times)
	}
}

func text(states []deletion.State) []string {
	var lines []string
	for _, state := range states {
		lines = append(lines, string(state))
	}
	return lines
}
