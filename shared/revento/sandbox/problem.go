package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/revento"
)

// RequestIDHeader is echoed. (guide: /api/)
const RequestIDHeader = "X-Revento-Request-Id"

// Codes of refusals that the guide does not name: those of the RFCs where they have one.
// https://www.rfc-editor.org/rfc/rfc6749#section-5.2 https://www.rfc-editor.org/rfc/rfc6750#section-3.1
const (
	codeInvalidRequest = "invalid_request"
	codeNoGrantType    = "unsupported_grant_type"
	codeNoScope        = "insufficient_scope"
	codeNotFound       = "not_found"
	codeMethod         = "method_not_allowed"
	codeVersion        = "unsupported_version"
	codeServer         = "server_error"
)

// problem is why a request is refused.
type problem struct {
	status        int
	code, message string
	// retryAfter is sent where it is not 0, in whole seconds.
	retryAfter time.Duration
}

// invalidGrant is permanent: who gets it needs consent again. (guide: /production/)
func invalidGrant(message string) *problem {
	return &problem{status: http.StatusBadRequest, code: revento.CodeInvalidGrant, message: message}
}

func invalidRequest(message string) *problem {
	return &problem{status: http.StatusBadRequest, code: codeInvalidRequest, message: message}
}

func unauthorized(code, message string) *problem {
	return &problem{status: http.StatusUnauthorized, code: code, message: message}
}

func forbidden(code, message string) *problem {
	return &problem{status: http.StatusForbidden, code: code, message: message}
}

func notFound() *problem {
	return &problem{status: http.StatusNotFound, code: codeNotFound, message: "there is nothing here"}
}

// reply is what is sent.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func newReply(status int, value any) *reply {
	body, err := json.Marshal(value)
	if err != nil {
		panic("sandbox: a reply is not JSON: " + err.Error())
	}
	return &reply{status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body}
}

// refusal is in the form of all of Revento's errors. (guide: /api/errors/)
func (p *problem) reply(requestID string) *reply {
	r := newReply(p.status, object{"error": p.code, "message": p.message, "request_id": requestID})
	if p.retryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	return r
}

// requestID is the request's own, or a new one for what has none or an unfit one.
func requestID(r *http.Request) string {
	if id := r.Header.Get(RequestIDHeader); revento.IsDeliveryID(id) {
		return id
	}
	return uuid.NewString()
}

// Call is a request that came, without anything that is secret.
type Call struct {
	At time.Time `json:"at"`
	// Place is the endpoint, as faults name it.
	Place   Place  `json:"place"`
	EventID string `json:"event_id,omitempty"`
	Query   string `json:"query,omitempty"`
	// Status is 0 where there was no reply.
	Status int `json:"status"`
	// Code is the error's, or "".
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id"`
	// Fault is what was switched on for it, or "".
	Fault FaultKind `json:"fault,omitempty"`
}

// Calls returns the newest requests to the token endpoint and the read API, the oldest first.
func (s *Sandbox) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call{}, s.calls...)
}
