package alert_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/fault"
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
	attempted := alert.Record{State: alert.Sending, Attempts: 1, Unanswered: 1, FirstAttempt: first, LastAttempt: first}
	retrying := alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, LastAttempt: first, Answer: "ratelimited"}
	begin := func(r *alert.Record) { r.Begin(later) }
	fail := func(class fault.Class, reason string) func(*alert.Record) {
		return func(r *alert.Record) { r.Fail(later, failure(class, reason)) }
	}
	end := func(state alert.State) func(*alert.Record) { return func(r *alert.Record) { r.End(state) } }
	tests := []struct {
		name string
		from alert.Record
		do   func(*alert.Record)
		want alert.Record
	}{
		{"absent, attempt", alert.Record{}, begin,
			alert.Record{State: alert.Sending, Attempts: 1, Unanswered: 1, FirstAttempt: later, UnknownSince: later, LastAttempt: later}},
		{"sending, taken", attempted, end(alert.Sent),
			alert.Record{State: alert.Sent, Attempts: 1, FirstAttempt: first, LastAttempt: first}},
		{"sending, answer lost", attempted, fail(fault.Unknown, "timeout"),
			alert.Record{State: alert.Sending, Attempts: 1, FirstAttempt: first, LastAttempt: later, Answer: "timeout"}},
		{"sending, no answer recorded, attempt", attempted, begin,
			alert.Record{State: alert.Sending, Attempts: 2, Unanswered: 2, FirstAttempt: first, LastAttempt: later}},
		{"sending, throttled", attempted, fail(fault.Throttled, "ratelimited"),
			alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, LastAttempt: later, Answer: "ratelimited"}},
		{"sending, refused connection", attempted, fail(fault.Transient, "refused"),
			alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, LastAttempt: later, Answer: "refused"}},
		{"sending, definite error", attempted, fail(fault.Permanent, "channel_not_found"),
			alert.Record{State: alert.Retrying, Attempts: 1, FirstAttempt: first, LastAttempt: later, Answer: "channel_not_found"}},
		{"retrying, attempt", retrying, begin,
			alert.Record{
				State: alert.Sending, Attempts: 2, Unanswered: 1, FirstAttempt: first, UnknownSince: later, LastAttempt: later,
				Answer: "ratelimited",
			}},
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

func TestFiveAttemptsThatDiedAreEnough(t *testing.T) {
	var record alert.Record
	for i := range 5 {
		if err := record.CheckAttempts(""); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
		record.Begin(first)
	}
	err := record.CheckAttempts("")
	var parked *fault.Error
	if !errors.As(err, &parked) || parked.Class != fault.Permanent || parked.Reason != alert.ReasonAttemptsDied {
		t.Errorf("after five: %v", err)
	}
	if err := record.CheckAttempts("redrive"); err != nil {
		t.Errorf("a redrive starts a new count: %v", err)
	}
	if record.State != alert.Sending {
		t.Errorf("a redrive forgets that the outcome is unknown: %q", record.State)
	}
}

func TestAnAnswerOfAnyKindStartsTheCountAnew(t *testing.T) {
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Unknown} {
		var record alert.Record
		for range 20 {
			record.Begin(first)
			record.Fail(later, failure(class, "x"))
			if err := record.CheckAttempts(""); err != nil {
				t.Fatalf("%s: %v", class, err)
			}
		}
	}
}
