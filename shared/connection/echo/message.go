package echo

import (
	"encoding/json"
	"errors"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/revento"
)

// content is a message: a webhook or a marker.
type content struct {
	Schema  int              `json:"schema"`
	Webhook *handoff.Webhook `json:"webhook,omitempty"`
	Marker  *markerBody      `json:"marker,omitempty"`

	envelope revento.Envelope // the webhook's
}

type markerBody struct {
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	Grant          string `json:"grant,omitempty"`
	Pass           int64  `json:"pass"`
}

// errMessage is returned for a message that no version of this program wrote; it holds nothing of it.
var errMessage = errors.New("the message is neither a webhook nor a marker: not JSON of the known form")

// decode reads a message. It returns queue.ErrNewer, and errMessage.
func decode(body string) (content, error) {
	var read content
	if err := json.Unmarshal([]byte(body), &read); err != nil {
		return content{}, errMessage
	}
	if err := queue.CheckSchema(read.Schema, handoff.MirrorSchema); err != nil {
		return content{}, err
	}
	if (read.Webhook == nil) == (read.Marker == nil) {
		return content{}, errMessage
	}
	if read.Webhook == nil {
		return read, nil
	}
	var err error
	if read.envelope, err = read.Webhook.Open(); err != nil {
		return content{}, errMessage
	}
	return read, nil
}

// connection is the one that the message is about.
func (c content) connection() record.Connection {
	if c.Marker != nil {
		return record.Connection{EventID: c.Marker.EventID, OrganizationID: c.Marker.OrganizationID}
	}
	return record.Connection{EventID: c.envelope.EventID, OrganizationID: c.envelope.OrganizationID}
}

func (c content) marker() Marker {
	return Marker{Connection: c.connection(), Grant: c.Marker.Grant, Pass: c.Marker.Pass}
}

func (c content) heard() mirror.Webhook {
	return mirror.Webhook{
		Connection: c.connection(), Type: c.envelope.Type, OccurredAt: c.envelope.HappenedAt(c.Webhook.SignedAt),
		ArrivedAt: c.Webhook.ReceivedAt, Data: c.envelope.Data,
	}
}

// participantOf is the participant whom a webhook is about, or "": a participant event's own id, an application's participant_id.
func participantOf(heard mirror.Webhook) string {
	switch revento.FamilyOf(heard.Type) {
	case "participant":
		return revento.Text(heard.Data["id"])
	case "application":
		return revento.Text(heard.Data["participant_id"])
	default:
		return ""
	}
}
