package upkeep

import (
	"encoding/json"
	"errors"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/lease"
)

// schemaVersion is the version of the queue's messages.
const schemaVersion = 1

// body is a message: one of its parts is set.
type body struct {
	Schema int       `json:"schema"`
	Sync   *syncBody `json:"sync,omitempty"`
	Tell   *tellBody `json:"tell,omitempty"`
}

// syncBody asks for what is due for a connection.
type syncBody struct {
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	// Mark is the owner of the mark that the message was sent under.
	Mark string `json:"mark"`
}

// tellBody asks for what is to be told, of whatever connection.
type tellBody struct {
	// At is when it was sent: what was looked at since needs no other look.
	At time.Time `json:"at"`
	// EventID and OrganizationID name the connection that changed; "" in the schedule's message, which has Silent.
	EventID        string `json:"event_id,omitempty"`
	OrganizationID string `json:"organization_id,omitempty"`
	// Tick says that it is the schedule's, and Silent how many connections nobody looked at for long.
	Tick   bool `json:"tick,omitempty"`
	Silent int  `json:"silent,omitempty"`
	// Client says that Revento refused the client's secret when the connection's token was to be refreshed.
	Client bool `json:"client,omitempty"`
}

// groupTelling is the group of what tells: it is done by one at a time.
const groupTelling = "telling"

func syncMessage(of record.Connection, markOwner string) queue.Message {
	content := body{Schema: schemaVersion, Sync: &syncBody{EventID: of.EventID, OrganizationID: of.OrganizationID, Mark: markOwner}}
	return message(content, of.Partition(), markOwner)
}

func tellMessage(content tellBody) queue.Message {
	return message(body{Schema: schemaVersion, Tell: &content}, groupTelling, lease.NewOwner())
}

// clientMessage tells that the client's secret was refused. Each connection finds that again every few minutes: the queue keeps one message
// of all of them.
func clientMessage(of record.Connection, at time.Time) queue.Message {
	content := body{Schema: schemaVersion, Tell: &tellBody{At: at, EventID: of.EventID, OrganizationID: of.OrganizationID, Client: true}}
	return message(content, groupTelling, "client/"+at.Truncate(queue.DeduplicationInterval).Format(time.RFC3339))
}

func message(content body, group, deduplicationID string) queue.Message {
	text, err := json.Marshal(content)
	if err != nil {
		panic("upkeep: a message of texts and a moment cannot fail to encode: " + err.Error())
	}
	return queue.Message{Body: string(text), Group: group, DeduplicationID: deduplicationID}
}

// errMessage is returned for a message that no version of this program wrote; it holds nothing of it.
var errMessage = errors.New("the message asks for nothing that is known: not JSON of the known form")

func decode(text string) (body, error) {
	var content body
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		return body{}, errMessage
	}
	if err := queue.CheckSchema(content.Schema, schemaVersion); err != nil {
		return body{}, err
	}
	if (content.Sync == nil) == (content.Tell == nil) {
		return body{}, errMessage
	}
	return content, nil
}
