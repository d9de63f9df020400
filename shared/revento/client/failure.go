package client

import (
	"encoding/json"
	"net/http"

	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// read classifies an exchange; lost is the class of one that may have taken effect.
//
//	2xx            what was asked for
//	429            throttled
//	408, 5xx       lost: whether it took effect is not known
//	no whole reply lost
//	no connection  transient
//	anything else  permanent, with Revento's code
//
// (guide: /api/errors/, /rate-limits/)
func read(made *exchange.Exchange, requestID string, lost fault.Class) *fault.Error {
	status := made.Status
	if made.End == exchange.Answered && status >= http.StatusOK && status < http.StatusMultipleChoices {
		return nil
	}
	failure := &fault.Error{Reason: made.Reason, RetryAfter: min(made.RetryAfter, maxRetryAfter)}
	switch made.End {
	case exchange.Unmade:
		failure.Class = fault.Permanent
		return failure
	case exchange.Unsent:
		failure.Class, failure.Err = fault.Transient, made.Err
		return failure
	case exchange.Lost:
		failure.Class = lost
		return failure
	}
	refusal := &revento.Refusal{Status: status, Code: codeOf(made.Body), RequestID: requestID}
	failure.Err, failure.Reason = refusal, refusal.Code
	if refusal.Code == "" {
		failure.Reason = exchange.HTTPReason(status)
	}
	switch {
	case status == http.StatusTooManyRequests:
		failure.Class = fault.Throttled
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		failure.Class = lost
	default:
		failure.Class = fault.Permanent
		failure.Credential = status == http.StatusUnauthorized
	}
	return failure
}

// codeOf is the code of a refusal, or "" where the body holds none that has the form of one: nothing else of it is told.
func codeOf(body []byte) string {
	var form struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &form) != nil || form.Error == "" || exchange.Code(form.Error) != form.Error {
		return ""
	}
	return form.Error
}
