package explore

import (
	"context"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/revento/sample"
)

// scenario is what happens outside, and what a person should see in the end whatever goes wrong meanwhile.
type scenario struct {
	name     string
	settings map[string]string // routes that differ from the default
	// grace is how long after its receipt a deletion is due.
	grace time.Duration
	// blind says that Slack lets nobody look whether a message whose answer was lost is there. It is one of the named limits.
	blind bool
	// happens plays in a goroutine of its own, from a minute after the world's beginning.
	happens func(w *world)
	// connected says that connections are on, so that webhooks may be found missing.
	connected bool
	// script is calls that go wrong in every run: each the first of its kind.
	script []scripted
	// want are the lines that shows may return: one of them, where several orders are right.
	want [][]string
}

// scripted is a call that goes wrong, by the beginning of its operation.
type scripted struct {
	operation string
	verdict   verdict
}

// delivery is an event that happened at a second of the world's first minute, under a delivery id.
type delivery struct {
	eventType, resource string
	second              int
	id                  string
}

const (
	flagged   = "application.revision_requested" // slack and pagerduty
	submitted = "application.submitted"          // slack
	approved  = "application.approved"           // resolves, quietly
	required  = "data.deletion_required"
)

func event(eventType, resource string, second int) delivery {
	return delivery{eventType, resource, second, fmt.Sprintf("%s-%s-%d", eventType, resource, second)}
}

// under is the same event under another delivery id.
func (d delivery) under(id string) delivery {
	d.id = id
	return d
}

// signed is the delivery as Revento signs it now, of an event that happened seconds after a world's beginning.
func (d delivery) signed(begun, now time.Time) (sample.Delivery, error) {
	return sample.New(d.eventType, webhookSecret, now, sample.Change{
		OccurredAt: begun.Add(time.Duration(d.second) * time.Second), ResourceID: d.resource, DeliveryID: d.id,
		EventID: connection.EventID, OrganizationID: connection.OrganizationID,
	})
}

// connection is whose deliveries all of these are.
var connection = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}

// The lines of what a person sees.
const (
	flagTold   = "slack Application flagged for revision "
	submitTold = "slack New application "
	approval   = "slack Application approved "
	paged      = "page Application flagged for revision "
)

var onceTold = []string{flagTold + "app_1", paged + "app_1: open"}

var bothTold = append([]string{flagTold + "app_2", paged + "app_2: open"}, onceTold...)

func posts(deliveries ...delivery) func(*world) {
	return func(w *world) {
		for _, d := range deliveries {
			w.post(d)
		}
	}
}

// postsAtOnce posts all at the same time.
func postsAtOnce(deliveries ...delivery) func(*world) {
	return func(w *world) { w.postTogether(deliveries...) }
}

// postsAndSettles posts each when all that came before is worked on.
func postsAndSettles(deliveries ...delivery) func(*world) {
	return func(w *world) {
		for _, d := range deliveries {
			w.post(d)
			w.settles()
		}
	}
}

var revision = event(flagged, "app_1", 1)

var scenarios = []scenario{
	{name: "new", happens: posts(revision), want: [][]string{onceTold}},
	{name: "duplicate", happens: posts(revision, revision), want: [][]string{onceTold}},
	{name: "two copies at once", happens: postsAtOnce(revision, revision), want: [][]string{onceTold}},
	{
		name: "takeover", happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"ledger.Claim", diesAfter}},
	},
	{
		name: "partial fan-out", happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"queue.Send pagerduty", failsBefore}},
	},
	{
		name: "throttled", happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"slack.Post", isThrottled}, {"pager.Enqueue", isThrottled}},
	},
	{
		name: "unknown outcome", happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"slack.Post", failsAfter}, {"pager.Enqueue", failsAfter}},
	},
	{
		name: "unknown outcome, not taken yet", happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"slack.Post", actsLate}, {"pager.Enqueue", actsLate}},
	},
	{
		name: "trigger, then resolve", happens: postsAndSettles(revision, event(approved, "app_1", 2)),
		want: [][]string{{flagTold + "app_1", approval + "app_1", paged + "app_1: resolved"}},
	},
	{name: "new, nobody can look", blind: true, happens: posts(revision), want: [][]string{onceTold}},
	{
		name: "unknown outcome, nobody can look", blind: true, happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"slack.Post", failsAfter}, {"pager.Enqueue", failsAfter}},
	},
	{
		name: "unknown outcome, not taken yet, nobody can look", blind: true, happens: posts(revision), want: [][]string{onceTold},
		script: []scripted{{"slack.Post", actsLate}, {"pager.Enqueue", actsLate}},
	},
	{
		name: "trigger, then resolve, nobody can look", blind: true,
		happens: postsAndSettles(revision, event(approved, "app_1", 2)),
		want: [][]string{
			{flagTold + "app_1", approval + "app_1", paged + "app_1: resolved"},
			{flagTold + "app_1", paged + "app_1: resolved"}, // the trigger waits for a person, and so there is no thread yet
		},
	},
	{
		name: "resolve first", happens: postsAndSettles(event(approved, "app_1", 2), revision),
		want: [][]string{{}},
	},
	{
		name: "trigger and resolve at once", happens: postsAtOnce(revision, event(approved, "app_1", 2)),
		want: [][]string{
			{flagTold + "app_1", approval + "app_1", paged + "app_1: resolved"}, // the trigger was first
			{},                                                                    // the resolve was first
			{flagTold + "app_1", approval + "app_1"}, {paged + "app_1: resolved"}, // first with one of the two
		},
	},
	{
		name: "trigger and resolve of one second, at once", happens: postsAtOnce(revision, event(approved, "app_1", 1)),
		want: [][]string{{flagTold + "app_1", approval + "app_1", paged + "app_1: open"}, onceTold},
	},
	{
		name: "late event", settings: map[string]string{"APPLICATION_SUBMITTED_ROUTE": "slack"},
		happens: postsAndSettles(event(flagged, "app_1", 3), event(submitted, "app_1", 2)),
		want:    [][]string{{flagTold + "app_1", submitTold + "app_1", paged + "app_1: open"}},
	},
	{name: "replay under a new id", happens: posts(revision, revision.under("replayed")), want: [][]string{onceTold}},
	{name: "replay long after", happens: postsAndSettles(revision, revision.under("replayed")), want: [][]string{onceTold}},
	{
		name: "two events under one delivery id", happens: posts(revision.under("one"), event(flagged, "app_2", 2).under("one")),
		want: [][]string{bothTold},
	},
	{
		name: "two events under one delivery id, at once", happens: postsAtOnce(revision.under("one"), event(flagged, "app_2", 2).under("one")),
		want: [][]string{bothTold},
	},
	{name: "redrive", happens: redriven, want: [][]string{onceTold}},
	{
		name: "digest windows", happens: digested,
		want: [][]string{{"digests of 3 events"}},
	},
	{
		name: "deletion, from request to finish", grace: grace, settings: map[string]string{"APPLICATION_SUBMITTED_ROUTE": "slack"},
		happens: deletionRequired, want: [][]string{deleted(paged + "app_1: resolved")},
	},
	{
		name: "deletion while alerts are under way", grace: grace, happens: postsAtOnce(revision, event(required, "", 10)),
		want: [][]string{deleted(), deleted(paged + "app_1: resolved")},
	},
	{
		name: "deletion at once, while alerts are under way", happens: postsAtOnce(revision, event(required, "", 10)),
		want: [][]string{deleted(), deleted(paged + "app_1: resolved")},
	},
	{name: "deletion asked for twice, purged twice", grace: grace, happens: deletionTwice, want: [][]string{deleted(paged + "app_1: resolved")}},
	{
		name: "deletion, and the connection comes back", grace: grace, happens: cameBack,
		want: [][]string{append(deleted(paged+"app_1: resolved", flagTold+"app_2", paged+"app_2: open"),
			"slack The connection is back: it sends data again")},
	},
}

// deleted are the lines of a deletion that was met, and others.
func deleted(others ...string) []string {
	return append(others,
		"slack Data deletion required: the connection is stopped", "slack Data deleted",
		"page Data deletion required: the connection is stopped: resolved", "deletion finished")
}

// redriven has Slack refuse the alert for good, until a person mends that and has the dead letter tried again.
func redriven(w *world) {
	w.slack.refuse(true)
	w.post(revision)
	w.settles()
	w.slack.refuse(false)
	for !w.isOver() && w.parked(queue.Slack) > 0 {
		w.newProcess("operator").redrive()
		w.settles()
		time.Sleep(10 * time.Minute) // until what a redrive that died had in hand is in sight again
	}
}

func (p *process) redrive() {
	ctx, cancel := invocation(time.Hour)
	defer cancel()
	f := p.functions()
	e := f.planned()
	redriver := deadletter.Redriver{
		Desk: deadletter.NewDesk(e.Queues), Records: e.Records, Deletions: e.Deletions, Routes: f.routes, Stack: stack, Now: f.now,
	}
	// Where it fails, the person does it again.
	_, _ = redriver.Redrive(ctx, deadletter.Selection{All: true})
}

func (w *world) parked(name queue.Name) int {
	waiting, inFlight, err := w.queues.Depth(context.Background(), name.DeadLetter())
	if err != nil {
		w.Errorf("count dead letters: %v", err)
	}
	return waiting + inFlight
}

// digested has events come before and beside the moments of two digests, each of which is asked for twice.
func digested(w *world) {
	w.postTogether(event(submitted, "app_1", 1), event(submitted, "app_2", 2))
	first, last := digest.RunMessage(w.begun.Add(time.Minute)), digest.RunMessage(w.begun.Add(2*time.Minute))
	w.send(queue.Digest, first)
	w.send(queue.Digest, first)
	w.post(event(submitted, "app_3", 3))
	w.settles()
	w.send(queue.Digest, last)
	w.send(queue.Digest, last)
}

// deletionRequired alerts, has the connection stopped, and lets an event of before that come late.
func deletionRequired(w *world) {
	postsAndSettles(revision, event(required, "", 10), event(submitted, "app_1", 5))(w)
}

// deletionTwice has the same request come twice at once, and the schedule fire twice.
func deletionTwice(w *world) {
	w.post(revision)
	w.settles()
	request := event(required, "", 10)
	postsAtOnce(request, request.under("again"))(w)
	w.settles()
	w.scheduler.fireTwice()
}

// cameBack has the connection send something new before its purge is due.
func cameBack(w *world) {
	postsAndSettles(revision, event(required, "", 10), event(flagged, "app_2", 20))(w)
}
