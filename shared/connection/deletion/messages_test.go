package deletion_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
)

// withMessages is a bench whose purge deletes Slack messages: three of ours and one of another connection were posted, and the
// deletion is due.
func withMessages(t *testing.T) *bench {
	b := newBench(t, nil)
	b.purge.Messages = b.slack
	b.happens(ours, "flag@1", "flag app_2@2", "flag app_3@3")
	b.happens(others[0], "flag@1")
	b.run()
	b.requires(ours, 10)
	b.run()
	b.passes(grace)
	return b
}

func TestSlackMessagesAreDeletedBeforeTheirRecords(t *testing.T) {
	b := withMessages(t)
	b.run()
	wantLines(t, "Slack", b.slack.shows(), flagged, requested, "  "+deleted)
	b.wantKept(ours, 10, 0, 0)
	b.wantKept(others[0], 10, 4, 0)
	if c := b.onlyCase().Value; c.SlackMessages != 3 || c.SlackLeft != 0 {
		t.Errorf("the case: %+v", c)
	}
	if len(b.slack.asked) != 3 {
		t.Errorf("asked for %q", b.slack.asked)
	}
}

func TestSlackMessagesStayWhereTheSettingsSaySo(t *testing.T) {
	b := withMessages(t)
	b.purge.Messages = nil
	b.run()
	wantLines(t, "Slack", b.slack.shows(), flagged, flagged, flagged, flagged, requested, "  "+deleted)
	if c := b.onlyCase().Value; c.SlackMessages != 3 || c.SlackLeft != 3 {
		t.Errorf("the case: %+v", c)
	}
}

func TestMessagesThatStayAreCountedAndKeepNothingElse(t *testing.T) {
	b := withMessages(t)
	b.slack.deleteErr, b.slack.allowed = deletion.ErrStays, 1
	b.run()
	b.wantKept(ours, 10, 0, 0)
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.SlackMessages != 3 || c.SlackLeft != 2 {
		t.Errorf("the case: %+v", c)
	}
	b.wantNothingParked()
}

// lost is a bench where Slack took a message and its answer was lost, and the request came before anyone looked: the tombstone
// keeps the worker from looking. The deletion is due.
func lost(t *testing.T) *bench {
	b := newBench(t, nil)
	b.purge.Messages = b.slack
	b.happens(ours, "flag@1")
	b.slack.loses = true
	b.handle(queue.Slack)
	b.slack.loses = false
	b.requires(ours, 10)
	b.run()
	b.passes(grace)
	return b
}

func TestAMessageWhoseAnswerWasLostIsFoundAndDeleted(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := lost(t)
		b.breaks(plan)
		b.run()
		wantLines(t, "Slack", b.slack.shows(), requested, "  "+deleted)
		if c := b.onlyCase().Value; c.State != deletion.Finished || c.SlackMessages != 1 || c.SlackLeft != 0 {
			t.Errorf("the case: %+v", c)
		}
	})
}

// Where a deletion is due at once, Slack may still be about to post what the purge looks for.
func TestAMessageThatIsNotThereYetIsLookedForAgain(t *testing.T) {
	b := newBench(t, nil)
	b.purge.Messages, b.task.Grace = b.slack, 0
	b.happens(ours, "flag@1")
	b.slack.loses = true
	b.handle(queue.Slack)
	b.slack.loses = false
	late := b.slack.messages
	b.slack.messages = nil
	b.requires(ours, 10)
	b.handle(queue.Deletion)
	b.handle(queue.Purge)
	if c := b.onlyCase().Value; c.State != deletion.Started {
		t.Errorf("the purge does not wait for the message: %+v", c)
	}
	b.slack.messages = append(b.slack.messages, late...)
	b.run()
	wantLines(t, "Slack", b.slack.shows(), requested, "  "+deleted)
	if c := b.onlyCase().Value; c.State != deletion.Finished {
		t.Errorf("the case: %+v", c)
	}
}

func TestAMessageThatNobodyCanLookForCountsAsLeft(t *testing.T) {
	b := lost(t)
	b.slack.findErr = fmt.Errorf("look: %w", thread.ErrCannotLook)
	b.run()
	b.wantKept(ours, 10, 0, 0)
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.SlackMessages != 1 || c.SlackLeft != 1 {
		t.Errorf("the case: %+v", c)
	}
}

// A stop between counting a message that stays and deleting its record counts it twice, but never more than there are.
func TestNoMoreMessagesStayThanWereFound(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := withMessages(t)
		b.slack.deleteErr = deletion.ErrStays
		b.breaks(plan)
		b.run()
		if c := b.onlyCase().Value; c.State != deletion.Finished || c.SlackMessages != 3 || c.SlackLeft != 3 {
			t.Errorf("the case: %+v", c)
		}
	})
}

func TestAThrottledPurgeWaitsAsLongAsSlackAsks(t *testing.T) {
	b := withMessages(t)
	b.slack.deleteErr = &fault.Error{Class: fault.Throttled, Op: "delete in Slack", Reason: "ratelimited", RetryAfter: 30 * time.Minute}
	b.slack.allowed = 1
	b.handle(queue.Purge)
	if asked := len(b.slack.asked); asked != 2 {
		t.Fatalf("asked for %d deletions", asked)
	}
	b.slack.allowed = 1
	b.passes(30*time.Minute - 2*time.Second)
	if b.handle(queue.Purge) {
		t.Fatal("it comes before the time that Slack asked for")
	}
	b.passes(2 * time.Second)
	b.handle(queue.Purge)
	b.slack.deleteErr = nil
	b.passes(time.Hour)
	b.run()
	b.wantKept(ours, 10, 0, 0)
	b.wantNothingParked()
	// The record of a message that is gone went with it, though the next message had to wait: none is asked for twice in vain.
	asked := b.slack.asked
	slices.Sort(asked)
	if want := 3; len(slices.Compact(asked)) != want || len(b.slack.asked) > want+2 {
		t.Errorf("asked for %q", b.slack.asked)
	}
}

// A token that was revoked is no fault of one message: the purge waits for a person, and the sweep starts it again.
func TestAPurgeThatSlackRefusesIsParkedAndFoundAgain(t *testing.T) {
	b := withMessages(t)
	b.slack.deleteErr = &fault.Error{Class: fault.Permanent, Op: "delete in Slack", Reason: "token_revoked"}
	b.run()
	wantLines(t, "parked", b.parked(queue.Purge), "token_revoked")
	if c := b.onlyCase().Value; c.State != deletion.Started || c.SlackLeft != 0 {
		t.Errorf("the case: %+v", c)
	}
	wantTold(b, deleted, 0)
	b.slack.deleteErr = nil
	b.passes(oneDay)
	b.sweeps()
	b.wantKept(ours, 10, 0, 0)
	wantLines(t, "Slack", b.slack.shows(), flagged, requested, "  "+deleted, overdue)
	wantLines(t, "open", b.pager.shows(), flagged)
}

func TestAMessageWhoseChannelWasNotRecordedStays(t *testing.T) {
	b := newBench(t, nil)
	b.purge.Messages = b.slack
	old := stored(ours, 5, 1)[0]
	old.Data = []byte(`{"schema":1,"value":{"state":"sent","ts":"1778328000.000001"}}`)
	if err := b.records.Put(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	requestFinished(b)
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.SlackMessages != 1 || c.SlackLeft != 1 {
		t.Errorf("the case: %+v", c)
	}
	if len(b.slack.asked) != 0 {
		t.Errorf("asked for %q", b.slack.asked)
	}
}
