package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"revento-alerts/events"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/provider/inprocess"
	"revento-alerts/shared/revento/sample"
)

// Samples posts sample deliveries to the webhook, within this process.
type Samples struct {
	// Secret returns the secret to sign with.
	Secret func(context.Context) (string, error)
	// Webhook serves the webhook.
	Webhook http.Handler
	Now     func() time.Time
}

// Sent is the answer to POST /api/samples/{type}: the webhook's.
type Sent struct {
	// Code is the status code, Status the word for it.
	Code       int    `json:"code"`
	Status     string `json:"status"`
	DeliveryID string `json:"delivery_id"`
}

func (b Backend) sendSample(r *http.Request) (any, error) {
	if b.Samples == nil {
		return nil, unavailable("samples are sent from here where serve runs and records both providers: '" +
			b.Check.Site.Installation.Command("send") + "' sends one all the same")
	}
	eventType := r.PathValue("type")
	if _, err := events.Body(eventType); err != nil {
		return nil, errRequest{err}
	}
	return b.Samples.send(r.Context(), eventType)
}

func (s *Samples) send(ctx context.Context, eventType string) (Sent, error) {
	secret, err := s.Secret(ctx)
	if err != nil {
		return Sent{}, fmt.Errorf("sign the sample: %w", err)
	}
	delivery, err := sample.New(eventType, secret, s.Now(), sample.Change{})
	if err != nil {
		return Sent{}, err
	}
	webhook := &http.Client{Transport: inprocess.Transport(s.Webhook)}
	answer, err := delivery.Post(ctx, webhook, "http://in-process"+ingest.Path)
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{Code: answer.Code}
	if err := json.Unmarshal(answer.Body, &sent); err != nil {
		return Sent{}, fmt.Errorf("read the webhook's answer, whose status is %d: %w", answer.Code, err)
	}
	return sent, nil
}
