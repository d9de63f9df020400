// Package ingest takes a delivery in: it verifies the request, claims the delivery id, hands the delivery to every queue
// that its route names, and answers. What is answered 200 is in the queues; what is not can be sent again.
package ingest

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Path is the one path that deliveries are posted to.
const Path = "/webhooks/revento"

// Request is a delivery as it came, nothing of it believed yet.
type Request struct {
	Event      string // X-Revento-Event
	DeliveryID string // X-Revento-Delivery-Id
	Timestamp  string // X-Revento-Timestamp
	Signature  string // X-Revento-Signature
	Body       Body
	// Sender is the address that it came from, for people who look at refusals.
	Sender string
}

// Body is a request's body as API Gateway passes it on: base64-encoded where its content type is not text.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type Body struct {
	Text   string
	Base64 bool
}

// Size is the number of bytes that were sent.
func (b Body) Size() int {
	if !b.Base64 {
		return len(b.Text)
	}
	unpadded := strings.TrimRight(b.Text, "=")
	return base64.RawStdEncoding.DecodedLen(len(unpadded))
}

var errBase64 = errors.New("the body is marked as base64 and is not")

// Bytes is what was sent.
func (b Body) Bytes() ([]byte, error) {
	if !b.Base64 {
		return []byte(b.Text), nil
	}
	decoded, err := base64.StdEncoding.DecodeString(b.Text)
	if err != nil {
		return nil, errBase64
	}
	return decoded, nil
}
