// Package handoff is the message that ingest hands to a worker: one for each destination of a delivery, holding the signed
// body as it came, so that a worker needs nothing else.
package handoff

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/route"
)

// SchemaVersion is the version of Message that this program writes. It reads this one and older ones. Version 2 added Notice.
const SchemaVersion = 2

// AttributeDeliveryID is the message attribute that names the delivery, for people who look at a queue.
const AttributeDeliveryID = "delivery_id"

// Delivery is a verified delivery.
type Delivery struct {
	ID         string
	Envelope   revento.Envelope
	Identity   revento.Identity
	SignedAt   time.Time
	ReceivedAt time.Time
	// Body is the signed bytes.
	Body []byte
}

// Message is a delivery on its way to one destination. All its text is printable ASCII once it is JSON, since SQS refuses
// some characters.
type Message struct {
	Schema     int              `json:"schema"`
	DeliveryID string           `json:"delivery_id"`
	Identity   revento.Identity `json:"identity"`
	// AlertKey is what the worker dedupes on.
	AlertKey string `json:"alert_key"`
	// IncidentKey is the incident or thread that the alert belongs to.
	IncidentKey string         `json:"incident_key"`
	Kind        route.Kind     `json:"destination"`
	Channel     string         `json:"channel,omitempty"`
	Severity    route.Severity `json:"severity"`
	Resolves    bool           `json:"resolves,omitempty"`
	Quiet       bool           `json:"quiet,omitempty"`
	SignedAt    time.Time      `json:"signed_at"`
	ReceivedAt  time.Time      `json:"received_at"`
	// QueuedAt is when ingest, or a redrive, queued the message: an alert's age counts from here.
	QueuedAt time.Time `json:"queued_at"`
	// Generation is empty in ingest's message and new for each redrive, which starts a new count of attempts.
	Generation string `json:"generation,omitempty"`
	// Notice is set in a message that tells of a deletion, and in a digest.
	Notice *Notice `json:"notice,omitempty"`
	// Body is the signed bytes, or for a notice an envelope of our own; in base64 once it is JSON.
	Body []byte `json:"body"`
}

// Notice is what a message tells of a deletion, or of many events. No tombstone stops it. What is kept of one about a deletion
// is kept with the deletion.
type Notice struct {
	// Title is what happened, in plain words.
	Title string `json:"title"`
	// Facts are shown in place of the data's fields.
	Facts []alert.Field `json:"facts,omitempty"`
	// Ends says that the message resolves an incident of the connection, which is open.
	Ends bool `json:"ends,omitempty"`
	// Digest is set in a digest only.
	Digest *alert.Digest `json:"digest,omitempty"`
}

// New makes the message for one destination of a delivery.
func New(stack string, delivery Delivery, destination route.Destination, now time.Time) Message {
	return Message{
		Schema:      SchemaVersion,
		DeliveryID:  delivery.ID,
		Identity:    delivery.Identity,
		AlertKey:    alert.Key(stack, delivery.Identity, destination),
		IncidentKey: alert.IncidentKey(stack, delivery.Envelope, delivery.Identity),
		Kind:        destination.Kind,
		Channel:     destination.Channel,
		Severity:    destination.Severity,
		Resolves:    destination.Resolves,
		Quiet:       destination.Quiet,
		SignedAt:    delivery.SignedAt.UTC(),
		ReceivedAt:  delivery.ReceivedAt.UTC(),
		QueuedAt:    now.UTC(),
		Body:        delivery.Body,
	}
}

// Queue is the queue that the message goes to.
func (m Message) Queue() queue.Name { return queue.Name(m.Kind) }

// Encode makes the queue's message.
func (m Message) Encode() (queue.Message, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return queue.Message{}, fmt.Errorf("encode the message for %s: %w", m.Kind, err)
	}
	message := queue.Message{Body: ascii(string(body)), Attributes: map[string]string{AttributeDeliveryID: m.DeliveryID}}
	if m.Queue().IsFIFO() {
		message.Group, message.DeduplicationID = m.group(), m.deduplicationID()
	}
	return message, nil
}

// ascii writes what is not printable ASCII as JSON's escapes, in which it can stand only within texts: a digest holds text of
// strangers.
func ascii(encoded string) string {
	if !strings.ContainsFunc(encoded, isBeyond) {
		return encoded
	}
	var escaped strings.Builder
	for _, r := range encoded {
		if !isBeyond(r) {
			escaped.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&escaped, `\u%04x`, unit)
		}
	}
	return escaped.String()
}

func isBeyond(r rune) bool { return r > '~' }

func (m Message) group() string {
	if m.Kind == route.Slack {
		return m.Channel
	}
	return m.IncidentKey
}

// deduplicationID is the alert key; a redrive's is fresh, or the queue would drop within its five minutes what a person
// wants to have tried again.
func (m Message) deduplicationID() string {
	if m.Generation == "" {
		return m.AlertKey
	}
	return revento.Hash(m.AlertKey, m.Generation)
}

// Decode reads a queue's message. It returns an error that holds nothing of the message for one that no version of this
// program wrote.
func Decode(body string) (Message, error) {
	var message Message
	if err := json.Unmarshal([]byte(body), &message); err != nil {
		return Message{}, fmt.Errorf("the message is not a hand-off: not JSON of the known form")
	}
	if message.Schema < 1 || message.Schema > SchemaVersion {
		return Message{}, fmt.Errorf("the message's schema version is %d, this program knows 1 to %d", message.Schema, SchemaVersion)
	}
	if message.AlertKey == "" || message.IncidentKey == "" || len(message.Body) == 0 {
		return Message{}, fmt.Errorf("the message is not a hand-off: a key or the body is missing")
	}
	return message, nil
}

// Event is the message's body, read, with what follows from it.
type Event struct {
	Message
	Envelope   revento.Envelope
	Connection record.Connection
	Order      alert.Order
	// Cutoff is the moment up to which the connection's data is deleted; zero where it has no tombstone.
	Cutoff time.Time
}

// IsAboutDeletion says whether the message tells of a deletion.
func (m Message) IsAboutDeletion() bool { return m.Notice != nil && m.Notice.Digest == nil }

// Content is what the event tells a person.
func (e Event) Content(display alert.Display) alert.Content {
	content := display.Describe(e.Envelope, e.Order.OccurredAt, e.Severity, e.Resolves, e.DeliveryID)
	if e.Notice != nil {
		content.Title, content.Fields, content.Digest = e.Notice.Title, e.Notice.Facts, e.Notice.Digest
	}
	return content
}

// Open reads the signed body. Ingest read it before, so an error means that the message was tampered with.
func (m Message) Open() (Event, error) {
	envelope, err := revento.ParseEnvelope(m.Body)
	if err != nil {
		return Event{}, fmt.Errorf("read the signed body: %w", err)
	}
	return Event{
		Message:    m,
		Envelope:   envelope,
		Connection: record.Connection{EventID: envelope.EventID, OrganizationID: envelope.OrganizationID},
		Order:      alert.Order{OccurredAt: envelope.HappenedAt(m.SignedAt), Resolves: m.Resolves, AlertKey: m.AlertKey},
	}, nil
}
