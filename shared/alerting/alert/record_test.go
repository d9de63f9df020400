package alert_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/ground/fault"
)

var (
	first = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)
	later = first.Add(10 * time.Second)
)

func failure(class fault.Class, reason string) error {
	return &fault.Error{Class: class, Op: "post", Reason: reason}
}

// Each case is one arrow of State's drawing.
func TestRecordTransitions(t *testing.T) {
	attempted := alert.Record{
		State: alert.Sending, Attempts: 1, Unanswered: 1, FirstAttempt: first, TriedSince: first, UnknownSince: first, LastAttempt: first,
	}
	retrying := alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, TriedSince: first, LastAttempt: first, Answer: "http_500"}
	changed := func(from alert.Record, change func(*alert.Record)) alert.Record {
		change(&from)
		return from
	}
	begin := func(r *alert.Record) { r.Begin(later) }
	fail := func(class fault.Class, reason string) func(*alert.Record) {
		return func(r *alert.Record) { r.Fail(later, failure(class, reason)) }
	}
	end := func(state alert.State) func(*alert.Record) { return func(r *alert.Record) { r.End(state) } }
	answered := func(answer string) alert.Record {
		return alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, TriedSince: first, LastAttempt: later, Answer: answer}
	}
	tests := []struct {
		name string
		from alert.Record
		do   func(*alert.Record)
		want alert.Record
	}{
		{"absent, attempt", alert.Record{}, begin, alert.Record{
			State: alert.Sending, Attempts: 1, Unanswered: 1, FirstAttempt: later, TriedSince: later, UnknownSince: later, LastAttempt: later,
		}},
		{"sending, taken", attempted, end(alert.Sent), changed(attempted, func(r *alert.Record) { r.State, r.Unanswered = alert.Sent, 0 })},
		{"sending, answer lost", attempted, fail(fault.Unknown, "timeout"), changed(attempted, func(r *alert.Record) {
			r.Unanswered, r.Unknown, r.LastAttempt, r.Answer = 0, 1, later, "timeout"
		})},
		{"sending, no answer recorded, attempt", attempted, begin, changed(attempted, func(r *alert.Record) {
			r.Attempts, r.Unanswered, r.LastAttempt = 2, 2, later
		})},
		{"sending, throttled", attempted, fail(fault.Throttled, "ratelimited"), changed(answered("ratelimited"), func(r *alert.Record) {
			r.PausedAt, r.Pause = later, alert.DefaultPause
		})},
		{"sending, refused connection", attempted, fail(fault.Transient, "refused"), answered("refused")},
		{"sending, definite error", attempted, fail(fault.Permanent, "channel_not_found"), answered("channel_not_found")},
		{"sending after an unknown outcome, refused connection",
			changed(attempted, func(r *alert.Record) { r.UnknownSince = first.Add(-1) }), fail(fault.Transient, "refused"),
			changed(answered("refused"), func(r *alert.Record) { r.UnknownSince = first.Add(-1) })},
		{"retrying, attempt", retrying, begin, changed(retrying, func(r *alert.Record) {
			r.State, r.Attempts, r.Unanswered, r.UnknownSince, r.LastAttempt = alert.Sending, 2, 1, later, later
		})},
		{"repeating, attempt", changed(attempted, func(r *alert.Record) { r.PossiblyRepeated = true }), begin,
			changed(attempted, func(r *alert.Record) {
				r.PossiblyRepeated, r.Attempts, r.Unanswered, r.Repeats, r.LastAttempt = true, 2, 2, 1, later
			})},
		{"repeating, throttled", changed(attempted, func(r *alert.Record) { r.PossiblyRepeated, r.Repeats = true, 1 }),
			fail(fault.Throttled, "ratelimited"), changed(answered("ratelimited"), func(r *alert.Record) {
				r.PossiblyRepeated, r.PausedAt, r.Pause = true, later, alert.DefaultPause
			})},
		{"absent, older than what is known", alert.Record{}, end(alert.Superseded), alert.Record{State: alert.Superseded}},
		{"absent, nothing to send", alert.Record{}, end(alert.Noted), alert.Record{State: alert.Noted}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.from
			test.do(&got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStates(t *testing.T) {
	tests := []struct {
		state   alert.State
		final   bool
		unknown bool // whether an attempt may have had an effect that nobody knows
	}{
		{"", false, false},
		{alert.Sending, false, true},
		{alert.Retrying, false, false},
		{alert.Sent, true, false},
		{alert.Superseded, true, false},
		{alert.Noted, true, false},
	}
	for _, test := range tests {
		if got := test.state.IsFinal(); got != test.final {
			t.Errorf("%q is final: %v, want %v", test.state, got, test.final)
		}
		if got := (alert.Record{State: test.state}).OutcomeUnknown(); got != test.unknown {
			t.Errorf("%q has an unknown outcome: %v, want %v", test.state, got, test.unknown)
		}
	}
}

// wantParked looks at a failure that is to have a person look.
func wantParked(t *testing.T, err error, reason string) {
	t.Helper()
	if !fault.Has(err, fault.Permanent) || fault.Of(err).Reason != reason {
		t.Errorf("%v, want it to be parked as %s", err, reason)
	}
}

func TestFiveAttemptsThatDiedAreEnough(t *testing.T) {
	var record alert.Record
	for i := range 5 {
		if err := record.Resume(first, ""); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
		record.Begin(first)
	}
	wantParked(t, record.Resume(first, ""), alert.ReasonAttemptsDied)
	if err := record.Resume(first, "redrive"); err != nil {
		t.Errorf("a redrive starts a new count: %v", err)
	}
	if record.State != alert.Sending {
		t.Errorf("a redrive forgets that the outcome is unknown: %q", record.State)
	}
}

func TestAnAnswerOfAnyKindStartsTheCountAnew(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Unknown} {
		var record alert.Record
		for i := range 20 {
			if err := record.Resume(first.Add(time.Duration(i)*alert.DefaultPause), ""); err != nil {
				t.Fatalf("%s: %v", class, err)
			}
			record.Begin(first.Add(time.Duration(i) * alert.DefaultPause))
			record.Fail(first.Add(time.Duration(i)*alert.DefaultPause), failure(class, "x"))
		}
	}
}

func TestTwoUnknownOutcomesAreEnoughThoughOneCanLook(t *testing.T) {
	var record alert.Record
	lose := func() {
		record.Begin(first)
		record.Fail(later, failure(fault.Unknown, "timeout"))
	}
	lose()
	if err := record.NotFound(); err != nil {
		t.Fatalf("after one: %v", err)
	}
	lose()
	wantParked(t, record.NotFound(), alert.ReasonOutcomeUnknown)
	if err := record.Resume(later, "redrive"); err != nil || record.NotFound() != nil {
		t.Errorf("a redrive starts a new count: %v", err)
	}
}

// A repeat that is known to have failed was none.
func TestOneRepeatIsEnoughWhereNobodyCanLook(t *testing.T) {
	for _, died := range []bool{false, true} {
		var record alert.Record
		attempt := func(class fault.Class) {
			record.Begin(first)
			if !died || class != fault.Unknown {
				record.Fail(later, failure(class, "x"))
			}
		}
		attempt(fault.Unknown)
		for range 3 {
			if err := record.Repeat(); err != nil || !record.PossiblyRepeated {
				t.Fatalf("the first repeat: %v", err)
			}
			attempt(fault.Transient)
		}
		attempt(fault.Unknown)
		wantParked(t, record.Repeat(), alert.ReasonOutcomeUnknown)
		if err := record.Resume(later, "redrive"); err != nil || record.Repeat() != nil || !record.PossiblyRepeated {
			t.Errorf("a redrive starts a new count: %v", err)
		}
	}
}

func TestAPauseOfTheProvidersDoesNotCountAsAge(t *testing.T) {
	var record alert.Record
	now := first
	asks := func(pause time.Duration) {
		record.Begin(now)
		record.Fail(now, &fault.Error{Class: fault.Throttled, Op: "post", Reason: "ratelimited", RetryAfter: pause})
	}
	asks(time.Hour)
	now = now.Add(20 * time.Minute)
	if err := record.Resume(now, ""); !fault.Has(err, fault.Throttled) || fault.Of(err).RetryAfter != 40*time.Minute {
		t.Errorf("within the pause: %v", err)
	}
	now = now.Add(70 * time.Minute) // it came late
	if err := record.Resume(now, ""); err != nil {
		t.Fatal(err)
	}
	if age := now.Sub(record.TriedSince); age != 0 {
		t.Errorf("its age is %s", age)
	}
	now = now.Add(time.Minute)
	asks(48 * time.Hour)
	if err := record.Resume(now.Add(-time.Minute), ""); err != nil {
		t.Errorf("a clock that was turned back keeps the pause: %v", err)
	}
	if age := now.Sub(record.TriedSince); age != time.Minute {
		t.Errorf("its age is %s", age)
	}
}

func TestARedriveIsTriedAtOnceAndOfANewAge(t *testing.T) {
	var record alert.Record
	record.Begin(first)
	record.Fail(first, &fault.Error{Class: fault.Throttled, Op: "post", Reason: "ratelimited", RetryAfter: time.Hour})
	if err := record.Resume(later, "redrive"); err != nil || !record.TriedSince.IsZero() {
		t.Errorf("%v, tried since %s", err, record.TriedSince)
	}
	if record.Begin(later); !record.TriedSince.Equal(later) || !record.FirstAttempt.Equal(first) {
		t.Errorf("tried since %s, first attempt %s", record.TriedSince, record.FirstAttempt)
	}
}
