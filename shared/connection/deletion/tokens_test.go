package deletion_test

import (
	"testing"

	"revento-alerts/shared/testkit/mishap"
)

// Whatever goes wrong on the way: once a request is met, nothing acts for the connection any more.
func TestTokensAreErasedAsSoonAsTheConnectionIsStopped(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, plan)
		b.requires(ours, 10)
		b.run()
		b.breaks(nil)
		b.sweeps()
		if cutoff, ended := b.connections.ended[ours.EventID]; !ended || !cutoff.Equal(b.onlyCase().Value.Cutoff) {
			t.Errorf("tokens were erased up to %s: %t", cutoff, ended)
		}
	})
}

// A request that nobody foresaw stops a connection and may be closed: then its tokens serve again.
func TestTokensStayWhileARequestIsHeld(t *testing.T) {
	b := newBench(t, nil)
	b.requiresWith(ours, 10, odd)
	b.run()
	if len(b.connections.ended) != 0 {
		t.Fatalf("tokens were erased: %v", b.connections.ended)
	}
	if _, err := b.operator.DeleteNow(t.Context(), b.onlyCase().Value.ID); err != nil {
		t.Fatal(err)
	}
	if _, ended := b.connections.ended[ours.EventID]; !ended {
		t.Error("a person confirmed it, and tokens are there")
	}
}
