package pass_test

import (
	"context"
	"errors"

	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
)

func TestAPassReadsEveryListToItsEnd(t *testing.T) {
	b := newBench(t, nil)
	if progress := b.goes(); !progress.Done || progress.Pages != 9 || !progress.IsAnswered() {
		t.Errorf("progress: %+v", progress)
	}
	want := []string{
		"", "participants", "participants c1", "activities", "threads", "locations", "registration-waves", "program", "",
	}
	if diff := cmp.Diff(want, b.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int64{"ptp_1": 1, "ptp_2": 1, "ptp_3": 1}, b.rows(mirror.Participant)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for thing, count := range map[mirror.Thing]int{mirror.Activity: 1, mirror.Thread: 1, mirror.Location: 0, mirror.Wave: 1, mirror.Program: 2, mirror.Event: 1} {
		if got := b.rows(thing); len(got) != count {
			t.Errorf("%s: %v, want %d", thing, got, count)
		}
	}
	got := b.stands()
	if got.Number != 1 || got.State != pass.Read || !got.Primes || got.Narrowed || !got.StartedAt.Equal(noon.Add(3*time.Second)) {
		t.Errorf("it stands so: %+v", got)
	}
	seen := map[mirror.Thing]int{
		mirror.Event: 1, mirror.Participant: 3, mirror.Activity: 1, mirror.Thread: 1, mirror.Location: 0, mirror.Wave: 1, mirror.Program: 2,
	}
	if diff := cmp.Diff(seen, got.Seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	marker := `{"schema":1,"marker":{"event_id":"evt_1","organization_id":"org_1","grant":"2026-11-25T12:00:00Z","pass":1}}`
	if len(b.markers) != 1 || b.markers[0].Body != marker {
		t.Errorf("markers: %+v", b.markers)
	}
}

// Whatever happens at whichever call, the next receipt goes on, and the pass ends as if nothing had.
func TestAPassGoesOnWhereItWasWhateverHappens(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, plan)
		for done := false; !done; {
			mishap.Died(func() {
				progress, err := b.Go(b.Context(), b.standing())
				done = err == nil && progress.Done
			})
		}
		b.Records, b.mirror.Records = b.records, b.records // nothing happens any more
		b.wants(1, pass.Read, "")
		if len(b.markers) != 1 {
			t.Errorf("%d markers", len(b.markers))
		}
		if diff := cmp.Diff(map[string]int64{"ptp_1": 1, "ptp_2": 1, "ptp_3": 1}, b.rows(mirror.Participant)); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
		if got := b.stands().Seen[mirror.Participant]; got != 3 {
			t.Errorf("%d participants were counted", got)
		}
	})
}

// A list that was not granted is not read, and nothing follows of what it does not show.
func TestOnlyWhatWasGrantedIsRead(t *testing.T) {
	for scope, want := range map[string]string{
		allScopes:                      "|participants|participants c1|activities|threads|locations|registration-waves|program|",
		"event.read participants.read": "|participants|participants c1|",
		"participants.read":            "participants|participants c1",
		"program.read event.read":      "|activities|threads|locations|registration-waves|program|",
		"":                             "|participants|participants c1|activities|threads|locations|registration-waves|program|",
	} {
		t.Run(scope, func(t *testing.T) {
			b := newBench(t, nil)
			b.clock = b.clock.Add(time.Minute)
			b.consents(scope)
			b.goes()
			if got := strings.Join(b.asked, "|"); got != want {
				t.Errorf("asked for %q, want %q", got, want)
			}
			b.wants(1, pass.Read, "")
			_, isSeen := b.stands().Seen[mirror.Participant]
			if isSeen != strings.Contains(want, "participants") {
				t.Errorf("participants count as read: %v", isSeen)
			}
		})
	}
}

func TestWithoutAScopeToReadWithThePassFails(t *testing.T) {
	b := newBench(t, nil)
	b.clock = b.clock.Add(time.Minute)
	b.consents("something.else")
	b.goes()
	b.wants(1, pass.Failed, "no_scope_to_read_with")
}

func refused(class fault.Class, reason string) error {
	return errors.Join(pass.ErrAnswer, &fault.Error{Class: class, Op: "list", Reason: reason})
}

// What fails says nothing of who is absent: there is no marker, and what was read stays.
func TestWhatMakesAPassFail(t *testing.T) {
	inactive := &fault.Error{Class: fault.Permanent, Reason: "revoked", Err: &grant.Inactive{State: connection.Revoked}}
	for name, test := range map[string]struct {
		happens  func(b *bench, asked string)
		reason   string
		trouble  bool
		due      time.Duration // after noon; 0: at the schedule's moment
		consents bool
	}{
		"the same cursor again": {happens: func(b *bench, _ string) { b.pages["participants"][1] = pass.Page{More: true, Next: "c1"} },
			reason: "cursor_came_twice", due: time.Hour},
		"a cursor of before": {happens: func(b *bench, _ string) {
			b.pages["participants"] = []pass.Page{{More: true, Next: "c1"}, {More: true, Next: "c2"}, {More: true, Next: "c1"}}
		}, reason: "cursor_came_twice", due: time.Hour},
		"a refusal": {happens: on("activities", func(b *bench) { b.fails = []error{refused(fault.Permanent, "forbidden")} }),
			reason: "forbidden", trouble: true, due: time.Hour},
		"a cursor that Revento does not know any more": {
			happens: on("participants c1", func(b *bench) { b.fails = []error{refused(fault.Permanent, "invalid_request")} }),
			reason:  "invalid_request", trouble: true, due: time.Hour},
		"a token that is revoked in the middle": {happens: on("threads", func(b *bench) { b.fails = []error{inactive} }),
			reason: "revoked", trouble: true, due: time.Hour},
		"an event that is not public": {happens: func(b *bench, _ string) { b.pages[""][0].Status = "unpublished" }, reason: "event_unpublished"},
		"an event that is unpublished meanwhile": {
			happens: on("program", func(b *bench) { b.pages[""][0].Status = "unpublished" }), reason: "event_unpublished"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.during = func(asked string) { test.happens(b, asked) }
			progress := b.goes()
			b.wants(1, pass.Failed, test.reason)
			if len(b.markers) > 0 || !progress.Done || progress.Trouble != test.trouble {
				t.Errorf("%d markers, progress %+v", len(b.markers), progress)
			}
			due := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
			if test.due > 0 {
				due = noon.Add(test.due)
			}
			b.wantsDue(due)
		})
	}
}

// on has something happen at a call.
func on(asked string, do func(b *bench)) func(*bench, string) {
	return func(b *bench, now string) {
		if asked == now {
			do(b)
		}
	}
}

// The next pass begins anew, and is not held up by what failed.
func TestAfterAFailureTheNextPassReadsAllAnew(t *testing.T) {
	b := newBench(t, nil)
	b.fails = []error{nil, nil, refused(fault.Permanent, "forbidden")}
	b.goes()
	if diff := cmp.Diff(map[string]int64{"ptp_1": 1, "ptp_2": 1}, b.rows(mirror.Participant)); diff != "" {
		t.Errorf("what was read (-want +got):\n%s", diff)
	}
	b.clock = b.clock.Add(time.Hour)
	b.goes()
	b.wants(2, pass.Read, "")
	if got := b.stands(); !got.Primes || !got.StartedAt.Equal(b.clock.Add(3*time.Second)) {
		t.Errorf("it stands so: %+v", got)
	}
	if diff := cmp.Diff(map[string]int64{"ptp_1": 2, "ptp_2": 2, "ptp_3": 2}, b.rows(mirror.Participant)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Three times it is tried an hour later; what fails on is tried when the schedule says so.
func TestWhatFailsOnIsLeftToTheSchedule(t *testing.T) {
	b := newBench(t, nil)
	for i := range 4 {
		b.fails = []error{refused(fault.Permanent, "forbidden")}
		b.goes()
		b.wants(int64(i+1), pass.Failed, "forbidden")
		if i < 3 {
			b.wantsDue(b.clock.Add(time.Hour))
			b.clock = b.clock.Add(time.Hour)
		}
	}
	b.wantsDue(time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC))
}

// A page that fails for now is asked for again where it was; after five times the pass has failed.
func TestAPageIsTriedAgain(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Unknown} {
		b := newBench(t, nil)
		bad := refused(class, "http_503")
		b.fails = []error{nil, nil, bad, bad, bad, bad, nil, nil, nil, nil, nil, nil, nil}
		for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
			progress := b.goes()
			if progress.Done || progress.Wait != want || !progress.Trouble || progress.IsAnswered() {
				t.Errorf("after failure %d: %+v", i+1, progress)
			}
			b.clock = b.clock.Add(progress.Wait)
		}
		b.goes()
		b.wants(1, pass.Read, "")
		if got := strings.Join(b.asked[:8], "|"); got != "|participants|participants c1|participants c1|participants c1|participants c1|participants c1|activities" {
			t.Errorf("asked: %q", got)
		}

		b = newBench(t, nil)
		b.fails = slices.Repeat([]error{bad}, 5)
		for range 5 {
			b.goes()
		}
		b.wants(1, pass.Failed, "http_503")
	}
}

// A 429 of Revento's is waited for as long as it says, and counts as no failure of the page.
func TestAThrottledPageWaits(t *testing.T) {
	b := newBench(t, nil)
	limited := errors.Join(pass.ErrAnswer, &fault.Error{Class: fault.Throttled, Reason: "rate_limit_exceeded", RetryAfter: 7 * time.Minute})
	b.fails = slices.Repeat([]error{limited}, 10)
	for range 10 {
		if progress := b.goes(); progress.Done || progress.Wait != 7*time.Minute || !progress.Trouble {
			t.Errorf("progress: %+v", progress)
		}
	}
	b.goes()
	b.wants(1, pass.Read, "")
}

// When the budget is used up the pass goes on once ten calls are free, which is no failure of anybody's.
func TestAPassIsPaced(t *testing.T) {
	b := newBench(t, nil)
	paced := &fault.Error{Class: fault.Transient, Reason: "paced", RetryAfter: 7500 * time.Millisecond, Err: budget.ErrWait}
	b.fails = []error{nil, nil, paced}
	progress := b.goes()
	if progress.Done || progress.Wait != 75*time.Second || progress.Trouble || progress.Pages != 2 {
		t.Errorf("progress: %+v", progress)
	}
	b.goes()
	b.wants(1, pass.Read, "")

	// What needs only three more waits for three.
	b.judges(false, nil)
	b.asks(2)
	b.fails = []error{nil, nil, nil, nil, nil, nil, paced}
	if progress := b.goes(); progress.Wait != 22500*time.Millisecond || progress.Pages != 6 {
		t.Errorf("progress of the next: %+v", progress)
	}
}

func TestWhatIsOurOwnFaultChangesNothing(t *testing.T) {
	b := newBench(t, nil)
	for _, failure := range []error{errStore, &fault.Error{Class: fault.Transient, Reason: "refresh_is_under_way", Err: grant.ErrBusy}} {
		b.fails = []error{failure}
		if progress, err := b.Go(b.Context(), b.standing()); !errors.Is(err, failure) || progress.Trouble {
			t.Errorf("progress %+v, %v", progress, err)
		}
		b.wants(1, pass.Reading, "")
	}
	b.goes()
	b.wants(1, pass.Read, "")
}

func TestAPassThatTakesADayHasFailed(t *testing.T) {
	b := newBench(t, nil)
	b.fails = []error{errStore}
	if _, err := b.Go(b.Context(), b.standing()); err == nil {
		t.Fatal("it did not fail")
	}
	b.clock = b.clock.Add(24*time.Hour - 1)
	b.fails = []error{errStore}
	if _, err := b.Go(b.Context(), b.standing()); err == nil {
		t.Fatal("it did not go on")
	}
	b.clock = b.clock.Add(1)
	b.goes()
	b.wants(1, pass.Failed, "took_too_long")
}

// The time of an invocation ends; the pass goes on with the next receipt at once.
func TestAPassEndsBeforeItsInvocation(t *testing.T) {
	b := newBench(t, nil)
	b.clock = time.Now()
	b.consents(allScopes)
	b.during = func(string) { b.clock = b.clock.Add(15 * time.Second) }
	ctx, cancel := context.WithDeadline(t.Context(), b.clock.Add(time.Minute))
	defer cancel()
	progress, err := b.Go(ctx, b.standing())
	if err != nil || progress.Done || progress.Wait != 0 || progress.Pages != 3 {
		t.Errorf("progress: %+v, %v", progress, err)
	}
}

func TestWhenAPassIsDue(t *testing.T) {
	fourOClock := time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)
	b := newBench(t, nil)
	b.wantsDue(noon) // at the consent
	b.goes()
	b.wantsDue(noon.Add(time.Hour)) // no pass while a marker is unjudged: it is sent again then

	b.clock = noon.Add(59 * time.Minute)
	if b.goes(); len(b.markers) != 1 {
		t.Error("a marker was sent again within the hour")
	}
	b.clock, b.markers = noon.Add(time.Hour), nil
	if b.goes(); len(b.markers) != 1 {
		t.Error("the marker was not sent again")
	}
	b.wantsDue(noon.Add(2 * time.Hour))
	b.wants(1, pass.Read, "")

	b.judges(false, nil)
	b.wants(1, pass.Judged, "")
	b.wantsDue(fourOClock)

	b.clock = fourOClock
	b.goes()
	b.wants(2, pass.Read, "")
	if got := b.stands(); got.Primes || got.Last.Number != 1 {
		t.Errorf("it stands so: %+v", got)
	}
	b.judges(true, nil) // it missed somebody
	b.wantsDue(fourOClock.Add(15 * time.Minute))
	if due := b.standing().Due; !due.Equal(fourOClock.Add(15*time.Minute)) && due.After(fourOClock) {
		t.Errorf("the registry says %s", due)
	}
	b.clock = fourOClock.Add(15 * time.Minute)
	b.goes()
	b.judges(false, nil)
	b.wants(3, pass.Judged, "")
	b.wantsDue(fourOClock.Add(24 * time.Hour))
}

// One that is due while another is read is left out, and does not follow on its heels.
func TestAPassThatIsDueWhileOneRunsIsLeftOut(t *testing.T) {
	b := newBench(t, nil)
	paced := &fault.Error{Class: fault.Transient, Reason: "paced", RetryAfter: time.Minute, Err: budget.ErrWait}
	b.clock = time.Date(2026, 11, 26, 3, 55, 0, 0, time.UTC)
	b.fails = []error{nil, paced}
	b.goes()
	b.clock = b.clock.Add(10 * time.Minute) // past four
	b.goes()
	b.judges(false, nil)
	b.wants(1, pass.Judged, "")
	b.wantsDue(time.Date(2026, 11, 27, 4, 0, 0, 0, time.UTC))
}

func TestAnotherConsentBeginsAnew(t *testing.T) {
	b := newBench(t, nil)
	b.fails = []error{nil, nil, errStore}
	_, _ = b.Go(b.Context(), b.standing())
	b.clock = b.clock.Add(time.Minute)
	b.consents("event.read participants.read")
	b.goes()
	b.wants(2, pass.Read, "")
	b.judges(false, nil)
	if got := b.stands(); got.Narrowed {
		t.Error("it is narrowed, and no pass was judged before")
	}

	// The scope that the last judged pass had is not granted any more.
	b.clock = b.clock.Add(time.Minute)
	b.consents("event.read program.read")
	b.wantsDue(b.clock)
	b.goes()
	if got := b.stands(); got.Number != 3 || !got.Narrowed {
		t.Errorf("it stands so: %+v", got)
	}
}

// What is of another life counts as absent.
func TestAnotherLifeBeginsWithAFirstPass(t *testing.T) {
	b := newBench(t, nil)
	b.goes()
	b.judges(false, &pass.Held{Pass: 1, Reason: "shrunk"})
	cutoff := b.clock.Add(time.Minute)
	stop := connection.Stop{Case: "case-1", Cutoff: cutoff}
	if _, err := connection.Require(b.Context(), b.records.Deletions, of, stop, time.Time{}); err != nil {
		t.Fatal(err)
	}
	b.clock = cutoff
	b.wantsDue(time.Time{}) // it is stopped
	if err := b.Judged(b.Context(), of, 1, true, nil); err != nil {
		t.Errorf("a marker of what is stopped: %v", err)
	}
	b.clock = cutoff.Add(time.Minute)
	b.consents(allScopes)
	b.wantsDue(b.clock)
	b.goes()
	if got := b.stands(); got.Number != 1 || !got.Primes || got.Held != nil || got.State != pass.Read {
		t.Errorf("it stands so: %+v", got)
	}
}

func TestNothingIsDueOfWhatDoesNotServe(t *testing.T) {
	b := newBench(t, nil)
	_, err := b.registry.Change(b.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, _ := s.Moved(connection.NeedsConsent, connection.LostRotation, b.clock)
		return next, nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.wantsDue(time.Time{})
	if progress := b.goes(); !progress.Done || len(b.asked) > 0 {
		t.Errorf("progress %+v, asked %q", progress, b.asked)
	}
	if _, _, err := b.Ask(b.Context(), b.standing()); !errors.Is(err, pass.ErrNotServed) {
		t.Errorf("asked for a pass: %v", err)
	}
}

func (b *bench) asks(want int64) {
	b.Helper()
	_, err := b.registry.Change(b.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
		number, with, err := b.Ask(b.Context(), s)
		if number != want {
			b.Errorf("it is pass %d, want %d", number, want)
		}
		return s.Info, with, err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// Who asks waits for the pass that is read, or for the next.
func TestAskingForAPass(t *testing.T) {
	b := newBench(t, nil)
	b.asks(1)
	b.fails = []error{nil, errStore}
	_, _ = b.Go(b.Context(), b.standing())
	b.asks(1)
	b.goes()
	b.asks(2)
	if b.goes(); len(b.asked) != 10 {
		t.Errorf("it reads before the marker is judged: %q", b.asked[10:])
	}
	b.judges(false, nil)
	b.wantsDue(b.clock)
	b.goes()
	b.wants(2, pass.Read, "")
}

func TestWhatIsHeldIsAcceptedForTwoDays(t *testing.T) {
	b := newBench(t, nil)
	b.goes()
	b.judges(false, &pass.Held{Pass: 1, Reason: "shrunk", Missing: 9, Known: 30, At: b.clock})
	for _, number := range []int64{0, 2} {
		if err := b.Accept(b.Context(), of, number); !errors.Is(err, pass.ErrNotHeld) {
			t.Errorf("pass %d: %v", number, err)
		}
	}
	if held := b.stands().Held; held.Accepts(b.clock) {
		t.Errorf("it is accepted already: %+v", held)
	}
	if err := b.Accept(b.Context(), of, 1); err != nil {
		t.Fatal(err)
	}
	held := b.stands().Held
	if !held.Accepts(b.clock.Add(48*time.Hour-1)) || held.Accepts(b.clock.Add(48*time.Hour)) || held.Missing != 9 {
		t.Errorf("held: %+v", held)
	}
	b.wantsDue(b.clock)
	if due := b.standing().Due; due.After(b.clock) {
		t.Errorf("the registry says %s", due)
	}
	b.goes()
	b.judges(false, nil)
	if got := b.stands(); got.Number != 2 || !got.Held.Accepts(b.clock) {
		t.Errorf("it stands so: %+v", got)
	}
}

// Who judges may come twice, or late: only the last pass is judged, and once.
func TestAPassIsJudgedOnce(t *testing.T) {
	b := newBench(t, nil)
	b.goes()
	for _, number := range []int64{0, 2} {
		if err := b.Judged(b.Context(), of, number, true, nil); err != nil {
			t.Fatal(err)
		}
		b.wants(1, pass.Read, "")
	}
	b.judges(false, nil)
	b.judges(true, &pass.Held{Pass: 1})
	if got := b.stands(); got.Held != nil {
		t.Errorf("it was judged twice: %+v", got)
	}
	b.wantsDue(time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC))
}

// A reply without a Date leaves our clock, which may be ahead: what a webhook told just before is not judged by the pass.
func TestAPassOfNoDateStartsEarlier(t *testing.T) {
	b := newBench(t, nil)
	b.Lists = undated{b}
	b.goes()
	if got := b.stands().StartedAt; !got.Equal(noon.Add(-5 * time.Minute)) {
		t.Errorf("it started at %s", got)
	}
}

// undated are lists without the time of a reply.
type undated struct{ *bench }

func (u undated) Page(ctx context.Context, of record.Connection, list pass.List, cursor string) (pass.Page, error) {
	page, err := u.bench.Page(ctx, of, list, cursor)
	page.Date = time.Time{}
	return page, err
}
