package sample_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/events"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 500, time.UTC)

func parse(t *testing.T, delivery sample.Delivery) revento.Envelope {
	t.Helper()
	envelope, err := revento.ParseEnvelope(delivery.Body)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func TestEveryTriggerHasASample(t *testing.T) {
	sampled := map[string]bool{}
	for _, eventType := range events.Types() {
		sampled[route.TriggerOf(eventType).Pattern] = true
	}
	for _, trigger := range route.TriggersOfWebhooks() {
		if !sampled[trigger.Pattern] {
			t.Errorf("no sample for %s", trigger.Pattern)
		}
	}
}

func TestEverySampleIsAFreshSignedDeliveryWithUnmistakableIDs(t *testing.T) {
	for _, eventType := range events.Types() {
		t.Run(eventType, func(t *testing.T) {
			delivery, err := sample.New(eventType, "s", now, sample.Change{})
			if err != nil {
				t.Fatal(err)
			}
			proof, err := revento.ParseProof(delivery.Header.Get(revento.HeaderTimestamp), delivery.Header.Get(revento.HeaderSignature))
			if err != nil || !proof.IsFresh(now, time.Second) || proof.MatchingSecret([]string{"s"}, delivery.Body) != 0 {
				t.Errorf("the signature: %v", err)
			}
			envelope := parse(t, delivery)
			if envelope.Type != eventType || delivery.Header.Get(revento.HeaderEvent) != eventType {
				t.Errorf("type %s, header %s", envelope.Type, delivery.Header.Get(revento.HeaderEvent))
			}
			if !envelope.OccurredAt.Equal(now.Truncate(time.Second)) || strings.Contains(string(delivery.Body), "2026-05-09") {
				t.Errorf("not of now: %s", delivery.Body)
			}
			for _, id := range []string{envelope.EventID, envelope.OrganizationID, envelope.ResourceID()} {
				if id != "" && !strings.Contains(id, "_sample_") {
					t.Errorf("the id %s could be mistaken for a real one", id)
				}
			}
			if !revento.IsDeliveryID(delivery.Header.Get(revento.HeaderDeliveryID)) {
				t.Errorf("delivery id %q", delivery.Header.Get(revento.HeaderDeliveryID))
			}
		})
	}
}

func TestChanges(t *testing.T) {
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	delivery, err := sample.New("application.approved", "s", now,
		sample.Change{OccurredAt: at, EventID: "evt_sample_9", OrganizationID: "org_sample_9", ResourceID: "app_sample_9", DeliveryID: "d-9"})
	if err != nil {
		t.Fatal(err)
	}
	envelope := parse(t, delivery)
	if !envelope.OccurredAt.Equal(at) || envelope.EventID != "evt_sample_9" || envelope.OrganizationID != "org_sample_9" ||
		envelope.ResourceID() != "app_sample_9" || delivery.Header.Get(revento.HeaderDeliveryID) != "d-9" {
		t.Errorf("envelope = %+v", envelope)
	}
}

func TestATypeWithoutASampleIsRefusedWithTheList(t *testing.T) {
	_, err := sample.New("application.vanished", "s", now, sample.Change{})
	if err == nil || !strings.Contains(err.Error(), "application.approved") {
		t.Errorf("error = %v", err)
	}
}

// Of two events of one moment the trigger wins, and what a person sends next would leave the incident open.
func TestTwoSamplesOfOneSecondAreOfTwoMoments(t *testing.T) {
	now := time.Date(2026, 11, 24, 1, 33, 5, 0, time.UTC)
	var moments []time.Time
	for _, at := range []time.Time{now.Add(20 * time.Millisecond), now.Add(50*time.Millisecond + time.Microsecond)} {
		delivery, err := sample.New("application.approved", "s", at, sample.Change{})
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := revento.ParseEnvelope(delivery.Body)
		if err != nil {
			t.Fatal(err)
		}
		moments = append(moments, envelope.OccurredAt)
	}
	if !moments[0].Equal(now.Add(20*time.Millisecond)) || !moments[1].Equal(now.Add(50*time.Millisecond)) {
		t.Errorf("%v", moments)
	}
}
