package serve

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a server with a request that takes its time.
type slow struct {
	takes  time.Duration
	err    error
	closed bool
}

func (s *slow) Shutdown(ctx context.Context) error {
	select {
	case <-time.After(s.takes):
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slow) Close() error {
	s.closed = true
	return nil
}

// docker stop kills after ten seconds, and what is promised is eight.
func TestTheEndWaitsForRequestsAndCutsOffWhoIsSlow(t *testing.T) {
	failure := errors.New("of the listener")
	for name, test := range map[string]struct {
		server slow
		after  time.Duration
		closed bool
		err    error
	}{
		"nothing is under way":        {slow{}, 0, false, nil},
		"a delivery is under way":     {slow{takes: 5 * time.Second}, 5 * time.Second, false, nil},
		"a sender never ends":         {slow{takes: time.Hour}, 7 * time.Second, true, nil},
		"the listener cannot be shut": {slow{err: failure}, 0, false, failure},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := shut(&test.server)
				if took := time.Since(began); took != test.after || test.server.closed != test.closed || !errors.Is(err, test.err) {
					t.Errorf("ended after %s with %v, cut off: %t", took, err, test.server.closed)
				}
			})
		})
	}
}
