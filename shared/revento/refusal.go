package revento

import (
	"errors"
	"fmt"
)

// The codes by which Revento refuses what is asked. Code branches on these, never on a text. (guide: /api/errors/, /rate-limits/)
const (
	// CodeInvalidGrant is permanent: the refresh token is never sent again.
	CodeInvalidGrant = "invalid_grant"
	CodeInvalidScope = "invalid_scope"
	// CodeInvalidClient is RFC 6749's for a client secret that is wrong; Revento's guide does not name it.
	// https://www.rfc-editor.org/rfc/rfc6749#section-5.2
	CodeInvalidClient = "invalid_client"

	CodeInvalidToken = "invalid_token"
	CodeTokenExpired = "token_expired"
	// CodeTokenRevoked is permanent: the connection is over until somebody consents again.
	CodeTokenRevoked = "token_revoked"

	CodeRateLimitExceeded       = "rate_limit_exceeded"
	CodeConcurrentLimitExceeded = "concurrent_limit_exceeded"
)

// Refusal is an answer of Revento's that refuses what was asked. It holds nothing of what was sent.
type Refusal struct {
	Status int
	// Code is "" where the answer holds none that has the form of a code.
	Code string
	// RequestID is by which Revento finds the request again, or "".
	RequestID string
}

// Error implements error.
func (r *Refusal) Error() string {
	text := fmt.Sprintf("Revento answered %d", r.Status)
	if r.Code != "" {
		text += " " + r.Code
	}
	if r.RequestID != "" {
		text += " to the request " + r.RequestID
	}
	return text
}

// CodeOf is the code of the refusal inside err, or "".
func CodeOf(err error) string {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Code
	}
	return ""
}
