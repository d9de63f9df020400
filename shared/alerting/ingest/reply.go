package ingest

import (
	"net/http"
	"time"
)

// Status is what became of a request: the reply body's "status", a log attribute and a metric.
type Status string

// The statuses.
const (
	Accepted     Status = "accepted"
	Duplicate    Status = "duplicate"
	Ignored      Status = "ignored"
	Busy         Status = "busy"
	Unavailable  Status = "unavailable"
	Unauthorized Status = "unauthorized"
	Stale        Status = "stale"
	Malformed    Status = "malformed"
	TooLarge     Status = "too_large"

	// What is no delivery, or did not come whole.
	NotFound         Status = "not_found"
	MethodNotAllowed Status = "method_not_allowed"
	TimedOut         Status = "timeout"
	HeadersTooLarge  Status = "headers_too_large"
)

var codes = map[Status]int{
	Accepted:     http.StatusOK,
	Duplicate:    http.StatusOK,
	Ignored:      http.StatusOK,
	Busy:         http.StatusServiceUnavailable,
	Unavailable:  http.StatusServiceUnavailable,
	Unauthorized: http.StatusUnauthorized,
	Stale:        http.StatusUnauthorized,
	Malformed:    http.StatusBadRequest,
	TooLarge:     http.StatusRequestEntityTooLarge,

	NotFound:         http.StatusNotFound,
	MethodNotAllowed: http.StatusMethodNotAllowed,
	TimedOut:         http.StatusRequestTimeout,
	HeadersTooLarge:  http.StatusRequestHeaderFieldsTooLarge,
}

// Code is the HTTP status code. Revento's guide names only 200 as success (/patterns/); what it does on the others is not
// known, so they are what HTTP says.
func (s Status) Code() int { return codes[s] }

// Reply is the answer to a request.
type Reply struct {
	Status Status
	// DeliveryID is set where it was well-formed.
	DeliveryID string
	// RetryAfter is set on a 503; at least a second.
	RetryAfter time.Duration
}

// unavailableRetryAfter is what we ask for when AWS did not answer: long enough for a hiccup, short enough for a page.
const unavailableRetryAfter = 5 * time.Second
