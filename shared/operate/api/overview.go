package api

import (
	"net/http"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/operate/checkup"
)

// Overview is the answer to GET /api/overview.
type Overview struct {
	Stack       string `json:"stack"`
	Environment string `json:"environment"`
	// WebhookURL is where deliveries are posted to; "" where nothing runs.
	WebhookURL string `json:"webhook_url"`
	// RecordsSlack and RecordsPagerDuty say for which provider a recorder stands in.
	RecordsSlack     bool `json:"records_slack"`
	RecordsPagerDuty bool `json:"records_pagerduty"`
	// Warnings are what is allowed in the settings and unwise.
	Warnings []string `json:"warnings"`
	Queues   []Queue  `json:"queues"`
	// SampleTypes are the event types that there are samples of.
	SampleTypes []string `json:"sample_types"`
}

// Queue is how full a queue and its dead-letter queue are. On a stack the numbers are approximate.
type Queue struct {
	Name     queue.Name `json:"name"`
	Waiting  int        `json:"waiting"`
	InFlight int        `json:"in_flight"`
	Dead     int        `json:"dead"`
}

func (b Backend) overview(r *http.Request) (any, error) {
	view := b.Overview
	view.Warnings, view.SampleTypes = append([]string{}, view.Warnings...), append([]string{}, view.SampleTypes...)
	for _, name := range b.Letters.Names {
		waiting, inFlight, err := b.Letters.Queues.Depth(r.Context(), name)
		if err != nil {
			return nil, err
		}
		deadWaiting, deadInFlight, err := b.Letters.Queues.Depth(r.Context(), name.DeadLetter())
		if err != nil {
			return nil, err
		}
		view.Queues = append(view.Queues, Queue{Name: name, Waiting: waiting, InFlight: inFlight, Dead: deadWaiting + deadInFlight})
	}
	return view, nil
}

// CheckRequest is what POST /api/check asks for.
type CheckRequest struct {
	// Send says to post a test message into each channel, and to open and resolve test incidents.
	Send bool `json:"send"`
}

// Findings is the answer to POST /api/check.
type Findings struct {
	Findings []checkup.Finding `json:"findings"`
}

func (b Backend) check(r *http.Request) (any, error) {
	asked, err := read[CheckRequest](r)
	if err != nil {
		return nil, err
	}
	check := b.Check
	check.Send = asked.Send
	return Findings{Findings: check.Run(r.Context())}, nil
}
