package ingest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// mirroring is test where connections are on.
func mirroring(t *testing.T, f func(b *bench)) {
	test(t, func(b *bench) {
		b.Mirrors = true
		f(b)
	})
}

func typed(eventType string) string {
	return `{"type":"` + eventType + `","occurred_at":"1999-12-31T23:59:00Z","event_id":"evt_1","organization_id":"org_1","data":{"id":"x_1"}}`
}

func TestWhatAMirrorKeepsIsSentToItWhateverItsRoute(t *testing.T) {
	mirrored := map[queue.Name]int{queue.Mirror: 1}
	tests := []struct {
		eventType string
		want      ingest.Status
		queued    map[queue.Name]int
	}{
		{"application.submitted", ingest.Accepted, mirrored},
		{"application.revision_requested", ingest.Accepted, map[queue.Name]int{queue.Mirror: 1, queue.Slack: 1, queue.PagerDuty: 1}},
		{"participant.registered", ingest.Accepted, mirrored},
		{"activity.capacity_state_changed", ingest.Accepted, mirrored},
		{"activity.nobody_knew", ingest.Accepted, mirrored},
		{"thread.updated", ingest.Accepted, mirrored},
		{"location.updated", ingest.Accepted, mirrored},
		{"event.unpublished", ingest.Accepted, mirrored},
		{"integration.suspended", ingest.Ignored, nothing},
		{"nobody.knew", ingest.Ignored, nothing},
		{"applications", ingest.Ignored, nothing},
		{revento.TypeDeletionRequired, ingest.Accepted, map[queue.Name]int{queue.Deletion: 1}},
		{revento.TypeParticipantCancelled, ingest.Ignored, nothing}, // ours
		{revento.TypeConnectionBroken, ingest.Ignored, nothing},
	}
	for _, tt := range tests {
		t.Run(tt.eventType, func(t *testing.T) {
			mirroring(t, func(b *bench) {
				if reply := b.handle(signed(typed(tt.eventType))); reply.Status != tt.want {
					b.Errorf("%+v, want %s", reply, tt.want)
				}
				if diff := cmp.Diff(tt.queued, b.queued()); diff != "" {
					b.Error(diff)
				}
				if entry := b.found(); entry.Story.Mirrored != (tt.queued[queue.Mirror] > 0) {
					b.Errorf("the ledger has %+v", entry)
				}
			})
		})
	}
}

func TestTheMirrorHearsAllOfTheSignedBody(t *testing.T) {
	mirroring(t, func(b *bench) {
		text := typed("activity.updated")
		b.handle(signed(text))
		received, _, err := b.queues.Receive(b.Context(), queue.Mirror, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		heard, ok := handoff.WebhookOf(received.Message)
		connection := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
		if !ok || string(heard.Body) != text || heard.DeliveryID != deliveryID || received.Group != connection.Partition() ||
			received.DeduplicationID != heard.Digest() {
			b.Errorf("%+v: %+v", heard, received)
		}
	})
}

// The mirror's send costs no time: it is made together with the others, and the ledger is asked no more often.
func TestTheMirrorIsSentToTogetherWithTheOthers(t *testing.T) {
	took := map[bool]time.Duration{}
	calls := map[bool][]string{}
	for _, mirrors := range []bool{false, true} {
		test(t, func(b *bench) {
			b.Mirrors = mirrors
			for _, name := range []string{"claim", "send to slack", "send to pagerduty", "send to mirror", "mark"} {
				b.after[name] = func(context.Context) error {
					time.Sleep(100 * time.Millisecond)
					return nil
				}
			}
			start := time.Now()
			b.handle(signed(revision))
			took[mirrors], calls[mirrors] = time.Since(start), slices.Sorted(slices.Values(b.calls))
		})
	}
	if took[true] != took[false] || took[false] != 300*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	want := []string{"claim", "look", "mark", "send to pagerduty", "send to slack"}
	if diff := cmp.Diff(want, calls[false]); diff != "" {
		t.Errorf("without connections: %s", diff)
	}
	if diff := cmp.Diff([]string{"claim", "look", "mark", "send to mirror", "send to pagerduty", "send to slack"}, calls[true]); diff != "" {
		t.Errorf("with connections: %s", diff)
	}
}

// What was answered 200 is in the mirror's queue too, or the mirror would miss what Revento never sends again.
func TestWhereTheMirrorCannotBeSentToReventoIsAskedToSendAgain(t *testing.T) {
	mirroring(t, func(b *bench) {
		b.before["send to mirror"] = fail(errDown)
		if reply := b.handle(signed(submitted)); reply.Status != ingest.Unavailable {
			b.Errorf("%+v", reply)
		}
		delete(b.before, "send to mirror")
		if reply := b.handle(signed(submitted)); reply.Status != ingest.Accepted || b.queued()[queue.Mirror] != 1 {
			b.Errorf("again: %+v", reply)
		}
		if reply := b.handle(signed(submitted)); reply.Status != ingest.Duplicate || len(b.queued()) != 0 {
			b.Errorf("once more: %+v", reply)
		}
	})
}

// What we found ourselves, also under a webhook's type, is no webhook: the mirror knows it.
func TestADeliveryOfOurOwnIsNotMirrored(t *testing.T) {
	mirroring(t, func(b *bench) {
		own := broken()
		own.Type = "application.revision_requested"
		if err := b.Deliver(b.Context(), own); err != nil {
			b.Fatal(err)
		}
		if diff := cmp.Diff(both, b.queued()); diff != "" {
			b.Error(diff)
		}
	})
}
