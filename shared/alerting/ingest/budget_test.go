package ingest

import (
	"testing"
	"time"
)

func TestEachTimeLimitIsInsideTheNext(t *testing.T) {
	limits := []struct {
		name string
		time.Duration
	}{
		{"the steps' sum", secretBudget + claimBudget + handOffBudget + endBudget},
		{"Budget", Budget},
		{"FunctionTimeout", FunctionTimeout},
		{"Lease", Lease},
		{"SenderTimeout", SenderTimeout},
	}
	for i, outer := range limits[1:] {
		if inner := limits[i]; inner.Duration >= outer.Duration {
			t.Errorf("%s (%s) is not inside %s (%s)", inner.name, inner.Duration, outer.name, outer.Duration)
		}
	}
}
