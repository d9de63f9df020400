package pagerduty

import (
	"net/http"
	"strings"

	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
)

// The reasons of this package.
const (
	reasonNoSecret          = "no_routing_key_secret"
	reasonNoRoutingKey      = "no_routing_key"
	reasonInvalidRoutingKey = "invalid_routing_key"
	reasonInvalidEvent      = "invalid_event"
)

// read classifies an exchange. An event may be sent again under its dedup key, so an answer that was lost is transient.
//
//	202                 taken, whatever the body says
//	429                 throttled
//	400                 refused: the event, or its routing key, is invalid
//	408, 5xx, no answer transient
//	anything else       permanent: what answered is not the Events API
//
// https://developer.pagerduty.com/docs/events-api-v2/overview/#response-codes--retry-logic
func read(made *exchange.Exchange) *fault.Error {
	failure := &fault.Error{Op: op, Reason: exchange.HTTPReason(made.Status), RetryAfter: made.RetryAfter}
	switch status := made.Status; {
	case status == http.StatusAccepted:
		return nil
	case status == http.StatusTooManyRequests:
		failure.Class = fault.Throttled
	case status == http.StatusBadRequest:
		failure.Class, failure.Reason = fault.Permanent, refusal(made.Body)
		failure.Credential = failure.Reason == reasonInvalidRoutingKey
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		failure.Class = fault.Transient
	case status != 0, made.End == exchange.Unmade:
		failure.Class = fault.Permanent
	default:
		failure.Class, failure.Err = fault.Transient, made.Err
	}
	if made.Status == 0 {
		failure.Reason = made.Reason
	}
	return failure
}

// fields are what PagerDuty's refusals name, the more telling before the less.
var fields = []string{
	"routing_key", "event_action", "dedup_key", "payload.summary", "payload.source", "payload.severity", "payload.timestamp",
	"payload.component", "payload.group", "payload.class", "payload.custom_details", "links", "images", "client_url", "payload",
}

// refusal is the reason of a 400: the field that PagerDuty finds wrong. Nothing else of its text is used, since it may quote
// what was sent.
func refusal(body []byte) string {
	text := strings.ToLower(string(body))
	if strings.Contains(text, "routing key") {
		return reasonInvalidRoutingKey
	}
	for _, field := range fields {
		if strings.Contains(text, "'"+field+"'") {
			return "invalid_" + strings.ReplaceAll(field, ".", "_")
		}
	}
	return reasonInvalidEvent
}
