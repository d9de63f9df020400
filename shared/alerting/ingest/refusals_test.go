package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
)

func TestWhatWasRefusedCanBeSeenAfterwards(t *testing.T) {
	test(t, func(b *bench) {
		b.Refusals = new(ingest.Refusals)
		b.handle(signed(revision)) // taken, and not among them
		b.handle(signed(revision)) // an ordinary duplicate
		b.handle(signed(submitted))
		start := time.Now()
		forged := under("d-1", signedWith("forged", revision, start))
		forged.Sender = "203.0.113.9"
		b.handle(forged)
		time.Sleep(time.Second)
		b.handle(under("not an id", signedWith(webhookSecret, revision, start.Add(-time.Hour))))
		b.Screen(b.Context(), under("d-2", signed(revision)), bodyLimit+1)
		b.Refuse(b.Context(), ingest.Request{}, ingest.NotFound, "deliveries go elsewhere")
		b.handle(under("d-3", signedWith(webhookSecret, revision, start)))
		b.handle(under("d-4", signedWith(webhookSecret, revision, start.Add(2*time.Hour))))
		at := start.Add(time.Second)
		want := []ingest.Refusal{
			{At: at, Code: 401, Status: ingest.Stale, Reason: "signed 1h59m59s after now, SignatureTolerance allows 5m0s either way", DeliveryID: "d-4"},
			{At: at, Code: 200, Status: ingest.Duplicate, Reason: "the same signed bytes came under the delivery id " + deliveryID, DeliveryID: "d-3"},
			{At: at, Code: 404, Status: ingest.NotFound, Reason: "deliveries go elsewhere"},
			{At: at, Code: 413, Status: ingest.TooLarge, Reason: "the body has 1025 bytes, BodyLimit allows 1024", DeliveryID: "d-2"},
			{At: at, Code: 401, Status: ingest.Stale, Reason: "signed 1h0m1s before now, SignatureTolerance allows 5m0s either way"},
			{At: start, Code: 401, Status: ingest.Unauthorized, Reason: "no secret makes this signature", DeliveryID: "d-1", Sender: "203.0.113.9"},
		}
		if diff := cmp.Diff(want, b.Refusals.Recent("")); diff != "" {
			b.Error(diff)
		}
		if diff := cmp.Diff(want[5:], b.Refusals.Recent("d-1")); diff != "" {
			b.Error(diff)
		}
		if diff := cmp.Diff([]ingest.Refusal{}, b.Refusals.Recent("d-9")); diff != "" {
			b.Error(diff)
		}
	})
}

func TestTheLastTwoHundredRefusalsAreKept(t *testing.T) {
	test(t, func(b *bench) {
		b.Refusals = new(ingest.Refusals)
		for number := range 501 {
			b.Refuse(b.Context(), ingest.Request{DeliveryID: fmt.Sprint(number)}, ingest.Busy, "busy")
			if kept := b.Refusals.Recent(""); len(kept) != min(number+1, 200) || kept[0].DeliveryID != fmt.Sprint(number) {
				b.Fatalf("after %d: %d, first %+v", number, len(kept), kept[0])
			}
		}
		if kept := b.Refusals.Recent(""); kept[199].DeliveryID != "301" {
			b.Errorf("the oldest is %+v", kept[199])
		}
	})
}

// Whoever asks may be anybody who reads the log or the API: no refusal tells what was sent.
func TestRefusalsTellNothingOfTheContent(t *testing.T) {
	test(t, func(b *bench) {
		b.Refusals = new(ingest.Refusals)
		for _, body := range []string{"CANARY", `{"type":1,"name":"CANARY"}`, `{"name":"CANARY"}`, strings.Repeat("CANARY", bodyLimit)} {
			b.handle(signed(body))
			b.handle(signedWith("forged", body, time.Now()))
			r := signed(body)
			r.DeliveryID, r.Timestamp, r.Signature = "CANARY é", "CANARY", "CANARY"
			b.handle(r)
		}
		if kept := fmt.Sprintf("%+v", b.Refusals.Recent("")); strings.Contains(kept, canary) {
			b.Error(kept)
		}
	})
}

func TestWithoutMemoryNothingIsKept(t *testing.T) {
	var none *ingest.Refusals
	if kept := none.Recent(""); kept == nil || len(kept) > 0 {
		t.Errorf("%v", kept)
	}
}
