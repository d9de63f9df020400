package handoff

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/revento"
)

// MirrorSchema is the version of the messages in the queue mirror. A webhook is one of their forms; package echo reads them all.
const MirrorSchema = 1

// Webhook is a delivery as it goes to the mirror, whatever its route: all of its signed body, since the mirror keeps fields that nobody
// knew of.
type Webhook struct {
	DeliveryID string    `json:"delivery_id"`
	SignedAt   time.Time `json:"signed_at"`
	ReceivedAt time.Time `json:"received_at"`
	// Body is the signed bytes; in base64 once it is JSON.
	Body []byte `json:"body"`
}

// Open reads the signed body. Ingest read it before, so an error means that the message was tampered with.
func (w Webhook) Open() (revento.Envelope, error) {
	envelope, err := revento.ParseEnvelope(w.Body)
	if err != nil {
		return envelope, fmt.Errorf("read the signed body: %w", err)
	}
	return envelope, nil
}

// Digest tells the webhook from others: the hash of its signed body. The mirror dedupes by merging, never by what identifies an alert:
// two changes of one resource in one second are two.
func (w Webhook) Digest() string {
	digest := sha256.Sum256(w.Body)
	return hex.EncodeToString(digest[:])
}

// webhookMessage is a webhook as JSON.
type webhookMessage struct {
	Schema  int     `json:"schema"`
	Webhook Webhook `json:"webhook"`
}

// Mirror makes the message by which the mirror hears of the delivery, in the group of its connection.
func (d Delivery) Mirror() (queue.Message, error) {
	webhook := Webhook{DeliveryID: d.ID, SignedAt: d.SignedAt.UTC(), ReceivedAt: d.ReceivedAt.UTC(), Body: d.Body}
	body, err := json.Marshal(webhookMessage{Schema: MirrorSchema, Webhook: webhook})
	if err != nil {
		return queue.Message{}, fmt.Errorf("encode the webhook for the mirror: %w", err)
	}
	connection := record.Connection{EventID: d.Envelope.EventID, OrganizationID: d.Envelope.OrganizationID}
	return queue.Message{
		Body: string(body), Group: connection.Partition(), DeduplicationID: webhook.Digest(),
		Attributes: map[string]string{AttributeDeliveryID: d.ID},
	}, nil
}

// WebhookOf reads a message that Mirror made; ok is false for any other.
func WebhookOf(message queue.Message) (webhook Webhook, ok bool) {
	var read webhookMessage
	if json.Unmarshal([]byte(message.Body), &read) != nil || read.Schema != MirrorSchema || len(read.Webhook.Body) == 0 {
		return Webhook{}, false
	}
	return read.Webhook, true
}
