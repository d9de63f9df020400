package slack

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
)

// The reasons that are not Slack's own codes.
const (
	reasonNoToken       = "no_token"
	reasonUnreadable    = "unreadable_answer"
	reasonNoTimestamp   = "no_timestamp"
	reasonLeftThread    = "reply_left_thread"
	reasonMoreThanAPage = "more_than_a_page"
)

// Slack's error codes that are not simply permanent.
// https://docs.slack.dev/reference/methods/chat.postMessage#errors
var (
	throttled = []string{"ratelimited", "rate_limited", "message_limit_exceeded"}
	// mayHaveWorked: "it's possible some aspect of the operation succeeded before the error was raised".
	mayHaveWorked = []string{"internal_error", "fatal_error"}
	// refusedForNow are definite: the service did not take the request (service_unavailable), got only a part of it
	// (request_timeout), or is closed while the workspace moves to an enterprise (team_added_to_org).
	refusedForNow = []string{"service_unavailable", "request_timeout", "team_added_to_org"}

	rootGone    = []string{"thread_not_found", "message_not_found", "invalid_thread_ts", "cannot_reply_to_message"}
	messageGone = []string{"message_not_found"}
	// stays are about one message or its channel; other refusals, such as of the token, are about all.
	// https://docs.slack.dev/reference/methods/chat.delete#errors
	stays = []string{"cant_delete_message", "channel_not_found", "is_archived", "not_in_channel", "compliance_exports_prevent_deletion"}

	// tokenRefused are the codes that a new token mends. https://docs.slack.dev/reference/methods/auth.test#errors
	tokenRefused   = []string{"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"}
	scopeMissing   = []string{"missing_scope"}
	channelUnknown = []string{"channel_not_found"}
)

// read classifies an exchange by its status, how it ended, and Slack's code, in this order. lost is the class of what may have
// taken effect.
func read(made *exchange.Exchange, lost fault.Class) (answer, *fault.Error) {
	if failure := readStatus(made, lost); failure != nil {
		return answer{}, failure
	}
	var got answer
	if json.Unmarshal(made.Body, &got) != nil || !got.OK && got.Error == "" {
		return answer{}, &fault.Error{Class: lost, Reason: reasonUnreadable}
	}
	if got.OK {
		got.Scopes = scopesOf(made.Header)
		got.Date, _ = http.ParseTime(made.Header.Get("Date")) // zero where it is in no form of RFC 9110
		return got, nil
	}
	return answer{}, &fault.Error{
		Class: classOf(got.Error, lost), Reason: exchange.Code(got.Error), RetryAfter: made.RetryAfter,
		Credential: slices.Contains(tokenRefused, got.Error),
	}
}

// readStatus returns nil for a whole answer with the status 200, which alone holds Slack's own word.
func readStatus(made *exchange.Exchange, lost fault.Class) *fault.Error {
	byStatus := &fault.Error{Reason: exchange.HTTPReason(made.Status), RetryAfter: made.RetryAfter}
	switch status := made.Status; {
	case status == http.StatusTooManyRequests:
		byStatus.Class = fault.Throttled
	case status == http.StatusRequestTimeout: // the request did not arrive in full
		byStatus.Class = fault.Transient
	case status >= http.StatusMultipleChoices && status < http.StatusInternalServerError:
		byStatus.Class = fault.Permanent
	case status >= http.StatusInternalServerError, status > http.StatusOK:
		byStatus.Class = lost
	default:
		return readEnd(made, lost)
	}
	return byStatus
}

func readEnd(made *exchange.Exchange, lost fault.Class) *fault.Error {
	switch made.End {
	case exchange.Answered:
		return nil
	case exchange.Unmade:
		return &fault.Error{Class: fault.Permanent, Reason: made.Reason}
	case exchange.Unsent:
		return &fault.Error{Class: fault.Transient, Reason: made.Reason, Err: made.Err}
	}
	if made.Reason == exchange.ReasonTooLarge && lost == fault.Transient { // it will be as large the next time
		return &fault.Error{Class: fault.Permanent, Reason: made.Reason}
	}
	return &fault.Error{Class: lost, Reason: made.Reason}
}

func classOf(code string, lost fault.Class) fault.Class {
	switch {
	case slices.Contains(throttled, code):
		return fault.Throttled
	case slices.Contains(mayHaveWorked, code):
		return lost
	case slices.Contains(refusedForNow, code):
		return fault.Transient
	default:
		return fault.Permanent
	}
}

// isAny says whether Slack refused with one of the codes.
func isAny(err error, codes []string) bool {
	var failure *fault.Error
	return errors.As(err, &failure) && slices.Contains(codes, failure.Reason)
}

// wrap gives a classified failure the meaning that the rules know it by.
func wrap(err error, meaning error) error {
	failure := *fault.Of(err)
	failure.Err = meaning
	return &failure
}
