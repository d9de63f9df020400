package deletion

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
)

// schemaVersion is the version of the messages that this package writes beside hand-offs.
const schemaVersion = 1

// body is a message of the deletion queue that is no hand-off, or one of the purge queue. One field is set.
type body struct {
	Schema   int        `json:"schema"`
	Sweep    bool       `json:"sweep,omitempty"`
	Returned *returned  `json:"returned,omitempty"`
	Purge    *reference `json:"purge,omitempty"`
}

// returned tells that something of after a connection's cutoff came, or that it was consented to again.
type returned struct {
	reference
	OccurredAt time.Time `json:"occurred_at"`
	Consented  bool      `json:"consented,omitempty"`
}

// reference names a case. The ids are base64 in JSON: SQS refuses some characters.
type reference struct {
	EventID        []byte `json:"event_id"`
	OrganizationID []byte `json:"organization_id"`
	Case           string `json:"case"`
}

func refer(key record.Key) reference {
	return reference{EventID: []byte(key.Connection.EventID), OrganizationID: []byte(key.Connection.OrganizationID), Case: key.ID}
}

func (r reference) key() record.Key {
	connection := record.Connection{EventID: string(r.EventID), OrganizationID: string(r.OrganizationID)}
	return record.Key{Connection: connection, Kind: record.Deletion, ID: r.Case}
}

// SweepMessage asks the deletion queue for a look at all open deletions. The template's daily schedule sends the same.
func SweepMessage() queue.Message { return queue.Message{Body: `{"schema":1,"sweep":true}`} }

// purgeMessage asks for the purge of a case.
func purgeMessage(entry Entry) (queue.Message, error) {
	named := refer(entry.Key)
	return encode(body{Purge: &named})
}

func encode(content body) (queue.Message, error) {
	content.Schema = schemaVersion
	text, err := json.Marshal(content)
	if err != nil {
		return queue.Message{}, fmt.Errorf("encode a message about a deletion: %w", err)
	}
	return queue.Message{Body: string(text)}, nil
}

// errMessage is returned for a message that no version of this program wrote; it holds nothing of it.
var errMessage = errors.New("the message is about no deletion: not JSON of the known form")

func decode(text string) (body, error) {
	var content body
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		return body{}, errMessage
	}
	return content, queue.CheckSchema(content.Schema, schemaVersion)
}
