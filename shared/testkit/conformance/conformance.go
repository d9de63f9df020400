// Package conformance holds the storage engines (packages sqlite, memory, dynamodb and sqs) to one behaviour: each case is
// a sentence of the contract that package ingest, record or queue wrote down. An engine's own tests call Ledger, Journal,
// Records and Queues.
package conformance

import (
	"context"
	"errors"
	"testing"
)

// Exempt names the cases that an engine cannot be held to, each with the reason. They are logged, and a name that is no
// case's is an error, so that nothing is left out unseen.
type Exempt map[string]string

// scenario is a case that starts with an engine of its own.
type scenario[E any] struct {
	name string
	run  func(t *testing.T, engine E)
}

// run runs the cases at the same time, so that the waits of an engine with a real clock overlap.
func run[E any](t *testing.T, open func(*testing.T) E, exempt Exempt, scenarios []scenario[E]) {
	t.Helper()
	left := 0
	for _, s := range scenarios {
		if reason, ok := exempt[s.name]; ok {
			t.Logf("not held to %q: %s", s.name, reason)
			left++
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, open(t))
		})
	}
	if left != len(exempt) {
		t.Errorf("%d of the exempt names are no case's: %v", len(exempt)-left, exempt)
	}
}

// attempts is how many try the same thing at once where one may win.
const attempts = 16

// atOnce calls f from many goroutines that start together and returns their results in the order of their numbers.
func atOnce[R any](f func(number int) R) []R {
	results := make([]R, attempts)
	start := make(chan struct{})
	finished := make(chan struct{})
	for number := range attempts {
		go func() {
			<-start
			results[number] = f(number)
			finished <- struct{}{}
		}()
	}
	close(start)
	for range attempts {
		<-finished
	}
	return results
}

// ended is a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func wantError(t *testing.T, doing string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: the error is %v, want %v", doing, got, want)
	}
}

func wantSuccess(t *testing.T, doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}
