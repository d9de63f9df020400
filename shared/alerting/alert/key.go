// Package alert is about one alert, whatever its destination: the keys that keep it single, the record of its attempts,
// its place in the order of its resource's events, and what it tells a person.
package alert

import (
	"cmp"
	"time"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// Key is an alert's key: 64 hex digits, equal for whatever must not alert twice at one destination.
func Key(stack string, identity revento.Identity, destination route.Destination) string {
	return revento.Hash(stack, string(identity), string(destination.Kind), destination.Channel)
}

// IncidentKey is the key of the incident that an event belongs to, 64 hex digits: one for each resource, so that its events
// open, update and resolve the same incident and share a thread. An event without a resource is an incident of its own.
func IncidentKey(stack string, envelope revento.Envelope, identity revento.Identity) string {
	resource := envelope.ResourceID()
	if resource == "" {
		resource = string(identity)
	}
	return revento.Hash(stack, envelope.OrganizationID, envelope.EventID, envelope.Family(), resource)
}

// Order is an event's place among the events of its resource.
type Order struct {
	// Number is the place of an event of our own, which needs no clock; 0 in Revento's.
	Number int64 `json:"number,omitempty"`
	// OccurredAt is the event's moment.
	OccurredAt time.Time `json:"occurred_at"`
	// Resolves says that the event ends the incident. Another of the same moment that does not wins over it, so that an incident
	// stays open rather than that nobody hears of it: which of the two was last is not known, as Revento's times have whole seconds.
	Resolves bool `json:"resolves"`
	// AlertKey settles what is left, the same way for everyone.
	AlertKey string `json:"alert_key"`
}

// Compare returns -1, 0 or +1 where o comes before, is, or comes after other.
func (o Order) Compare(other Order) int {
	if o.Number > 0 && other.Number > 0 && o.Number != other.Number {
		return cmp.Compare(o.Number, other.Number)
	}
	return cmp.Or(
		o.OccurredAt.Compare(other.OccurredAt),
		compareBool(other.Resolves, o.Resolves),
		cmp.Compare(o.AlertKey, other.AlertKey),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
