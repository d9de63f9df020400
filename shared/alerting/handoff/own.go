package handoff

import (
	"encoding/json"
	"maps"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// Reconcile is what finds a webhook missing: a full pass over Revento's lists (Own.FoundBy).
const Reconcile = "reconcile"

// Own is a delivery of our own: something that no webhook tells, or that one should have told and did not. It takes a webhook's way, under an identity that follows from what it is
// about, so that it alerts once however often it is sent.
type Own struct {
	// Type is one of revento.OwnTypes, or with FoundBy the type of the webhook that never came.
	Type string `json:"type"`
	// Connection is what it is about; both ids are empty where it is about none.
	Connection record.Connection `json:"connection"`
	// Identity tells it from all others of its type and connection.
	Identity []string `json:"identity"`
	// ResourceID is what has the incident: the same for what opens it and what ends it.
	ResourceID string `json:"resource_id"`
	// Number is its place in the order of its resource's: our clocks may differ, the number only rises. 0 means by the clock.
	Number     int64     `json:"number"`
	OccurredAt time.Time `json:"occurred_at"`
	// Consented is when the consent was given that it stands on: a deletion of up to then stops it. Zero means OccurredAt.
	Consented time.Time `json:"consented_at,omitzero"`
	// Fields are the data beside the id. They hold no personal data.
	Fields map[string]string `json:"fields"`
	// FoundBy is what found that a webhook never came which should have told it: Reconcile. It is "" where no webhook tells such a thing.
	FoundBy string `json:"found_by,omitempty"`
	// Ends says that it ends what another of its type began, whatever the type's route.
	Ends bool `json:"ends,omitempty"`
}

// ownDeliveryID is what the delivery ids of our own begin with, so that nobody looks for them in Revento's console.
const ownDeliveryID = "own-"

// SignedIdentity is the identity under which it alerts once.
func (o Own) SignedIdentity() revento.Identity {
	parts := []string{"own", o.Type, o.Connection.EventID, o.Connection.OrganizationID}
	return revento.Identity(revento.Hash(append(parts, o.Identity...)...))
}

// DeliveryID follows from the identity: trace finds the delivery by it.
func (o Own) DeliveryID() string { return ownDeliveryID + string(o.SignedIdentity()) }

// Delivery is what goes the way of a webhook.
func (o Own) Delivery(now time.Time) (Delivery, error) {
	at := o.OccurredAt.UTC()
	data := maps.Clone(o.Fields)
	if data == nil {
		data = map[string]string{}
	}
	data["id"] = o.ResourceID
	body, err := json.Marshal(map[string]any{
		"id": o.DeliveryID(), "type": o.Type, "occurred_at": at.Format(time.RFC3339Nano),
		"event_id": o.Connection.EventID, "organization_id": o.Connection.OrganizationID, "data": data,
	})
	if err != nil {
		return Delivery{}, err
	}
	envelope, err := revento.ParseEnvelope(body)
	return Delivery{
		ID: o.DeliveryID(), Envelope: envelope, Identity: o.SignedIdentity(), Number: o.Number, Consented: o.Consented.UTC(),
		FoundBy: o.FoundBy, SignedAt: at, ReceivedAt: now.UTC(), Body: body,
	}, err
}
