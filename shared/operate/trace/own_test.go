package trace_test

import (
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
)

func own(eventType string, number int64, at time.Time) handoff.Own {
	return handoff.Own{
		Type: eventType, Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Identity: []string{"life"},
		ResourceID: "evt_1", Number: number, OccurredAt: at, Fields: map[string]string{"status": "revoked"},
	}
}

// found is the review of so long before noon that no webhook told of.
func found(ago time.Duration) handoff.Own {
	return handoff.Own{
		Type: flagged, Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Identity: []string{"ptp_1", ago.String()},
		ResourceID: "app_1", OccurredAt: noon.Add(-ago), FoundBy: handoff.Reconcile, Fields: map[string]string{"participant_id": "ptp_1"},
	}
}

// finds takes such a delivery of our own in.
func (b *bench) finds(ago time.Duration) {
	b.Helper()
	if err := b.ingest.Deliver(b.Context(), found(ago)); err != nil {
		b.Fatal(err)
	}
}

// ownID is the delivery id of a delivery of our own, of which there is one of a type here.
func ownID(eventType string) string { return own(eventType, 0, time.Time{}).DeliveryID() }

// deliversOwn takes a delivery of our own in.
func (b *bench) deliversOwn(eventType string, number int64, at time.Time) {
	b.Helper()
	if err := b.ingest.Deliver(b.Context(), own(eventType, number, at)); err != nil {
		b.Fatal(err)
	}
}
