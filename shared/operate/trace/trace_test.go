package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/operate/trace"
	"revento-alerts/shared/revento/sample"
)

// tellsDigest has what was gathered counted in a digest, whose message is then in the Slack queue.
func (b *bench) tellsDigest() {
	b.Helper()
	b.works(queue.Digest)
	b.passes(time.Minute)
	if err := b.queues.Send(b.Context(), queue.Digest, digest.RunMessage(b.clock)); err != nil {
		b.Fatal(err)
	}
	b.works(queue.Digest)
}

// purges has the connection's deletion required, and done at once.
func (b *bench) purges() {
	b.Helper()
	b.workers[queue.Deletion].Chore.(*deletion.Task).Grace = 0
	b.delivers("d-required", required, 0, ingest.Accepted)
	b.works(queue.Deletion, queue.Purge, queue.Slack, queue.PagerDuty)
	b.passes(time.Minute)
}

// The families that nobody knew of once had no key to be found by.
func TestAResourceOfAFamilyThatOnlyTheOtherRouteNamesIsFound(t *testing.T) {
	b := newBench(t)
	b.routes(map[string]string{"OTHER_ROUTE": "pagerduty:info,slack"})
	body := fmt.Appendf(nil, `{"type":"badge.printed","occurred_at":%q,"event_id":"evt_1","organization_id":"org_1","data":{"id":"badge_1"}}`,
		b.clock.Format(time.RFC3339))
	b.posts("d-1", "badge.printed", sample.Sign("badge.printed", "s", "d-1", b.clock, body), ingest.Accepted)
	b.works()
	if got := b.ids("evt_1", "org_1", "badge_1"); !slices.Equal(got, []string{"d-1"}) {
		t.Errorf("with a journal: %v", got)
	}
	b.tracer.Ledger = finder{b.ledger}
	if got := b.ids("evt_1", "org_1", "badge_1"); !slices.Equal(got, []string{"d-1"}) {
		t.Errorf("without a journal: %v", got)
	}
}

// A hint without --data or --stack leads to another installation, or to none.
func TestHintsNameTheInstallation(t *testing.T) {
	b := newBench(t)
	b.tracer.Installation = installation.OnStack("prod")
	b.pager.failures = []error{permanent("invalid_routing_key")}
	b.delivers("d-1", flagged, time.Second, ingest.Accepted)
	b.works()
	b.delivers("d-2", required, 0, ingest.Accepted)
	b.works()
	_, unknown := b.tracer.Resource(t.Context(), "evt_2", "org_1", "app_1")
	for _, text := range []string{b.tells("d-1").Why, b.tells("d-2").Why, unknown.Error()} {
		for rest, found := text, true; found; {
			var hint string
			if _, hint, found = strings.Cut(rest, "'revento-alerts "); found {
				hint, rest, _ = strings.Cut(hint, "'")
				if !strings.HasSuffix(hint, " --stack prod") {
					t.Errorf("%q does not name the stack", hint)
				}
			}
		}
		if !strings.Contains(text, "'revento-alerts ") {
			t.Errorf("%q has no hint", text)
		}
	}
}

// claims has a delivery claimed by somebody who then stops.
func (b *bench) claims(id string) {
	b.Helper()
	b.delivers("template", flagged, 0, ingest.Accepted)
	entry, err := b.ledger.Find(b.Context(), "template", b.clock)
	if err != nil {
		b.Fatal(err)
	}
	standing, err := b.ledger.Claim(b.Context(), ingest.Claim{
		DeliveryID: id, Lease: lease.Take("one", b.clock, ingest.Lease), Identity: entry.Identity, ReceivedAt: b.clock, Now: b.clock,
		Expires: b.clock.Add(window), Story: entry.Story,
	})
	if err != nil || standing != nil {
		b.Fatal(standing, err)
	}
}

// Where refusals are kept, a story tells of them; where they are not, it says where to look.
func TestARefusedDelivery(t *testing.T) {
	b := newBench(t)
	b.ingest.Refusals = new(ingest.Refusals)
	b.tracer.Refusals = b.ingest.Refusals.Recent
	refuse := func(id string) {
		b.ingest.Refuse(t.Context(), ingest.Request{DeliveryID: id, Sender: "203.0.113.9"}, ingest.Stale, "signed 1h0m0s before now")
	}
	refuse("d-1")
	b.passes(time.Second)
	refuse("d-1")
	_, err := b.tracer.Delivery(t.Context(), "d-1")
	const want = `"d-1" was refused 2 times, at last at 2026-05-09 12:00:01 UTC: 401 stale: signed 1h0m0s before now, from 203.0.113.9`
	if !errors.Is(err, trace.ErrNotFound) || !strings.Contains(err.Error(), want) {
		t.Errorf("refused alone: %v", err)
	}
	b.passes(time.Second)
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	var steps []string
	for _, step := range b.tells("d-1").Steps {
		steps = append(steps, step.What)
	}
	if want := []string{"refused", "refused", "received", "claimed", "handed off"}; !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}

	b.tracer.Refusals, b.tracer.Refused = nil, "see the log group"
	if _, err := b.tracer.Delivery(t.Context(), "d-2"); !errors.Is(err, trace.ErrNotFound) || !strings.Contains(err.Error(), "see the log group") {
		t.Errorf("not kept: %v", err)
	}
}

func TestADeliveryThatTheLedgerDoesNotKnow(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	b.passes(window)
	for _, id := range []string{"d-1", "nobody's"} {
		_, err := b.tracer.Delivery(t.Context(), id)
		if !errors.Is(err, trace.ErrNotFound) || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "168h") {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestALetterThatCannotBeReadIsFoundByItsDelivery(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	err := b.queues.Send(t.Context(), queue.PagerDuty.DeadLetter(), queue.Message{
		Body: "of a newer version", Group: "g", DeduplicationID: "g",
		Attributes: map[string]string{handoff.AttributeDeliveryID: "d-1", queue.AttributeReason: "unreadable"},
	})
	if err != nil {
		t.Fatal(err)
	}
	story := b.tells("d-1")
	if a := b.alertOf(story, route.PagerDuty); a.State != trace.Parked || !strings.Contains(story.Why, "dead-letters redrive --id "+a.Letter) {
		t.Errorf("%+v: %s", a, story.Why)
	}
	if a := b.alertOf(story, route.Slack); a.State != trace.Waiting {
		t.Errorf("the other queue's: %+v", a)
	}
}

func TestLettersOutOfSightAreSaidToBeSo(t *testing.T) {
	b := newBench(t)
	b.tracer.Letters = deadletter.NewDesk(struct{ queue.Queues }{b.queues}) // which nobody can browse, as on SQS
	b.pager.failures = []error{permanent("invalid_routing_key")}
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	b.works()
	if _, ok, err := b.queues.Receive(t.Context(), queue.PagerDuty.DeadLetter(), time.Minute); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if a := b.alertOf(b.tells("d-1"), route.PagerDuty); !strings.Contains(a.Note, "unless it is a dead letter") {
		t.Errorf("%+v", a)
	}
}

func TestAlertsThatARedriveSentToAnotherChannelAreTold(t *testing.T) {
	b := newBench(t)
	b.slack.failures = []error{permanent("is_archived")}
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	b.works()
	b.routes(map[string]string{"APPLICATION_REVISION_REQUESTED_ROUTE": "slack:C0222"})
	redriver := deadletter.Redriver{Desk: deadletter.NewDesk(b.queues), Records: b.records, Deletions: b.deletions, Routes: b.tracer.Routes, Stack: "prod", Now: b.tracer.Now}
	if _, err := redriver.Redrive(t.Context(), deadletter.Selection{All: true}); err != nil {
		t.Fatal(err)
	}
	b.works()
	story := b.tells("d-1")
	i := slices.IndexFunc(story.Alerts, func(a trace.Alert) bool { return a.Channel == "C0222" })
	if i < 0 || story.Alerts[i].State != alert.Sent || !strings.Contains(story.Alerts[i].Note, "a redrive sent it here") {
		t.Errorf("%+v", story.Alerts)
	}
	if a := b.alertOf(story, route.Slack); a.Channel != "C0111" || a.State != trace.Moved {
		t.Errorf("where it was to go first: %+v", a)
	}
}

func TestTheRecordersMessagesHaveNoLink(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, 0, ingest.Accepted)
	b.works()
	if a := b.alertOf(b.tells("d-1"), route.Slack); a.Link != "https://slack.com/archives/C0111/p1778328000000100" {
		t.Errorf("link %q", a.Link)
	}
	b.tracer.SlackRecorded = true
	if a := b.alertOf(b.tells("d-1"), route.Slack); a.Link != "" || a.TS == "" {
		t.Errorf("link %q, ts %q", a.Link, a.TS)
	}
}

func TestAResourceHasTheStoriesOfItsDeliveries(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, time.Hour, ingest.Accepted)
	b.works()
	b.passes(time.Minute)
	b.routes(map[string]string{"APPLICATION_SUBMITTED_ROUTE": "off"})
	b.delivers("d-2", submitted, 0, ingest.Ignored)
	b.passes(time.Minute)
	b.delivers("d-3", approved, 0, ingest.Accepted)
	b.works()
	b.delivers("d-4", "participant.registered", 0, ingest.Accepted)

	if got := b.ids("evt_1", "org_1", "app_1"); !slices.Equal(got, []string{"d-4", "d-3", "d-2", "d-1"}) && !slices.Equal(got, []string{"d-3", "d-4", "d-2", "d-1"}) {
		t.Errorf("with a journal: %v", got)
	}
	b.tracer.Ledger = finder{b.ledger}
	if got := b.ids("evt_1", "org_1", "app_1"); !slices.Equal(got, []string{"d-3", "d-1"}) {
		t.Errorf("without a journal: %v", got)
	}
	b.passes(window - time.Minute - time.Second)
	stories, err := b.tracer.Resource(t.Context(), "evt_1", "org_1", "app_1")
	if err != nil {
		t.Fatal(err)
	}
	b.golden("resource", stories...)
}

func TestAResourceOfWhichNothingIsKnown(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, time.Hour, ingest.Accepted)
	b.works()
	for _, of := range [][3]string{{"evt_2", "org_1", "app_1"}, {"evt_1", "", "app_1"}, {"evt_1", "org_1", "app_2"}} {
		if _, err := b.tracer.Resource(t.Context(), of[0], of[1], of[2]); !errors.Is(err, trace.ErrNotFound) {
			t.Errorf("%v: %v", of, err)
		}
	}
}

// finder hides that a ledger is a journal.
type finder struct{ ingest.Finder }

func (b *bench) ids(event, organization, resource string) []string {
	b.Helper()
	stories, err := b.tracer.Resource(b.Context(), event, organization, resource)
	if err != nil {
		b.Fatal(err)
	}
	var ids []string
	for _, story := range stories {
		ids = append(ids, story.DeliveryID)
	}
	return ids
}

func TestStorageThatDoesNotAnswerIsAnError(t *testing.T) {
	down := errors.New("down")
	tests := map[string]func(*bench){
		"records":   func(b *bench) { b.tracer.Records = broken{down} },
		"deletions": func(b *bench) { b.tracer.Deletions = broken{down} },
	}
	for name, breaks := range tests {
		b := newBench(t)
		b.delivers("d-1", flagged, 0, ingest.Accepted)
		breaks(b)
		if _, err := b.tracer.Delivery(t.Context(), "d-1"); !errors.Is(err, down) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type broken struct{ err error }

func (s broken) Get(context.Context, record.Key) (record.Record, error) {
	return record.Record{}, s.err
}

func (s broken) Query(context.Context, record.Connection, string) ([]record.Record, error) {
	return nil, s.err
}

// bothParked lets page and message of d-1 be given up, within the second in which it came.
func (b *bench) bothParked() {
	b.Helper()
	b.passes(700 * time.Millisecond)
	b.pager.failures, b.slack.failures = []error{permanent("invalid_routing_key")}, []error{permanent("is_archived")}
	b.delivers("d-1", flagged, time.Second, ingest.Accepted)
	b.works()
}

func (b *bench) drops() {
	b.Helper()
	if _, err := b.tracer.Letters.Drop(b.Context(), deadletter.Selection{All: true, By: "command"}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) redrives() {
	b.Helper()
	redriver := deadletter.Redriver{Desk: b.tracer.Letters, Records: b.records, Routes: b.tracer.Routes, Stack: "prod", Now: b.tracer.Now}
	if _, err := redriver.Redrive(b.Context(), deadletter.Selection{All: true, By: "api"}); err != nil {
		b.Fatal(err)
	}
}

func TestAParkedMessageIsTellableOnlyAfterItCame(t *testing.T) {
	b := newBench(t)
	b.bothParked()
	var order []string
	for _, step := range b.tells("d-1").Steps {
		order = append(order, step.What)
	}
	if parked, handedOff := slices.Index(order, "parked"), slices.Index(order, "handed off"); parked < handedOff {
		t.Errorf("the order is %q", order)
	}
}

// After a deletion the ledger's stories are gone: a delivery is known by its id alone, and a resource is not known at all.
func TestADeliveryWhoseConnectionWasDeletedTellsNothingOfIt(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", flagged, time.Hour, ingest.Accepted)
	b.routes(map[string]string{"APPLICATION_SUBMITTED_ROUTE": "off"})
	b.delivers("d-2", submitted, time.Hour, ingest.Ignored)
	connection := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	if forgotten, err := b.ledger.ForgetStories(t.Context(), connection.Partition(), b.clock); err != nil || forgotten != 2 {
		t.Fatalf("%d stories were forgotten: %v", forgotten, err)
	}
	for _, id := range []string{"d-1", "d-2"} {
		story := b.tells(id)
		if !strings.Contains(story.Why, "is deleted: its connection's data had to go") || story.Type != "" || len(story.Alerts) > 0 {
			t.Errorf("%s: %+v", id, story)
		}
	}
	if _, err := b.tracer.Resource(t.Context(), "evt_1", "org_1", "app_1"); !errors.Is(err, trace.ErrNotFound) {
		t.Errorf("the resource: %v", err)
	}
}

// forgetful is a journal whose entries expire between the look at it and the look at each.
type forgetful struct{ ingest.Journal }

func (forgetful) Find(context.Context, string, time.Time) (ingest.Entry, error) {
	return ingest.Entry{}, ingest.ErrNotFound
}

func (forgetful) FindApart(context.Context, string, time.Time) ([]ingest.Entry, error) {
	return nil, nil
}

// A program that counts the alerts of a story does not expect null.
func TestAStoryThatIsForgottenMeanwhileHasListsAllTheSame(t *testing.T) {
	b := newBench(t)
	b.delivers("d-1", "participant.profile_updated", 0, ingest.Ignored)
	b.tracer.Ledger = forgetful{b.ledger}
	stories, err := b.tracer.Resource(t.Context(), "evt_1", "org_1", "app_1")
	if err != nil || len(stories) != 1 {
		t.Fatalf("%+v, %v", stories, err)
	}
	if text, err := json.Marshal(stories); err != nil || strings.Contains(string(text), "null") {
		t.Errorf("%s, %v", text, err)
	}
}
