package ingest_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento"
	"revento-alerts/test/golden"
)

// under is a captured request under another delivery id, which is not signed.
func under(id string, r ingest.Request) ingest.Request {
	r.DeliveryID = id
	return r
}

// What a captured request is answered when it comes again under another delivery id, after the first was answered.
func TestTheSameSignedBytesUnderAnotherDeliveryID(t *testing.T) {
	tests := []struct {
		name  string
		body  string
		given func(*bench)
		want  ingest.Status
		calls []string // those for the second
	}{
		{"handed off: a duplicate that costs nothing", revision, nil, ingest.Duplicate, nil},
		{"handed off, but not marked", revision, func(b *bench) { b.before["mark"] = fail(errDown) }, ingest.Duplicate, nil},
		{"known to be handed off by another copy", revision,
			func(b *bench) {
				other := b.Ingest
				other.Replays = nil
				other.Handle(b.Context(), signed(revision))
			}, ingest.Duplicate, nil},
		{"its route is off: noted once", submitted, nil, ingest.Ignored, nil},
		{"failed: forgotten at once", revision, func(b *bench) { b.before["send to slack"] = fail(errDown) },
			ingest.Accepted, []string{"claim", "mark"}},
		{"another copy works on it: forgotten at once", revision, func(b *bench) { b.claimedByAnother(revision, time.Second) },
			ingest.Accepted, []string{"claim", "mark"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				if tt.given != nil {
					tt.given(b)
				}
				captured := signed(tt.body)
				b.handle(captured)
				b.calls = nil
				clear(b.before)
				if diff := cmp.Diff(ingest.Reply{Status: tt.want, DeliveryID: "d-2"}, b.handle(under("d-2", captured))); diff != "" {
					b.Error(diff)
				}
				if diff := cmp.Diff(tt.calls, b.ledgerCalls()); diff != "" {
					b.Error(diff)
				}
				if len(tt.calls) == 0 && len(b.calls) > 0 {
					b.Errorf("calls: %v", b.calls)
				}
			})
		})
	}
}

func TestTheSameSignedBytesAreBusyWhileTheFirstAreWorkedOn(t *testing.T) {
	test(t, func(b *bench) {
		b.before["send to slack"] = func(context.Context) error { time.Sleep(time.Second); return nil }
		captured := signed(revision)
		var first sync.WaitGroup
		first.Go(func() { b.handle(captured) })
		time.Sleep(400 * time.Millisecond)
		want := ingest.Reply{Status: ingest.Busy, DeliveryID: "d-2", RetryAfter: ingest.Budget - 400*time.Millisecond}
		if diff := cmp.Diff(want, b.handle(under("d-2", captured))); diff != "" {
			b.Error(diff)
		}
		// Under the first one's own id they take the ledger's way, and what comes of that does not make them forgotten.
		if reply := b.handle(captured); reply.Status != ingest.Busy {
			b.Errorf("%+v", reply)
		}
		if reply := b.handle(under("d-3", captured)); reply.Status != ingest.Busy {
			b.Errorf("%+v", reply)
		}
		first.Wait()
		if reply := b.handle(under("d-2", captured)); reply.Status != ingest.Duplicate {
			b.Errorf("%+v", reply)
		}
	})
}

// Revento's own retries are not taken for replays: what it signs anew takes the ledger's way, and workers drop what they know.
func TestWhatIsSignedAnewIsNoReplay(t *testing.T) {
	test(t, func(b *bench) {
		b.handle(signed(revision))
		time.Sleep(time.Second)
		if reply := b.handle(under("d-2", signed(revision))); reply.Status != ingest.Accepted {
			b.Errorf("%+v", reply)
		}
		if diff := cmp.Diff(both, b.queued()); diff != "" {
			b.Error(diff)
		}
	})
}

func TestOfSeveralSignaturesOverTheSameBytesEachIsAReplay(t *testing.T) {
	test(t, func(b *bench) {
		b.vault = `{"secrets": ["whsec_CANARY_new", "` + webhookSecret + `"]}`
		captured := signed(revision)
		old := captured.Signature
		captured.Signature += "," + revento.Sign("whsec_CANARY_new", captured.Timestamp, []byte(revision))
		b.handle(captured)
		captured.Signature = old
		if reply := b.handle(under("d-2", captured)); reply.Status != ingest.Duplicate {
			b.Errorf("%+v", reply)
		}
	})
}

func TestSignedBytesWhoseWorkPanickedAreForgotten(t *testing.T) {
	test(t, func(b *bench) {
		b.before["claim"] = func(context.Context) error { panic("a fault of ours") }
		captured := signed(revision)
		func() {
			defer func() { _ = recover() }()
			b.Handle(b.Context(), captured)
		}()
		clear(b.before)
		if reply := b.handle(under("d-2", captured)); reply.Status != ingest.Accepted {
			b.Errorf("%+v", reply)
		}
	})
}

func TestAFloodOfOneCapturedRequestWritesOnce(t *testing.T) {
	test(t, func(b *bench) {
		captured := signed(revision)
		for number := range 1000 {
			b.handle(under(fmt.Sprintf("d-%d", number), captured))
		}
		if entries, _, err := b.ledger.Recent(b.Context(), time.Now(), 10, ""); len(entries) > 1 || err != nil {
			b.Errorf("%d entries, %v", len(entries), err)
		}
		if diff := cmp.Diff(both, b.queued()); diff != "" {
			b.Error(diff)
		}
	})
}

func TestTheLogTellsOfAReplay(t *testing.T) {
	test(t, func(b *bench) {
		captured := signed(revision)
		b.handle(captured)
		b.log.Reset()
		b.handle(under("d-2", captured))
		golden.Want(b.T, "replay.json", b.log.String())
	})
}
