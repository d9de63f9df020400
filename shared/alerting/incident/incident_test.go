package incident_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

// Each case is what happens to events that come in this order, and what the pager is left with.
var scenarios = []struct {
	name   string
	events []string
	want   []worker.Outcome
	paged  []string // what was sent, as types
	opened int      // incidents
	open   bool     // at the end
}{
	{"a trigger pages", []string{"flag@1"}, []worker.Outcome{worker.Sent}, []string{"flag"}, 1, true},
	{"a trigger that comes twice pages once", []string{"flag@1", "flag@1"},
		[]worker.Outcome{worker.Sent, worker.Duplicate}, []string{"flag"}, 1, true},
	{"a newer trigger is the same incident", []string{"flag@1", "flag@2"},
		[]worker.Outcome{worker.Sent, worker.Sent}, []string{"flag", "flag"}, 1, true},
	{"an older trigger is superseded", []string{"flag@2", "flag@1"},
		[]worker.Outcome{worker.Sent, worker.Superseded}, []string{"flag"}, 1, true},
	{"a superseded one that comes again is a duplicate", []string{"flag@2", "flag@1", "flag@1"},
		[]worker.Outcome{worker.Sent, worker.Superseded, worker.Duplicate}, []string{"flag"}, 1, true},
	{"a resolve ends the incident", []string{"flag@1", "approve@2"},
		[]worker.Outcome{worker.Sent, worker.Sent}, []string{"flag", "approve"}, 1, false},
	{"a resolve that comes twice is sent once", []string{"flag@1", "approve@2", "approve@2"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Duplicate}, []string{"flag", "approve"}, 1, false},
	{"an older resolve resolves nothing", []string{"flag@2", "approve@1"},
		[]worker.Outcome{worker.Sent, worker.Superseded}, []string{"flag"}, 1, true},
	{"an older trigger does not reopen", []string{"flag@1", "approve@3", "flag@2"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Superseded}, []string{"flag", "approve"}, 1, false},
	{"a newer trigger opens a new incident", []string{"flag@1", "approve@2", "flag@3"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Sent}, []string{"flag", "approve", "flag"}, 2, true},
	{"the first trigger after all that is a duplicate", []string{"flag@1", "approve@2", "flag@3", "flag@1"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Sent, worker.Duplicate}, []string{"flag", "approve", "flag"}, 2, true},
	{"a resolve without an incident is noted", []string{"approve@1"}, []worker.Outcome{worker.Noted}, nil, 0, false},
	{"a noted one that comes again is a duplicate", []string{"approve@1", "approve@1"},
		[]worker.Outcome{worker.Noted, worker.Duplicate}, nil, 0, false},
	{"a resolve that overtook its trigger", []string{"approve@2", "flag@1"},
		[]worker.Outcome{worker.Noted, worker.Superseded}, nil, 0, false},
	{"a newer trigger after a noted resolve pages", []string{"approve@1", "flag@2"},
		[]worker.Outcome{worker.Noted, worker.Sent}, []string{"flag"}, 1, true},
	{"of one second, the trigger wins: it comes first", []string{"flag@1", "approve@1"},
		[]worker.Outcome{worker.Sent, worker.Superseded}, []string{"flag"}, 1, true},
	{"of one second, the trigger wins: it comes last", []string{"approve@1", "flag@1"},
		[]worker.Outcome{worker.Noted, worker.Sent}, []string{"flag"}, 1, true},
	{"of one second, in an incident that is open: the resolve comes first", []string{"submit@1", "approve@2", "flag@2"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Sent}, []string{"submit", "approve", "flag"}, 2, true},
	{"of one second, in an incident that is open: the trigger comes first", []string{"submit@1", "flag@2", "approve@2"},
		[]worker.Outcome{worker.Sent, worker.Sent, worker.Superseded}, []string{"submit", "flag"}, 1, true},
	{"of one second, two resolves and a trigger between them", []string{"approve@1", "flag@1", "reject@1"},
		[]worker.Outcome{worker.Noted, worker.Sent, worker.Superseded}, []string{"flag"}, 1, true},
	{"of one second, and a resolve of the next", []string{"approve@1", "flag@1", "reject@2"},
		[]worker.Outcome{worker.Noted, worker.Sent, worker.Sent}, []string{"flag", "reject"}, 1, false},
}

func TestScenarios(t *testing.T) {
	for _, tt := range scenarios {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			var outcomes []worker.Outcome
			for _, name := range tt.events {
				outcome, err := b.work(event(t, name))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				outcomes = append(outcomes, outcome)
			}
			if diff := cmp.Diff(tt.want, outcomes); diff != "" {
				t.Error(diff)
			}
			var paged []string
			for _, page := range b.pager.received {
				paged = append(paged, story.VerbOf(page.Content.Type))
			}
			if diff := cmp.Diff(tt.paged, paged); diff != "" {
				t.Error(diff)
			}
			wantPager(b, tt.opened, tt.open)
		})
	}
}

// Whatever goes wrong at whichever call, the pager is left as it is without.
func TestScenariosSurviveAMishapAtEveryCall(t *testing.T) {
	for _, tt := range scenarios {
		t.Run(tt.name, func(t *testing.T) {
			mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
				b := newBench(t, plan)
				for _, name := range tt.events {
					b.delivered(name)
				}
				wantPager(b, tt.opened, tt.open)
				for _, name := range tt.events {
					if state := b.alertRecord(name).Value.State; !state.IsFinal() {
						t.Errorf("%s is left %q", name, state)
					}
				}
			})
		})
	}
}

func wantPager(b *bench, opened int, open bool) {
	b.Helper()
	if b.pager.opened != opened || b.isOpen() != open {
		b.Errorf("%d incidents, open %v, want %d, open %v", b.pager.opened, b.isOpen(), opened, open)
	}
}

func TestTwoTriggersOfOneMomentAreOrderedByTheirKeys(t *testing.T) {
	lesser, greater := "flag@1", "submit@1"
	if event(t, lesser).AlertKey > event(t, greater).AlertKey {
		lesser, greater = greater, lesser
	}
	b := newBench(t, nil)
	for _, step := range []struct {
		name string
		want worker.Outcome
	}{{greater, worker.Sent}, {lesser, worker.Superseded}} {
		if got, err := b.work(event(t, step.name)); got != step.want || err != nil {
			t.Errorf("%s: %s, %v, want %s", step.name, got, err, step.want)
		}
	}
}

func TestThePageHoldsWhatThePagerNeeds(t *testing.T) {
	b := newBench(t, nil)
	if _, err := b.work(event(t, "flag@1")); err != nil {
		t.Fatal(err)
	}
	want := []incident.Page{{
		IncidentKey: event(t, "flag@1").IncidentKey,
		Content: alert.Content{
			Type: "application.revision_requested", Title: "Application flagged for revision", Family: "application", Severity: "error",
			Environment: "test", EventID: "evt_1", OrganizationID: "org_1", ResourceID: "app_1", HappenedAt: noon.Add(time.Second),
			DeliveryID: "delivery of flag@1",
		},
		Lateness: time.Hour - time.Second,
	}}
	if diff := cmp.Diff(want, b.pager.received); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedPageIsRecordedAndTriedAgain(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Permanent} {
		t.Run(class.String(), func(t *testing.T) {
			b := newBench(t, nil)
			b.pager.answer = &fault.Error{Class: class, Op: "page", Reason: "http_500"}
			if _, err := b.work(event(t, "flag@1")); !fault.Has(err, class) {
				t.Fatalf("the first try: %v", err)
			}
			got := b.alertRecord("flag@1").Value
			if got.State != alert.Retrying || got.Answer != "http_500" || got.Attempts != 1 || got.Unanswered != 0 {
				t.Errorf("recorded: %+v", got)
			}
			b.pager.answer = nil
			b.clock = b.clock.Add(alert.DefaultPause)
			if outcome, err := b.work(event(t, "flag@1")); outcome != worker.Sent || err != nil {
				t.Errorf("the second try: %s, %v", outcome, err)
			}
			if len(b.pager.received) != 2 {
				t.Errorf("%d calls of the pager", len(b.pager.received))
			}
		})
	}
}

func TestAPauseThatThePagerAsksForIsKept(t *testing.T) {
	b := newBench(t, nil)
	b.pager.answer = &fault.Error{Class: fault.Throttled, Op: "page", Reason: "http_429", RetryAfter: time.Hour}
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Throttled) {
		t.Fatal(err)
	}
	b.pager.answer = nil
	b.clock = b.clock.Add(time.Hour - time.Second)
	if _, err := b.work(event(t, "flag@1")); !fault.Has(err, fault.Throttled) || fault.Of(err).RetryAfter != time.Second {
		t.Errorf("a second before its end: %v", err)
	}
	if len(b.pager.received) != 1 {
		t.Errorf("%d calls of the pager", len(b.pager.received))
	}
	b.clock = b.clock.Add(time.Second)
	if outcome, err := b.work(event(t, "flag@1")); outcome != worker.Sent || err != nil {
		t.Errorf("at its end: %s, %v", outcome, err)
	}
}

func TestAfterFiveAttemptsThatDiedAPersonHasToLook(t *testing.T) {
	b := newBench(t, nil)
	b.Pager = deadly{}
	for i := range 5 {
		if !mishap.Died(func() { _, _ = b.work(event(t, "flag@1")) }) {
			t.Fatalf("attempt %d lives", i+1)
		}
	}
	_, err := b.work(event(t, "flag@1"))
	if !fault.Has(err, fault.Permanent) || fault.Of(err).Reason != alert.ReasonAttemptsDied {
		t.Fatalf("the sixth: %v", err)
	}
	redrive := event(t, "flag@1")
	redrive.Generation = "redrive-1"
	if !mishap.Died(func() { _, _ = b.work(redrive) }) {
		t.Error("a redrive makes no attempt of its own")
	}
	b.Pager = b.pager
	if outcome, err := b.work(redrive); outcome != worker.Sent || err != nil {
		t.Errorf("a redrive: %s, %v", outcome, err)
	}
}

// deadly is a pager whose every call kills the process.
type deadly struct{}

func (deadly) Enqueue(context.Context, incident.Page) error { return mishap.Die() }

func TestAChangeByAnotherCopyIsTransient(t *testing.T) {
	b := newBench(t, nil)
	e := event(t, "flag@1")
	b.Records = overtaken{Store: b.records}
	if _, err := b.work(e); !errors.Is(err, record.ErrChanged) || !fault.Has(err, fault.Transient) {
		t.Errorf("overtaken: %v", err)
	}
	if len(b.pager.received) != 0 {
		t.Error("it paged, though another copy is at work")
	}
}

// overtaken is a store where another copy wrote first.
type overtaken struct{ record.Store }

func (overtaken) Put(context.Context, record.Record) error { return record.ErrChanged }

func TestRecordsOfOpenIncidentsDoNotExpire(t *testing.T) {
	b := newBench(t, nil)
	e := event(t, "flag@1")
	expires := func() time.Time {
		stored, err := b.records.Get(t.Context(), record.Key{Connection: e.Connection, Kind: record.Incident, ID: e.IncidentKey})
		if err != nil {
			t.Fatal(err)
		}
		return stored.Expires
	}
	b.delivered("flag@1")
	if at := expires(); !at.IsZero() {
		t.Errorf("an open incident's record expires at %s", at)
	}
	b.delivered("approve@2")
	if at := expires(); at.Before(noon.Add(alert.Retention)) {
		t.Errorf("a resolved incident's record expires at %s, before an alert's", at)
	}
	b.delivered("flag@3")
	if at := expires(); !at.IsZero() {
		t.Errorf("a reopened incident's record expires at %s", at)
	}
}

func TestACallOfThePagerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.Pager = hanging{}
		start := time.Now()
		if _, err := b.work(event(t, "flag@1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a pager that hangs: %v", err)
		}
		if took := time.Since(start); took != incident.CallTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

// hanging is a pager that answers nothing.
type hanging struct{}

func (hanging) Enqueue(ctx context.Context, _ incident.Page) error {
	<-ctx.Done()
	return ctx.Err()
}

// A trigger whose answers were all lost may have opened the incident all the same: the resolve that comes later must be sent,
// or the page stays open for ever.
func TestAResolveIsSentWhereATriggersAnswersWereLost(t *testing.T) {
	b := newBench(t, nil)
	b.pager.answer = &fault.Error{Class: fault.Transient, Op: "page", Reason: "timeout"}
	if _, err := b.work(event(t, "flag@1")); err == nil {
		t.Fatal("the lost answer counts as taken")
	}
	b.pager.answer = nil
	if outcome, err := b.work(event(t, "approve@2")); outcome != worker.Sent || err != nil {
		t.Fatalf("the resolve: %s, %v", outcome, err)
	}
	if last := b.pager.received[len(b.pager.received)-1]; !last.Content.Resolves {
		t.Errorf("sent last: %+v", last)
	}
	if outcome, err := b.work(event(t, "flag@1")); outcome != worker.Superseded || err != nil {
		t.Errorf("the trigger that is redriven: %s, %v", outcome, err)
	}
}

// after is an event of a connection whose data of up to a second is deleted.
func after(t *testing.T, second int, name string) handoff.Event {
	t.Helper()
	e := event(t, name)
	e.Cutoff = noon.Add(time.Duration(second) * time.Second)
	return e
}

// ends is the notice that resolves the incident at the cutoff.
func ends(t *testing.T, second int) handoff.Event {
	t.Helper()
	e := event(t, fmt.Sprintf("approve@%d", second))
	e.AlertKey, e.Order.AlertKey = "ends", "ends"
	e.Form = handoff.Notice{Title: "The connection has ended", Ends: true}
	return e
}

// Each case is what happens to a flag of second 1 whose connection's deletion has its cutoff at second 5.
func TestTheEndOfAnIncidentFromBeforeACutoff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []handoff.Event
		want   []worker.Outcome
		open   bool
	}{
		{"the notice resolves it", []handoff.Event{ends(t, 5)}, []worker.Outcome{worker.Sent}, false},
		{"the notice comes twice", []handoff.Event{ends(t, 5), ends(t, 5)}, []worker.Outcome{worker.Sent, worker.Duplicate}, false},
		{"its own end comes late", []handoff.Event{after(t, 5, "approve@6")}, []worker.Outcome{worker.Sent}, false},
		{"its own end, then the notice", []handoff.Event{after(t, 5, "approve@6"), ends(t, 5)},
			[]worker.Outcome{worker.Sent, worker.Sent}, false},
		{"it was opened anew", []handoff.Event{after(t, 5, "flag@6"), ends(t, 5)}, []worker.Outcome{worker.Sent, worker.Superseded}, true},
		{"one of the cutoff's own second is resolved too", []handoff.Event{event(t, "submit@5"), ends(t, 5)},
			[]worker.Outcome{worker.Sent, worker.Sent}, false},
		{"it is opened anew afterwards", []handoff.Event{ends(t, 5), after(t, 5, "flag@6")}, []worker.Outcome{worker.Sent, worker.Sent}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.Deletions = b.records.Deletions
			b.delivered("flag@1")
			for i, e := range tt.events {
				if outcome, err := b.work(e); outcome != tt.want[i] || err != nil {
					t.Errorf("event %d: %s, %v, want %s", i, outcome, err, tt.want[i])
				}
			}
			if b.isOpen() != tt.open {
				t.Errorf("open: %v, want %v", b.isOpen(), tt.open)
			}
		})
	}
}
