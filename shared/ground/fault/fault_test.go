package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"revento-alerts/shared/ground/fault"
)

func TestOfFindsTheClassifiedFailure(t *testing.T) {
	cause := errors.New("cause")
	throttled := &fault.Error{Class: fault.Throttled, Op: "post to Slack", Reason: "ratelimited", Err: cause}
	tests := []struct {
		name   string
		err    error
		class  fault.Class
		reason string
	}{
		{"itself", throttled, fault.Throttled, "ratelimited"},
		{"wrapped", fmt.Errorf("tell the alert: %w", throttled), fault.Throttled, "ratelimited"},
		{"the first of two", fmt.Errorf("%w, %w", throttled, &fault.Error{Class: fault.Permanent}), fault.Throttled, "ratelimited"},
		{"joined behind another", errors.Join(cause, throttled), fault.Throttled, "ratelimited"},
		{"nobody classified it", cause, fault.Transient, "unclassified"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := fault.Of(test.err)
			if got.Class != test.class || got.Reason != test.reason {
				t.Errorf("Of = %s %q, want %s %q", got.Class, got.Reason, test.class, test.reason)
			}
			if !errors.Is(got, cause) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestHas(t *testing.T) {
	permanent := fmt.Errorf("wrapped: %w", &fault.Error{Class: fault.Permanent})
	if !fault.Has(permanent, fault.Permanent) || fault.Has(permanent, fault.Transient) {
		t.Error("a permanent failure is not permanent alone")
	}
	if fault.Has(nil, fault.Transient) {
		t.Error("no error has a class")
	}
}

func TestErrorText(t *testing.T) {
	err := &fault.Error{Class: fault.Unknown, Op: "post to Slack", Reason: "timeout"}
	if got, want := err.Error(), "post to Slack: unknown: timeout"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	err.Err = errors.New("deadline exceeded")
	if got, want := err.Error(), "post to Slack: unknown: timeout: deadline exceeded"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestClassesAreNamedDistinctly(t *testing.T) {
	names := map[string]bool{}
	for _, class := range []fault.Class{fault.Transient, fault.Throttled, fault.Permanent, fault.Unknown} {
		names[class.String()] = true
	}
	if len(names) != 4 {
		t.Errorf("names: %v", names)
	}
}
