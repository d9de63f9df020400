// Package sample makes deliveries as Revento would send them, from the sample bodies in events/: for send and event, the demo
// and the tests.
package sample

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	samples "revento-alerts/events"
	"revento-alerts/shared/revento"
)

// Change is what is to differ from the sample. Empty fields leave it as it is.
type Change struct {
	// OccurredAt is the event's moment; zero means the moment of signing.
	OccurredAt     time.Time
	EventID        string
	OrganizationID string
	ResourceID     string
	// DeliveryID is the delivery's id; empty means a new one.
	DeliveryID string
}

// Delivery is a signed request.
type Delivery struct {
	Header http.Header
	Body   []byte
}

// New makes a delivery of a type, signed at now. It returns an error that lists the types for one without a sample.
func New(eventType, secret string, now time.Time, change Change) (Delivery, error) {
	body, err := samples.Body(eventType)
	if err != nil {
		return Delivery{}, err
	}
	if body, err = change.apply(body, now); err != nil {
		return Delivery{}, fmt.Errorf("fill in the sample of %s: %w", eventType, err)
	}
	id := change.DeliveryID
	if id == "" {
		id = uuid.NewString()
	}
	return Sign(eventType, secret, id, now, body), nil
}

// Sign makes a delivery of any body.
func Sign(eventType, secret, deliveryID string, now time.Time, body []byte) Delivery {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set(revento.HeaderEvent, eventType)
	header.Set(revento.HeaderDeliveryID, deliveryID)
	header.Set(revento.HeaderTimestamp, timestamp)
	header.Set(revento.HeaderSignature, revento.Sign(secret, timestamp, body))
	return Delivery{Header: header, Body: body}
}

// envelope keeps the order of the fields, so that a sample reads like the guide's.
type envelope struct {
	ID             string          `json:"id"`
	Type           string          `json:"type"`
	OccurredAt     time.Time       `json:"occurred_at"`
	EventID        *string         `json:"event_id"`
	OrganizationID *string         `json:"organization_id"`
	Data           json.RawMessage `json:"data"`
}

func (c Change) apply(body []byte, now time.Time) ([]byte, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, err
	}
	before := e.OccurredAt
	e.OccurredAt = c.OccurredAt.UTC()
	if c.OccurredAt.IsZero() {
		// To the millisecond, so that what somebody sends in one second comes one after the other: of one moment the trigger would win.
		e.OccurredAt = now.UTC().Truncate(time.Millisecond)
	}
	// The data's own moments, such as approved_at, are the event's in the samples.
	e.Data = bytes.ReplaceAll(e.Data, moment(before), moment(e.OccurredAt))
	if c.EventID != "" {
		e.EventID = &c.EventID
	}
	if c.OrganizationID != "" {
		e.OrganizationID = &c.OrganizationID
	}
	if c.ResourceID != "" {
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return nil, err
		}
		data["id"] = c.ResourceID
		changed, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		e.Data = changed
	}
	return json.Marshal(e)
}

func moment(at time.Time) []byte { return []byte(at.Format(time.RFC3339)) }

// Answer is what came back.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte
}

// maxAnswerBytes bounds what is read of an answer.
const maxAnswerBytes = 64 << 10

// Post sends the delivery, within ctx.
func (d Delivery) Post(ctx context.Context, client *http.Client, url string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(d.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("post the delivery: %w", err)
	}
	request.Header = d.Header.Clone()
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("post the delivery: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return Answer{Code: response.StatusCode, Header: response.Header, Body: body}, nil
}
