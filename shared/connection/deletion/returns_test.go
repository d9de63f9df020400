package deletion_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

const consented = "The connection is back: an organizer has consented again"

// isConsentedTo queues what tells that ours was consented to at a second.
func (b *bench) isConsentedTo(second int) {
	b.Helper()
	at := noon.Add(time.Duration(second) * time.Second)
	own := handoff.Own{
		Type: revento.TypeConnectionRestored, Connection: ours, Identity: []string{"return", at.String()}, ResourceID: "return",
		OccurredAt: at, Consented: at, Fields: map[string]string{"status": "consented"},
	}
	delivery, err := own.Delivery(b.clock)
	if err != nil {
		b.Fatal(err)
	}
	b.handOff(delivery, "")
}

// What tells of the consent shows and opens nothing itself.
func TestAConsentAfterACutoffIsAnnouncedOnceAndNotAgainByTheFirstWebhook(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.requires(ours, 10)
		b.run()
		b.breaks(plan)
		b.isConsentedTo(11)
		b.run()
		wantLines(t, "Slack", b.slack.shows(), requested, "  "+consented)
		wantLines(t, "paged", b.pager.opened, requested)
		b.happens(ours, "flag@12")
		b.run()
		wantTold(b, consented, 1)
		wantTold(b, returned, 0)
		wantLines(t, "paged", b.pager.opened, requested, flagged)
		b.wantNothingParked()
	})
}

func TestAWebhookThatComesBeforeItsConsentIsSeenAnnouncesItAlone(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.happens(ours, "flag@12")
	b.run()
	b.isConsentedTo(11)
	b.run()
	wantTold(b, returned, 1)
	wantTold(b, consented, 0)
}

// Both see that nobody announced it yet: what people see is one notice.
func TestAConsentAndAWebhookAtTheSameTimeAreAnnouncedOnce(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.isConsentedTo(11)
	event, err := handedOff(b, "flag@12").Open()
	if err != nil {
		t.Fatal(err)
	}
	webhook := &deletion.Gate{Task: b.pagerTask, Deletions: b.records.Deletions, Queues: b.queues}
	// It is announced between the other's announcement and its keeping that it did.
	b.workers = b.newWorkers(b.records, &interrupted{Store: b.records.Deletions, at: 3, do: func() {
		if _, err := webhook.Work(t.Context(), event, b.line()); err != nil {
			t.Error(err)
		}
	}})
	b.run()
	if news := strings.Count(b.log.String(), `"deletion_reconnected":1`); news != 2 {
		t.Errorf("%d messages tell of it, want both", news)
	}
	wantTold(b, consented, 1)
	wantTold(b, returned, 0)
}

// What was consented to before the cutoff is nobody's return, however late it is told.
func TestAConsentOfBeforeTheCutoffIsNotAnnounced(t *testing.T) {
	b := newBench(t, nil)
	b.requires(ours, 10)
	b.run()
	b.isConsentedTo(9)
	b.run()
	wantLines(t, "Slack", b.slack.shows(), requested)
}

func TestAConsentAfterEachCutoffIsAnnounced(t *testing.T) {
	b := newBench(t, nil)
	for cutoff := 10; cutoff < 40; cutoff += 10 {
		b.requires(ours, cutoff)
		b.run()
		b.isConsentedTo(cutoff + 1)
		b.run()
	}
	wantTold(b, consented, 3)
}
