package digest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
)

// The events of three connections, for two channels.
func early() []event {
	return []event{
		submitted("app_1", "evt_1", channel, noon.Add(1*time.Minute)),
		submitted("app_2", "evt_1", channel, noon.Add(2*time.Minute)),
		submitted("app_3", "evt_2", channel, noon.Add(3*time.Minute)),
		submitted("app_4", "evt_3", other, noon.Add(4*time.Minute)),
		{"participant.registered", "usr_1", "evt_1", other, noon.Add(5 * time.Minute)},
	}
}

func late() event { return submitted("app_9", "evt_1", channel, first.Add(5*time.Minute)) }

var (
	firstInChannel  = "3: 2 application.submitted evt_1 1 application.submitted evt_2"
	firstInOther    = "2: 1 application.submitted evt_3 1 participant.registered evt_1"
	secondInChannel = "1: 1 application.submitted evt_1"
)

func (b *bench) wantShown(channel string, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.shown(channel)); diff != "" {
		b.Errorf("%s: %s", channel, diff)
	}
}

// wantNothingLeft expects that no entry waits, that no run is unfinished, and that a run names no connection once it is done.
func (b *bench) wantNothingLeft() {
	b.Helper()
	if entries, runs := b.pending("digest"), b.pending("digest-run"); entries+runs > 0 {
		b.Errorf("%d entries wait, %d runs are unfinished", entries, runs)
	}
	for _, of := range []string{channel, other} {
		stored, err := b.records.Get(b.Context(), record.Key{Kind: record.DigestRun, ID: of})
		if err == nil && (strings.Contains(string(stored.Data), "evt_") || strings.Contains(string(stored.Data), "members")) {
			b.Errorf("a run that is done still names what it counted: %s", stored.Data)
		}
	}
}

func TestAWindowIsOneMessageForEachChannel(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	b.runAt(first)
	b.take(late())
	b.runAt(second)
	b.wantShown(channel, firstInChannel, secondInChannel)
	b.wantShown(other, firstInOther)
	b.wantNothingLeft()
}

func TestNothingIsSentOrWrittenWhereNothingHappened(t *testing.T) {
	b := newBench(t, nil)
	if outcome := b.mustWork(digest.RunMessage(first)); outcome != "empty" {
		t.Errorf("outcome %q", outcome)
	}
	b.wantShown(channel)
	if _, err := b.records.Get(t.Context(), record.Key{Kind: record.DigestRun, ID: channel}); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("the run's record: %v", err)
	}
}

func TestTheSameEventUnderANewDeliveryIsCountedOnce(t *testing.T) {
	b := newBench(t, nil)
	message := early()[0].handoff(t)
	if outcome := b.mustWork(encoded(t, message)); outcome != worker.Noted {
		t.Errorf("outcome %q", outcome)
	}
	b.runAt(first)
	message.DeliveryID = "another"
	if outcome := b.mustWork(encoded(t, message)); outcome != worker.Duplicate {
		t.Errorf("outcome %q", outcome)
	}
	b.runAt(second)
	b.wantShown(channel, secondInChannel)
}

// Whatever goes wrong at whichever call, while an entry is stored or in a run, each event is counted once and each message
// sent once. Messages come again at once, or after the Slack queue has forgotten what it took.
func TestAMishapAtEveryCall(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, 6 * time.Minute} {
		t.Run(pause.String(), func(t *testing.T) {
			mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
				b := newBench(t, plan)
				b.pause = pause
				b.take(early()...)
				b.runAt(first)
				b.tell()
				b.take(late())
				b.runAt(third)
				b.wantShown(channel, firstInChannel, secondInChannel)
				b.wantShown(other, firstInOther)
				b.wantNothingLeft()
			})
		})
	}
}

// The run's own message never comes again; the next window's finishes what was left.
func TestALostRunIsFinishedByTheNext(t *testing.T) {
	for call := 1; call <= 60; call++ {
		b := newBench(t, nil)
		b.take(early()...)
		plan := mishap.At(call, mishap.DiesAfter)
		lost := newBenchOn(b, plan)
		b.clock = first
		mishap.Died(func() { _, _ = lost.work(t.Context(), digest.RunMessage(first)) })
		b.tell()
		b.take(late())
		b.runAt(second)
		counted := 0
		b.tell()
		for _, p := range b.slack.posts {
			counted += p.Content.Digest.Events
		}
		if counted != 6 || !t.Run(fmt.Sprint("call ", call), func(*testing.T) { b.wantNothingLeft() }) {
			t.Errorf("lost at call %d: %d events are told, want 6: %q and %q", call, counted, b.shown(channel), b.shown(other))
		}
	}
}

// newBenchOn is another copy of the function on the same tables and queues.
func newBenchOn(b *bench, plan *mishap.Plan) *bench {
	copied := newBench(b.T, plan)
	copied.clock = b.clock
	stored := flaky{mishap.Records{Store: b.records, Plan: plan}, mishap.Index{Index: b.records, Plan: plan}}
	copied.Records, copied.Deletions = stored, mishap.Records{Store: b.records.Deletions, Plan: plan}
	copied.Queues = mishap.Queues{Queues: b.queues, Plan: plan}
	return copied
}

func TestAWindowThatComesAgainTellsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	b.runAt(second)
	b.take(submitted("app_9", "evt_1", channel, second.Add(time.Minute)))
	b.runAt(second)
	b.delivered(digest.RunMessage(first)) // which was late
	b.wantShown(channel, firstInChannel)
	b.runAt(third)
	b.wantShown(channel, firstInChannel, secondInChannel)
}

// A digest that ran for a moment that has not come, since the clock was ahead, silences nothing: neither until then nor then.
func TestAClockThatWasAheadSilencesNoDigest(t *testing.T) {
	tomorrow := first.Add(24 * time.Hour)
	for name, between := range map[string][]event{
		"with events in between":                         {late()},
		"with events that the wrong clock took after it": {submitted("app_9", "evt_1", channel, tomorrow.Add(time.Hour))},
		"with none": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.take(early()...)
			b.runAt(tomorrow) // and the clock is set back
			b.take(between...)
			b.runAt(second)
			b.take(submitted("app_10", "evt_2", channel, second.Add(time.Hour)))
			b.runAt(tomorrow)
			b.take(submitted("app_11", "evt_3", channel, tomorrow.Add(time.Minute)))
			b.runAt(tomorrow) // which comes again
			want := []string{firstInChannel}
			if len(between) > 0 {
				want = append(want, secondInChannel)
			}
			b.wantShown(channel, append(want, "1: 1 application.submitted evt_2")...)
		})
	}
}

// between runs something once, just before the first write of a kind's record.
type between struct {
	digest.Store
	kind record.Kind
	do   func()
}

func (s *between) Put(ctx context.Context, rec record.Record) error {
	if do := s.do; do != nil && rec.Key.Kind == s.kind {
		s.do = nil
		do()
	}
	return s.Store.Put(ctx, rec)
}

func TestTwoRunsAtOnceCountAndSendOnce(t *testing.T) {
	for name, windows := range map[string][2]time.Time{"of one window": {first, first}, "of two windows": {first, second}} {
		for _, kind := range []record.Kind{record.DigestRun, record.Digest} {
			t.Run(fmt.Sprintf("%s, at the first write of a %s", name, kind), func(t *testing.T) {
				b := newBench(t, nil)
				b.take(early()...)
				overtaking := newBenchOn(b, nil)
				b.clock = first
				b.Records = &between{Store: b.Records, kind: kind, do: func() { overtaking.mustWork(digest.RunMessage(windows[1])) }}
				b.delivered(digest.RunMessage(windows[0]))
				b.wantShown(channel, firstInChannel)
				b.wantShown(other, firstInOther)
				b.wantNothingLeft()
			})
		}
	}
}

func TestAnEntryThatArrivesDuringARunWaitsForTheNext(t *testing.T) {
	for _, kind := range []record.Kind{record.DigestRun, record.Digest} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, nil)
			b.take(early()...)
			b.clock = first
			b.Records = &between{Store: b.Records, kind: kind, do: func() { b.take(late()) }}
			b.mustWork(digest.RunMessage(first))
			b.wantShown(channel, firstInChannel)
			b.runAt(second)
			b.wantShown(channel, firstInChannel, secondInChannel)
			b.wantNothingLeft()
		})
	}
}

func TestAPurgeDuringARunLeavesNothingBehind(t *testing.T) {
	purged := early()[0].connection()
	for _, kind := range []record.Kind{record.DigestRun, record.Digest} {
		t.Run(string(kind), func(t *testing.T) {
			b := newBench(t, nil)
			b.take(early()...)
			b.clock = first
			b.Records = &between{Store: b.Records, kind: kind, do: func() { b.purge(purged) }}
			b.delivered(digest.RunMessage(first))
			b.wantShown(other, firstInOther) // they were counted before
			b.wantShown(channel, "1: 1 application.submitted evt_2")
			b.wantNothingLeft()
			if left, err := b.records.Query(t.Context(), purged, ""); err != nil || len(left) > 0 {
				t.Errorf("%d records are there again: %v", len(left), err)
			}
		})
	}
}

// All that a claim counted is purged before its message is sent: no channel seems to wait for it, and nothing is left to tell.
func TestAClaimIsFinishedThoughAllItsEntriesArePurged(t *testing.T) {
	b := newBench(t, nil)
	only := early()[0]
	b.take(only)
	b.clock = first
	const listTwice, readRun, readEntry, readTombstone, claim = 2, 1, 1, 1, 1
	lost := newBenchOn(b, mishap.At(listTwice+readRun+readEntry+readTombstone+claim, mishap.DiesAfter))
	if !mishap.Died(func() { _, _ = lost.work(t.Context(), digest.RunMessage(first)) }) {
		t.Fatal("the run did not die")
	}
	if b.pending("digest-run") != 1 {
		t.Fatal("it did not die right after its claim")
	}
	b.purge(only.connection())
	b.runAt(second)
	b.wantShown(channel)
	b.wantNothingLeft()
}

// What the version before this claimed: it kept the summary, and of its entries no more than their names.
func TestAClaimOfTheVersionBeforeIsFinished(t *testing.T) {
	b := newBench(t, nil)
	only := early()[0]
	b.take(only)
	const claim = `{"schema":1,"value":{"state":"claimed","window":"2026-05-09T12:15:00Z","at":"2026-05-09T12:15:01Z","alert_key":"alert-1",` +
		`"summary":{"events":1,"counts":[{"type":"application.submitted","event_id":"evt_1","events":1}],"newest":[]},` +
		`"since":"2026-05-09T12:01:01Z","members":[{"e":"ZXZ0XzE=","o":"b3JnXzE=","k":%q}]}}`
	stored := record.Record{
		Key: record.Key{Kind: record.DigestRun, ID: channel}, OccurredAt: first, Pending: "digest-run",
		Data: fmt.Appendf(nil, claim, only.handoff(t).AlertKey),
	}
	if err := b.records.Put(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	b.runAt(second)
	b.wantShown(channel, secondInChannel)
	b.wantNothingLeft()
}

// The oldest event was received a second after it happened.
func TestADigestSaysSinceWhenItCounts(t *testing.T) {
	b := newBench(t, nil)
	b.take(submitted("app_2", "evt_1", channel, noon.Add(10*time.Minute)), submitted("app_1", "evt_1", channel, noon.Add(4*time.Minute)))
	b.runAt(first)
	b.tell()
	if title := b.slack.posts[0].Content.Title; title != "2 events in the last 11 minutes" {
		t.Errorf("%q", title)
	}
}

func TestADigestThatWaitsDoesNotTellOfWhatIsDeletedMeanwhile(t *testing.T) {
	const firstWithout = "2: 1 application.submitted evt_1 1 application.submitted evt_2"
	b := newBench(t, nil)
	b.take(early()...)
	b.runAt(first)
	b.stop(early()[0].connection(), noon.Add(time.Minute)) // the first of evt_1's two events in the channel
	b.stop(early()[3].connection(), first)
	b.purge(early()[3].connection())
	b.wantShown(channel, firstWithout)
	b.wantShown(other, "1: 1 participant.registered evt_1")
	for _, p := range b.slack.posts {
		if told := p.Content.Digest; len(told.Newest) != told.Events {
			t.Errorf("%d events, and the newest: %+v", told.Events, told.Newest)
		}
	}
}

func TestADigestIsNotSentThatWasAllOfWhatIsDeletedMeanwhile(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()[:2]...)
	b.runAt(first)
	b.stop(early()[0].connection(), first)
	b.wantShown(channel)
	b.wantNothingLeft()
}

func TestAStoppedConnectionIsNotTold(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	back := submitted("app_8", "evt_1", channel, noon.Add(11*time.Minute))
	b.stop(early()[0].connection(), noon.Add(10*time.Minute))
	if outcome := b.mustWork(encoded(t, submitted("app_7", "evt_1", channel, noon).handoff(t))); outcome != worker.Deleted {
		t.Errorf("outcome %q", outcome)
	}
	b.take(back)
	b.runAt(first)
	b.wantShown(channel, "2: 1 application.submitted evt_1 1 application.submitted evt_2")
	b.wantShown(other, "1: 1 application.submitted evt_3")
	b.wantNothingLeft()
}

// The gate in front of Slack leaves out what was stopped after a run; what was stopped before it is not even queued.
func TestNothingIsQueuedOfWhatWasStoppedBeforeTheRun(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()[:2]...)
	b.stop(early()[0].connection(), first)
	b.runAt(first)
	if waiting, inFlight, err := b.queues.Depth(t.Context(), queue.Slack); err != nil || waiting+inFlight != 0 {
		t.Errorf("%d messages wait and %d are in flight, %v; want none", waiting, inFlight, err)
	}
	b.wantNothingLeft()
}

// stale is an index that answers from an older snapshot.
type stale struct {
	digest.Store
	lists map[string][]record.Record
}

func (s stale) Pending(_ context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for _, found := range s.lists[list] {
			if !yield(found, nil) {
				return
			}
		}
	}
}

func TestALaggingIndexCountsNothingTwiceAndLosesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	fresh := b.Records
	snapshot := stale{fresh, map[string][]record.Record{}}
	for _, list := range []string{"digest", "digest-run"} {
		found, err := record.Collect(fresh.Pending(t.Context(), list))
		if err != nil {
			t.Fatal(err)
		}
		snapshot.lists[list] = found
	}
	b.runAt(first)
	b.take(late())
	b.Records = snapshot // shows what was counted, and not what came
	if b.runAt(second); len(b.shown(channel)) != 1 {
		t.Errorf("told again: %q", b.shown(channel))
	}
	b.Records = fresh
	b.runAt(third)
	b.wantShown(channel, firstInChannel, secondInChannel)
	b.wantShown(other, firstInOther)
}

func TestWhatIsTooMuchForOneDigestGoesIntoTheNext(t *testing.T) {
	b := newBench(t, nil)
	for i := range 1005 {
		b.take(submitted(fmt.Sprint("app_", i), "evt_1", channel, noon.Add(time.Duration(i)*time.Millisecond)))
	}
	b.runAt(first)
	b.runAt(second)
	b.wantShown(channel, "1000: 1000 application.submitted evt_1", "5: 5 application.submitted evt_1")
	if waiting := b.slack.posts[0].Content.Digest.Waiting; waiting != 5 {
		t.Errorf("%d are said to wait", waiting)
	}
	b.wantNothingLeft()
}

// However much waits for one channel, another's digest tells of what is its own, with the true counts of both.
func TestABusyChannelStarvesNoOther(t *testing.T) {
	const flood = 20_000
	b := newBench(t, nil)
	for i := range flood {
		b.stores(submitted(fmt.Sprint("app_", i), "evt_1", channel, noon.Add(time.Duration(flood-i)*time.Millisecond)))
	}
	b.stores(submitted("app_quiet", "evt_3", other, noon.Add(time.Minute)))
	b.runAt(first)
	b.wantShown(other, "1: 1 application.submitted evt_3")
	b.wantShown(channel, "1000: 1000 application.submitted evt_1")
	told := b.slack.posts[1].Content.Digest
	if told.Waiting != flood-1000 {
		t.Errorf("%d are said to wait, want %d", told.Waiting, flood-1000)
	}
	if newest := told.Newest[0].ResourceID; newest != fmt.Sprint("app_", flood-1000) { // of the thousand that came first
		t.Errorf("the newest of what came first is said to be %s", newest)
	}
}

// A message tells of as many lines as fit into it, whatever their texts, and the rest waits.
func TestADigestFitsIntoAMessageWhateverTheTexts(t *testing.T) {
	b := newBench(t, nil)
	const events = 900
	for i := range events {
		e := submitted(fmt.Sprint("app_", i), strings.Repeat("\U0001F389", 96)+fmt.Sprintf("%04d", i), channel, noon.Add(time.Duration(i)*time.Millisecond))
		e.what = strings.Repeat("\U0001F389", 100)
		b.stores(e)
	}
	counted := 0
	for window := range 4 {
		b.runAt(first.Add(time.Duration(window) * time.Hour))
	}
	b.tell()
	for _, p := range b.slack.posts {
		counted += p.Content.Digest.Events
	}
	if counted != events || len(b.slack.posts) < 2 {
		t.Errorf("%d events are told in %d messages", counted, len(b.slack.posts))
	}
}

func TestAClaimFitsIntoARecordWhateverTheIDs(t *testing.T) {
	b := newBench(t, nil)
	long := strings.Repeat("é", 512)
	for i := range 400 {
		b.take(submitted(fmt.Sprint("app_", i), fmt.Sprintf("%s%04d", long[:1020], i), channel, noon.Add(time.Duration(i)*time.Millisecond)))
	}
	largest := 0
	b.Records = &measuring{Store: b.Records, largest: &largest}
	for window := range 4 {
		b.runAt(first.Add(time.Duration(window) * time.Hour))
	}
	counted := 0
	b.tell()
	for _, p := range b.slack.posts {
		counted += p.Content.Digest.Events
	}
	if most := 400_000 * 9 / 10; largest > most || counted != 400 {
		t.Errorf("%d events counted; the largest record has %d bytes", counted, largest)
	}
}

type measuring struct {
	digest.Store
	largest *int
}

func (s *measuring) Put(ctx context.Context, rec record.Record) error {
	*s.largest = max(*s.largest, len(rec.Data))
	return s.Store.Put(ctx, rec)
}

func TestAnEventWhoseIDsAreTooLongIsParked(t *testing.T) {
	b := newBench(t, nil)
	_, err := b.work(t.Context(), encoded(t, submitted("app_1", strings.Repeat("x", 1025), channel, noon).handoff(t)))
	if !fault.Has(err, fault.Permanent) {
		t.Errorf("Work: %v", err)
	}
}

// hurried is a context whose time is short from some question on.
type hurried struct {
	context.Context
	left *int
}

func (h hurried) Deadline() (time.Time, bool) {
	if *h.left--; *h.left < 0 {
		return time.Now().Add(5 * time.Second), true
	}
	return time.Now().Add(time.Hour), true
}

// A run whose time is over stops, wherever it is, and goes on there when its message comes again.
func TestARunThatIsShortOfTimeGoesOn(t *testing.T) {
	for left := range 15 {
		b := newBench(t, nil)
		b.take(early()...)
		b.clock = first
		outcome, err := b.work(hurried{t.Context(), &left}, digest.RunMessage(first))
		if finished := left >= 0; err != nil || finished == (outcome == worker.Unfinished) {
			t.Errorf("%d questions left: %q, %v", left, outcome, err)
		}
		b.runAt(first)
		b.runAt(second)
		counted := 0
		b.tell()
		for _, p := range b.slack.posts {
			counted += p.Content.Digest.Events
		}
		if counted != len(early()) {
			t.Errorf("%d events are told, want %d", counted, len(early()))
		}
		b.wantNothingLeft()
	}
}

// An index that is longer than there is time for is told of as far as it was read.
func TestARunTellsOfWhatItHadTimeToList(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	b.clock = first
	short, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if outcome, err := b.work(short, digest.RunMessage(first)); err != nil || outcome != "digested" {
		t.Errorf("%q, %v", outcome, err)
	}
	if waits := b.pending("digest"); waits != len(early())-1 {
		t.Errorf("%d wait still", waits)
	}
	b.runAt(second)
	b.wantNothingLeft()
}

func TestNothingOfTheDataIsKept(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()...)
	found, err := record.Collect(b.records.Pending(t.Context(), "digest"))
	if err != nil || len(found) != 5 {
		t.Fatalf("%d entries, %v", len(found), err)
	}
	for _, stored := range found {
		if strings.Contains(string(stored.Data), "CANARY") {
			t.Errorf("kept: %s", stored.Data)
		}
		if !stored.Expires.IsZero() {
			t.Error("an event that nobody was told of may expire")
		}
	}
	b.runAt(first)
	for _, e := range early() {
		stored, err := b.records.Get(t.Context(), record.Key{Connection: e.connection(), Kind: record.Digest, ID: e.handoff(t).AlertKey})
		if err != nil || stored.Expires.IsZero() {
			t.Errorf("an event that was told stays for good: %v", err)
		}
	}
}

func TestMessagesOfNoFormAreRefusedWithoutRepeatingThem(t *testing.T) {
	b := newBench(t, nil)
	for name, body := range map[string]string{
		"nothing":          "",
		"no JSON":          "CANARY",
		"no window":        `{"schema":1,"run":{}}`,
		"no run":           `{"schema":1,"CANARY":{}}`,
		"a window of none": `{"schema":1,"run":{"window":"CANARY"}}`,
		"a schema to come": `{"schema":2,"run":{"window":"2026-05-09T12:15:00Z"}}`,
		"no schema":        `{"run":{"window":"2026-05-09T12:15:00Z"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			message := digest.RunMessage(first)
			message.Body = body
			if _, err := b.work(t.Context(), message); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("Open: %v", err)
			}
		})
	}
}

// The template's schedule writes this message, with the scheduler's own moment in it.
func TestTheSchedulesMessage(t *testing.T) {
	const want = `{"schema":1,"run":{"window":"2026-05-09T12:15:00Z"}}`
	if got := digest.RunMessage(first.In(time.FixedZone("CEST", 7200))).Body; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTheNewestFewAreShown(t *testing.T) {
	b := newBench(t, nil)
	for i := range 8 {
		b.take(submitted(fmt.Sprint("app_", i*5%8), "evt_1", channel, noon.Add(time.Duration(i*5%8)*time.Minute)))
	}
	b.runAt(first)
	b.tell()
	var newest []string
	for _, occurrence := range b.slack.posts[0].Content.Digest.Newest {
		newest = append(newest, occurrence.ResourceID)
	}
	if want := []string{"app_7", "app_6", "app_5", "app_4", "app_3"}; !slices.Equal(newest, want) {
		t.Errorf("newest: %q, want %q", newest, want)
	}
}

// What waits for a digest never expires; what was told is kept as an alert is, since its event may come again, and so is a
// channel's latest run.
func TestHowLongEntriesAndRunsAreKept(t *testing.T) {
	b := newBench(t, nil)
	b.take(early()[0])
	key := record.Key{Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Kind: record.Digest}
	entry := func() record.Record {
		t.Helper()
		page, err := b.records.QueryKind(t.Context(), key.Connection, record.Digest, "")
		if err != nil || len(page) != 1 {
			t.Fatalf("%d entries, %v", len(page), err)
		}
		return page[0]
	}
	if expires := entry().Expires; !expires.IsZero() {
		t.Errorf("an entry that waits expires at %s", expires)
	}
	b.runAt(first)
	run, err := b.records.Get(t.Context(), record.Key{Kind: record.DigestRun, ID: channel})
	if err != nil {
		t.Fatal(err)
	}
	const kept = 35 * 24 * time.Hour
	for _, stored := range []record.Record{entry(), run} {
		if left := stored.Expires.Sub(b.clock); left < kept-time.Hour || left > kept {
			t.Errorf("the %s is kept for %s, want %s", stored.Key.Kind, left, kept)
		}
	}
}
