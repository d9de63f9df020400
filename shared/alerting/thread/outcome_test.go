package thread_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

func failed(class fault.Class) error {
	return &fault.Error{Class: class, Op: "call Slack", Reason: "x", RetryAfter: receipt}
}

func wantCalls(b *bench, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.slack.calls); diff != "" {
		b.Error(diff)
	}
}

func wantShown(b *bench, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.slack.show()); diff != "" {
		b.Error(diff)
	}
}

func TestAMessageWhoseAnswerWasLostIsAdopted(t *testing.T) {
	b := newBench(t, nil)
	b.slack.plan = mishap.At(1, mishap.FailsAfter)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
		t.Fatalf("the lost answer: %v", err)
	}
	attempted := b.clock
	if outcome := b.mustWork("flag@1"); outcome != worker.Sent {
		t.Errorf("adopted: %s", outcome)
	}
	wantCalls(b, "post", "find")
	wantShown(b, "flag")
	want := []thread.Search{{
		Channel: story.Channel, AlertKey: event(t, "flag@1").AlertKey, From: attempted.Add(-thread.ClockMargin), To: attempted.Add(thread.ClockMargin),
		Now: attempted.Add(receipt),
	}}
	if diff := cmp.Diff(want, b.slack.searches); diff != "" {
		t.Error(diff)
	}
	if got := b.alertRecord("flag@1"); got.State != alert.Sent || got.TS != b.slack.messages[0].ts {
		t.Errorf("recorded: %+v", got)
	}
}

func TestALostReplyIsLookedForInItsThread(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.slack.plan = mishap.At(1, mishap.FailsAfter)
	if _, err := b.work(event(t, "submit@2")); !fault.Has(err, fault.Unknown) {
		t.Fatalf("the lost answer: %v", err)
	}
	b.mustWork("submit@2")
	if root := b.slack.messages[0].ts; b.slack.searches[0].Thread != root {
		t.Errorf("looked in %q, the root is %q", b.slack.searches[0].Thread, root)
	}
	wantShown(b, "flag, shows submit after flag", "  submit")
}

func TestTheSearchReachesFromTheFirstAttemptOfUnknownOutcomeToTheLast(t *testing.T) {
	b := newBench(t, nil)
	var attempts []time.Time
	for _, class := range []fault.Class{fault.Transient, fault.Unknown, fault.Transient, fault.Unknown} {
		b.slack.postErr = failed(class)
		if _, err := b.work(event(t, "flag@1")); !fault.Has(err, class) {
			t.Fatal(err)
		}
		attempts = append(attempts, b.clock)
	}
	if _, err := b.work(event(t, "flag@1")); err == nil {
		t.Fatal("it ends well")
	}
	last := b.slack.searches[len(b.slack.searches)-1]
	if want := attempts[1].Add(-thread.ClockMargin); !last.From.Equal(want) {
		t.Errorf("from %s, want %s", last.From, want)
	}
	if want := attempts[3].Add(thread.ClockMargin); !last.To.Equal(want) {
		t.Errorf("to %s, want %s", last.To, want)
	}
}

// wantParked looks at a failure that is to have a person look.
func wantParked(t *testing.T, err error, reason string) {
	t.Helper()
	if !fault.Has(err, fault.Permanent) || fault.Of(err).Reason != reason {
		t.Errorf("%v, want it to be parked as %s", err, reason)
	}
}

func TestTwoUnknownOutcomesAfterGoodLooksAreForAPerson(t *testing.T) {
	b := newBench(t, nil)
	b.slack.postErr = failed(fault.Unknown)
	for range 2 {
		if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
			t.Fatal(err)
		}
	}
	_, err := b.work(event(t, "flag@1"))
	wantParked(t, err, alert.ReasonOutcomeUnknown)
	wantCalls(b, "post", "find", "post", "find")
	b.slack.calls, b.slack.postErr = nil, nil
	redrive := event(t, "flag@1")
	redrive.Generation = "redrive-1"
	if outcome, err := b.work(redrive); outcome != worker.Sent || err != nil {
		t.Errorf("a redrive: %s, %v", outcome, err)
	}
	wantCalls(b, "find", "post")
}

// The answers are lost, and Slack took every post.
func TestWhereNobodyCanLookAnAlertIsRepeatedOnceMarkedAndCounted(t *testing.T) {
	b := newBench(t, nil)
	b.slack.findErr = thread.ErrCannotLook
	for range 2 {
		b.slack.losePost()
		if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
			t.Fatal(err)
		}
	}
	if counted := strings.Count(b.log.String(), `"alert_possibly_repeated":1`); counted != 1 {
		t.Errorf("counted %d times when it was made", counted)
	}
	_, err := b.work(event(t, "flag@1"))
	wantParked(t, err, alert.ReasonOutcomeUnknown)
	wantShown(b, "flag", "flag, possibly repeated")
	b.slack.findErr = nil
	redrive := event(t, "flag@1")
	redrive.Generation = "redrive-1"
	if outcome, err := b.work(redrive); outcome != worker.Sent || err != nil {
		t.Errorf("a redrive, once one can look: %s, %v", outcome, err)
	}
	wantShown(b, "flag", "flag, possibly repeated")
}

func TestAnAttemptIsNotBegunWhereItsTimeMayBeCutShort(t *testing.T) {
	b := newBench(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), thread.PostTimeout-time.Millisecond)
	defer cancel()
	if _, err := b.workUnder(ctx, event(t, "flag@1")); !fault.Has(err, fault.Transient) {
		t.Errorf("it ends with %v", err)
	}
	wantCalls(b)
}

func TestAMessageThatIsNotFoundIsPosted(t *testing.T) {
	b := newBench(t, nil)
	b.slack.postErr = failed(fault.Unknown)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
		t.Fatal(err)
	}
	b.slack.postErr = nil
	b.mustWork("flag@1")
	wantCalls(b, "post", "find", "post")
	wantShown(b, "flag")
}

func TestWhereNobodyCanLookTheMessageIsMarkedPossiblyRepeated(t *testing.T) {
	b := newBench(t, nil)
	b.slack.plan = mishap.At(1, mishap.FailsAfter)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
		t.Fatal(err)
	}
	b.slack.findErr = thread.ErrCannotLook
	b.slack.postErr = failed(fault.Throttled)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Throttled) {
		t.Fatal(err)
	}
	b.slack.postErr = nil
	b.mustWork("flag@1")
	wantShown(b, "flag", "flag, possibly repeated")
	if counted := strings.Count(b.log.String(), `"alert_possibly_repeated":1`); counted != 1 {
		t.Errorf("counted %d times", counted)
	}
	b.mustWork("submit@2")
	wantShown(b, "flag", "flag, possibly repeated, shows submit after flag", "  submit")
	if b.slack.messages[1].shown.PossiblyRepeated {
		t.Error("the root's newest state is marked as possibly repeated")
	}
}

func TestALookUpThatFailsPostsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.slack.postErr, b.slack.findErr = failed(fault.Unknown), failed(fault.Throttled)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Unknown) {
		t.Fatal(err)
	}
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Throttled) {
		t.Errorf("a look-up that is throttled: %v", err)
	}
	wantCalls(b, "post", "find")
}

func TestAKnownAnswerNeedsNoLookUp(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Permanent} {
		t.Run(class.String(), func(t *testing.T) {
			b := newBench(t, nil)
			b.slack.postErr = failed(class)
			if _, err := b.work(event(t, "flag@1")); !fault.Has(err, class) {
				t.Fatal(err)
			}
			if got := b.alertRecord("flag@1"); got.State != alert.Retrying || got.Answer != "x" {
				t.Errorf("recorded: %+v", got)
			}
			b.slack.postErr = nil
			b.mustWork("flag@1")
			wantCalls(b, "post", "post")
		})
	}
}

func TestARootThatCouldNotBeUpdatedIsUpdatedLaterWithoutPostingAgain(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.slack.updateErr = failed(fault.Throttled)
	if _, err := b.work(event(t, "submit@2")); !fault.Has(err, fault.Throttled) {
		t.Fatal(err)
	}
	wantShown(b, "flag", "  submit")
	b.slack.updateErr = nil
	b.mustWork("submit@2")
	wantCalls(b, "post", "post", "update", "update")
	wantShown(b, "flag, shows submit after flag", "  submit")
}

// A root that was brought up to date is a call of the channel, so that its line is paced; what is up to date is none.
func TestWhatIsShownLaterIsToldFromWhatWasShown(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.slack.updateErr = failed(fault.Transient)
	if _, err := b.work(event(t, "submit@2")); !fault.Has(err, fault.Transient) {
		t.Fatal(err)
	}
	b.slack.updateErr = nil
	for _, want := range []worker.Outcome{worker.Updated, worker.Duplicate} {
		if outcome := b.mustWork("submit@2"); outcome != want {
			t.Errorf("%s, want %s", outcome, want)
		}
	}
}

// The age of what fails counts from the alert's first attempt, and is kept with it; what Slack asks to wait does not count,
// whatever the call.
func TestTheAgeOfAFailureIsTold(t *testing.T) {
	b := newBench(t, nil)
	age := func() time.Duration { return b.clock.Sub(b.alertRecord("submit@2").TriedSince) }
	b.mustWork("flag@1")
	for _, step := range []struct {
		class           fault.Class
		post, find, upd error
		want            time.Duration
	}{
		{fault.Transient, failed(fault.Transient), nil, nil, 0},
		{fault.Throttled, failed(fault.Throttled), nil, nil, receipt},
		{fault.Unknown, failed(fault.Unknown), nil, nil, receipt},
		{fault.Throttled, nil, failed(fault.Throttled), nil, 2 * receipt},
		{fault.Transient, nil, failed(fault.Transient), nil, 2 * receipt},
		{fault.Throttled, nil, nil, failed(fault.Throttled), 3 * receipt},
		{fault.Transient, nil, nil, failed(fault.Transient), 3 * receipt},
	} {
		b.slack.postErr, b.slack.findErr, b.slack.updateErr = step.post, step.find, step.upd
		if _, err := b.work(event(t, "submit@2")); !fault.Has(err, step.class) {
			t.Fatalf("%v, want one of class %s", err, step.class)
		}
		if got := age(); got != step.want {
			t.Errorf("after %+v its age is %s", step, got)
		}
	}
}

func TestAPauseThatSlackAsksForIsKept(t *testing.T) {
	b := newBench(t, nil)
	b.slack.postErr = &fault.Error{Class: fault.Throttled, Op: "call Slack", Reason: "ratelimited", RetryAfter: 3 * receipt}
	for range 3 { // the message comes too early
		if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Throttled) {
			t.Fatal(err)
		}
	}
	wantCalls(b, "post")
	b.slack.postErr = nil
	b.mustWork("flag@1")
	wantCalls(b, "post", "post")
}

func TestARootThatCanNeverBeUpdatedIsReportedAndPassedOver(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.slack.updateErr = failed(fault.Permanent)
	if outcome := b.mustWork("submit@2"); outcome != worker.Sent {
		t.Errorf("told all the same: %s", outcome)
	}
	if !strings.Contains(b.log.String(), `"level":"WARN"`) || !strings.Contains(b.log.String(), "root_update") {
		t.Errorf("the log: %s", b.log.String())
	}
	b.slack.updateErr = nil
	b.mustWork("approve@3")
	wantShown(b, "flag, shows approve after flag", "  submit", "  approve")
}

func TestAfterFiveAttemptsThatDiedAPersonHasToLook(t *testing.T) {
	b := newBench(t, nil)
	for i := range 5 {
		b.slack.plan = mishap.At(min(i+1, 2), mishap.DiesBefore) // from the second attempt on, a look-up comes before the post
		if !mishap.Died(func() { _, _ = b.work(event(t, "flag@1")) }) {
			t.Fatalf("attempt %d lives", i+1)
		}
	}
	b.slack.plan = nil
	_, err := b.work(event(t, "flag@1"))
	if !fault.Has(err, fault.Permanent) || fault.Of(err).Reason != alert.ReasonAttemptsDied {
		t.Fatalf("the sixth: %v", err)
	}
	b.slack.calls = nil
	redrive := event(t, "flag@1")
	redrive.Generation = "redrive-1"
	if outcome, err := b.work(redrive); outcome != worker.Sent || err != nil {
		t.Errorf("a redrive: %s, %v", outcome, err)
	}
	wantCalls(b, "find", "post") // the redrive still does not know what became of the fifth
	wantShown(b, "flag")
}

func TestAChangeByAnotherCopyIsTransientAndPostsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.Records = overtaken{Store: b.records}
	if _, err := b.work(event(t, "flag@1")); !errors.Is(err, record.ErrChanged) || !fault.Has(err, fault.Transient) {
		t.Errorf("overtaken: %v", err)
	}
	wantCalls(b)
}

// overtaken is a store where another copy wrote first.
type overtaken struct{ record.Store }

func (overtaken) Put(context.Context, record.Record) error { return record.ErrChanged }

func TestAReplyWhoseThreadWasLeftMeanwhileStillCountsForTheNewRoot(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.mustWork("approve@2")
	b.slack.updateErr = failed(fault.Transient)
	if _, err := b.work(event(t, "reject@6")); !fault.Has(err, fault.Transient) { // and is parked in the end
		t.Fatal(err)
	}
	b.slack.updateErr = nil
	b.mustWork("submit@4")
	b.mustWork("reject@6") // redriven
	wantShown(b, "flag, shows approve after flag", "  approve", "  reject", "submit, shows reject after submit")
}

func TestAReplyOfAForgottenThreadThatComesAgainTouchesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.mustWork("flag@1")
	b.mustWork("submit@2")
	b.slack.calls = nil
	b.Records = forgetful{Store: b.records}
	if outcome := b.mustWork("submit@2"); outcome != worker.Duplicate {
		t.Errorf("it ends as %s", outcome)
	}
	wantCalls(b)
}

// forgetful is a store whose thread records have expired.
type forgetful struct{ record.Store }

func (f forgetful) Get(ctx context.Context, key record.Key) (record.Record, error) {
	if key.Kind == record.Thread {
		return record.Record{}, record.ErrNotFound
	}
	return f.Store.Get(ctx, key)
}
