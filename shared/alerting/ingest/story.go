package ingest

import (
	"encoding/json"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// Story is what a delivery was and where it went, for people who ask later. The ledger holds no ids of people, events and
// organizations, so that it names connection and incident by their hashes.
type Story struct {
	// Type is the event type, at most 128 bytes of it.
	Type string `json:"type"`
	// Secret is the number of the webhook secret that signed it, from 1, the newest.
	Secret int `json:"secret"`
	// FoundBy is what found it, where no webhook told of it that should have (handoff.Own); "" elsewhere.
	FoundBy string `json:"found_by,omitempty"`
	// Connection is the connection's partition (record.Connection.Partition).
	Connection string `json:"connection"`
	// IncidentKey is the incident or thread that its alerts belong to.
	IncidentKey string `json:"incident_key"`
	// OccurredAt is the event's moment as it is ordered, by which a tombstone stops it; zero where it is not known.
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	// Deleted says that the rest is gone, since the connection's data had to go.
	Deleted bool `json:"deleted,omitempty"`
	// Destinations is empty where its route was off.
	Destinations []Destination `json:"destinations,omitempty"`
	// Mirrored says that it went to the mirror too.
	Mirrored bool `json:"mirrored,omitempty"`
	// Deeds are what people did with its messages, the newest last.
	Deeds []Deed `json:"deeds,omitempty"`
}

// Destination is a place that a delivery was to go to.
type Destination struct {
	Kind route.Kind `json:"kind"`
	// Channel is the Slack channel's id, for Slack and Digest.
	Channel string `json:"channel,omitempty"`
	// AlertKey is what the worker keeps the alert under.
	AlertKey string `json:"alert_key"`
	// Resolves says that it ends an incident or a thread; a version that did not keep it told nothing of that.
	Resolves bool `json:"resolves,omitempty"`
}

// Encode returns the story as JSON, in which form engines store it.
func (s Story) Encode() string {
	encoded, _ := json.Marshal(s) // cannot fail: texts, a number and a moment of the years 0 to 9999
	return string(encoded)
}

// ParseStory reads what Encode wrote. Text that it cannot read, such as that of another version, is an empty story: the
// entry's other values are what claims rely on.
func ParseStory(text string) Story {
	var story Story
	if err := json.Unmarshal([]byte(text), &story); err != nil {
		return Story{}
	}
	return story
}

// verified is a delivery that Revento sent.
type verified struct {
	handoff.Delivery
	// secret is the number of the secret that signed it, from 1.
	secret int
	// digest tells the signed bytes from others.
	digest revento.Digest
}

func (v verified) story(stack string, destinations []route.Destination) Story {
	connection := record.Connection{EventID: v.Envelope.EventID, OrganizationID: v.Envelope.OrganizationID}
	story := Story{
		Type:        clip(v.Envelope.Type),
		Secret:      v.secret,
		FoundBy:     v.FoundBy,
		Connection:  connection.Partition(),
		IncidentKey: alert.IncidentKey(stack, v.Envelope, v.Identity),
		OccurredAt:  v.Envelope.HappenedAt(v.SignedAt),
		Mirrored:    v.Mirrored,
	}
	for _, d := range destinations {
		story.Destinations = append(story.Destinations,
			Destination{Kind: d.Kind, Channel: d.Channel, AlertKey: alert.Key(stack, v.Identity, d), Resolves: d.Resolves})
	}
	return story
}

// maxType bounds what a log line and a story take of the one text in them that Revento chooses, in bytes.
const maxType = 128

// clip never leaves a part of a character.
func clip(eventType string) string {
	if len(eventType) <= maxType {
		return eventType
	}
	return strings.ToValidUTF8(eventType[:maxType], "")
}
