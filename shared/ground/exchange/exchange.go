// Package exchange makes HTTP requests to providers and keeps what came back. The adapters tell from the answer itself what
// became of a request: their client libraries lose a part of it (a status, Retry-After, whether anything was sent at all) and
// quote in their errors what must not be told.
package exchange

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"revento-alerts/shared/ground/fault"
)

// connectTimeout bounds the way to a connection, and separately its TLS handshake. It is far below what callers allow for
// a whole call, so that a host that cannot be reached is known as one.
const connectTimeout = 2 * time.Second

// MaxAnswerBytes bounds what is read of an answer. The largest is a page of a channel's history.
const MaxAnswerBytes = 4 << 20

// maxHeaderBytes bounds an answer's headers.
const maxHeaderBytes = 64 << 10

// Client makes requests. It follows no redirect, which would hand credentials on, and opens a connection for each request: a
// kept one may have died while a Lambda function was frozen, and what became of a POST on a dead connection is unknown.
type Client struct {
	http http.Client
}

// NewClient returns a Client. It holds nothing that must be closed.
func NewClient() *Client {
	return &Client{http: http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:    connectTimeout,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Through returns a Client whose requests go through a transport of the caller's own, such as a handler of this process.
func (c *Client) Through(transport http.RoundTripper) *Client {
	through := *c
	through.http.Transport = transport
	return &through
}

// End is how an exchange ended.
type End int

// The ends.
const (
	// Unmade: no request was made, because there is something wrong with what was to be sent.
	Unmade End = iota
	// Unsent: there was no connection, so the provider has seen nothing.
	Unsent
	// Lost: the request was sent, or a part of it, and no whole answer came back.
	Lost
	// Answered: a whole answer came back.
	Answered
)

// The reasons of an exchange that was not answered.
const (
	ReasonUnmade   = "unmade"
	ReasonUnsent   = "no_connection"
	ReasonTimeout  = "timeout"
	ReasonLost     = "connection_lost"
	ReasonTooLarge = "answer_too_large"
)

// Exchange is one request and what came of it. It is the HTTP client that a client library is given for one call.
type Exchange struct {
	End End
	// Reason says why End is not Answered.
	Reason string
	// Err is the cause where it can be told without telling what was sent or answered, or nil.
	Err error
	// Status is the answer's HTTP status. It may be known although the answer's body was lost; 0 where it is not.
	Status int
	// RetryAfter is how long the provider asked to wait; 0 where it did not say, or not in a form of RFC 9110.
	RetryAfter time.Duration
	// Header is the answer's headers, or nil.
	Header http.Header
	// Body is the answer's whole body, or nil.
	Body []byte
	// At is when it ended.
	At time.Time

	client *Client
}

// Begin returns an exchange for one request.
func (c *Client) Begin() *Exchange { return &Exchange{client: c, Reason: ReasonUnmade} }

// Do makes the request and reads the whole answer, which it also returns.
func (e *Exchange) Do(request *http.Request) (*http.Response, error) {
	var connected atomic.Bool
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	defer func() { e.At = time.Now() }()
	response, err := e.client.http.Do(request.WithContext(ctx))
	if err != nil && !connected.Load() {
		e.End, e.Reason, e.Err = Unsent, ReasonUnsent, cause(ctx, err)
		return nil, err
	}
	if err != nil {
		e.lose(ctx, err)
		return nil, err
	}
	defer response.Body.Close()
	e.Status, e.Header, e.RetryAfter = response.StatusCode, response.Header, retryAfter(response.Header)
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxAnswerBytes+1))
	if err == nil && len(body) > MaxAnswerBytes {
		err = errTooLarge
	}
	if err != nil {
		e.lose(ctx, err)
		return nil, err
	}
	e.End, e.Reason, e.Body = Answered, "", body
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// Answer is what is remembered of the exchange, which came to a failure, or to nil.
func (e *Exchange) Answer(failure *fault.Error) Answer {
	date, _ := http.ParseTime(e.Header.Get("Date")) // zero where it is in no form of RFC 9110
	answer := Answer{At: e.At, Date: date}
	if failure != nil {
		answer.Reason = failure.Reason
	}
	return answer
}

var errTooLarge = errors.New("the answer is too large")

// lose tells nothing of err but its kind: it may quote a line that the other side sent, and with it what we sent.
func (e *Exchange) lose(ctx context.Context, err error) {
	e.End = Lost
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, errTooLarge):
		e.Reason = ReasonTooLarge
	case ctx.Err() != nil, isNet && timeout.Timeout():
		e.Reason = ReasonTimeout
	default:
		e.Reason = ReasonLost
	}
}

// cause is what kept a connection from being made. The other side has seen nothing that it could quote.
func cause(ctx context.Context, err error) error {
	if over := ctx.Err(); over != nil {
		return over
	}
	if inner := errors.Unwrap(err); inner != nil { // without the URL
		return inner
	}
	return err
}

// retryAfter reads whole seconds or a date, which is compared with the answer's own.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(until.Sub(now), 0)
}

// HTTPReason is the reason for an HTTP status that says all there is to say.
func HTTPReason(status int) string { return "http_" + strconv.Itoa(status) }

// unnamed is the reason in place of a code that has not the form of one.
const unnamed = "unnamed_error"

var codeForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Code returns a provider's own error code as a reason, if it has the form of one: a stranger may answer in its place.
func Code(text string) string {
	if !codeForm.MatchString(text) {
		return unnamed
	}
	return text
}
