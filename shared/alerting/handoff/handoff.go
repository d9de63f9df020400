// Package handoff is the message that is handed to a worker: an alert, one for each destination of a delivery, which holds the
// signed body as it came, so that a worker needs nothing else; a notice of a deletion; or a digest of many events.
package handoff

import (
	"fmt"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

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

	// Number, Consented and FoundBy are those of a delivery of our own (Own); zero in a webhook.
	Number    int64
	Consented time.Time
	FoundBy   string
	// Mirrored says that a mirror of its connection hears of a webhook too, and so may find one missing that tells of the same.
	Mirrored bool
}

// Message is what is on its way to one destination. All its text is printable ASCII once it is JSON, since SQS refuses some
// characters.
type Message struct {
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
	// QueuedAt is when ingest, or a redrive, queued the message.
	QueuedAt time.Time `json:"queued_at"`
	// Number, Consented and FoundBy are those of a delivery of our own (Own); zero in a webhook's.
	Number    int64     `json:"number,omitempty"`
	Consented time.Time `json:"consented_at,omitzero"`
	FoundBy   string    `json:"found_by,omitempty"`
	// Mirrored says that a mirror of its connection heard of the webhook too.
	Mirrored bool `json:"mirrored,omitempty"`
	// Generation is empty in ingest's message and new for each redrive, which starts a new count of attempts.
	Generation string `json:"generation,omitempty"`
	// Form is what the message is.
	Form Form `json:"-"`
	// Body is an alert's signed bytes, or an envelope of our own; in base64 once it is JSON.
	Body []byte `json:"body"`
}

// New makes the message for one destination of a delivery.
func New(stack string, delivery Delivery, destination route.Destination, now time.Time) Message {
	return Message{
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
		Number:      delivery.Number,
		Consented:   delivery.Consented,
		FoundBy:     delivery.FoundBy,
		Mirrored:    delivery.Mirrored,
		Form:        Alert{},
		Body:        delivery.Body,
	}
}

// ForChannel returns the message on its way to another channel, under the alert key that it has there.
func (m Message) ForChannel(stack, channel string) Message {
	m.Channel = channel
	m.AlertKey = m.Form.alertKey(m, stack)
	return m
}

func (m Message) destination() route.Destination {
	return route.Destination{Kind: m.Kind, Channel: m.Channel}
}

// Queue is the queue that the message goes to.
func (m Message) Queue() queue.Name { return queue.Name(m.Kind) }

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

// Event is the message's body, read, with what follows from it.
type Event struct {
	Message
	Envelope   revento.Envelope
	Connection record.Connection
	Order      alert.Order
	// Cutoff is the moment up to which the connection's data is deleted; zero where it has no tombstone.
	Cutoff time.Time
	// Names are what the events are called that are shown, by their ids, as far as that is known.
	Names map[string]string
}

// Named are the connections whose events are shown by their ids, by these.
func (e Event) Named() map[string]record.Connection { return e.Form.named(e) }

// Subjects are the connections whose deletion stops the event, or a part of what it tells.
func (e Event) Subjects() []record.Connection { return e.Form.subjects(e) }

// After returns the event as it may be told where its subjects' data is deleted up to these moments, which are by partition key;
// a connection that is not among them has none. It returns false where nothing is left to tell.
func (e Event) After(cutoffs map[string]time.Time) (left Event, any bool) {
	return e.Form.after(e, cutoffs)
}

// Channels are the Slack channels that the routes lead the event to, each once: an alert by the route of its type, a notice by that
// of deletion requests, a digest by the digest targets of what it tells of.
func (e Event) Channels(routes route.Table) []string { return e.Form.channels(e, routes) }

// Content is what the event tells a person.
func (e Event) Content(display alert.Display) alert.Content {
	content := display.Describe(e.Envelope, e.Order.OccurredAt, e.Severity, e.Resolves, e.DeliveryID)
	content.FoundBy = e.FoundBy
	e.Form.tell(&content, e.Names)
	return content
}

// standsOn is the moment that a cutoff is compared with: that of the event, or of the consent behind a delivery of our own.
func (e Event) standsOn() time.Time {
	if e.Consented.IsZero() {
		return e.Order.OccurredAt
	}
	return e.Consented
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
		Order: alert.Order{
			Number: m.Number, OccurredAt: envelope.HappenedAt(m.SignedAt), Resolves: m.Resolves, AlertKey: m.AlertKey,
		},
	}, nil
}
