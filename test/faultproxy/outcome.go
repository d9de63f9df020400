package faultproxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"revento-alerts/shared/ground/fault"
)

// Twice spoils both attempts of a call that is made twice.
func Twice(spoilt Fault) []Fault { return []Fault{spoilt, spoilt} }

// WantFailure checks how a call's failure is classified.
func WantFailure(t *testing.T, err error, class fault.Class, reason string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := fault.Of(err); got.Class != class || got.Reason != reason {
		t.Fatalf("the error is %v, want %s: %s", err, class, reason)
	}
}

// WantDeadline checks that a call whose service hangs ends when its caller's time is over, and for which reason.
func WantDeadline(t *testing.T, over time.Duration, reason string, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), over)
	defer cancel()
	err := call(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the error is %v, want that the deadline passed", err)
	}
	WantFailure(t, err, fault.Transient, reason)
}

// Cut answers with the beginning of an answer, and closes the connection.
func Cut(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(connection, beginning)
		_ = connection.Close()
	}
}
