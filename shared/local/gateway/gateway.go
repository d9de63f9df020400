// Package gateway is one machine's API Gateway: it takes requests from the network, bounds what they cost, makes the event of
// each delivery and hands it to the ingest function. Nothing is read of a body before path, method, headers and length were
// looked at; what cannot be worked on in time is answered 503; and every answer is JSON, net/http's own ones too.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/aws/awslambda"
)

// MaxHeaderBytes is the limit of an API Gateway HTTP API.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const MaxHeaderBytes = 10_240

// The time limits of a request. Together they are inside ingest.Budget, within which it is answered.
const (
	// headerTime is how long a request's line and headers may take.
	headerTime = 5 * time.Second
	// bodyTime is how long the body may take, from the end of the headers on.
	bodyTime = 4500 * time.Millisecond
	// pressedBodyTime is how long it may take where others wait for its place.
	pressedBodyTime = time.Second
	// lineTime is how long a request waits for a place before its body is read.
	lineTime = 3 * time.Second
	// writeTime is for the whole answer, from the end of the headers on.
	writeTime = 2 * ingest.FunctionTimeout
	// idleTime is for how long a connection is kept without a request: above the 60 s for which nginx, among others, keeps one to
	// its upstream. https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout
	idleTime = 75 * time.Second
)

// Gateway serves the webhook, and pages where there are any.
type Gateway struct {
	webhook     awslambda.Webhook
	bodyLimit   int
	log         *slog.Logger
	places      *places
	connections *connections
	server      *http.Server
	pages       pages
}

// New returns a gateway in front of the webhook, whose bodies have so many bytes at the most.
func New(webhook awslambda.Webhook, bodyLimit int, log *slog.Logger) *Gateway {
	g := &Gateway{webhook: webhook, bodyLimit: bodyLimit, log: log, places: &places{free: workLimit}}
	g.connections = newConnections(connectionLimit(), g.refuseUnread)
	g.server = &http.Server{
		Handler:           g,
		MaxHeaderBytes:    MaxHeaderBytes - headerSlack,
		ReadHeaderTimeout: headerTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ConnState:         g.connections.changed,
		ConnContext:       withConnection,
		// "OPTIONS *" is answered as any other request that is no delivery.
		DisableGeneralOptionsHandler: true,
	}
	return g
}

// headerSlack is what net/http adds to its limit, so that its buffer does not count.
const headerSlack = 4096

// Serve takes requests from the listener until Shutdown, after which it returns http.ErrServerClosed.
func (g *Gateway) Serve(listener net.Listener) error {
	return g.server.Serve(g.connections.on(listener))
}

// Close cuts off every request.
func (g *Gateway) Close() error {
	err := g.server.Close()
	g.connections.closeLingering()
	return err
}

// Shutdown takes no more requests and waits for those under way, or for ctx.
func (g *Gateway) Shutdown(ctx context.Context) error {
	err := g.server.Shutdown(ctx)
	g.connections.closeLingering()
	return err
}

// ServeHTTP does not stop when the sender hangs up, as Lambda does not.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.pages.paths[r.URL.EscapedPath()] {
		g.showPage(w, r)
		return
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ingest.Budget)
	defer cancel()
	id := uuid.NewString()
	event := eventOf(r, nil, id, began)
	if refusal, refused := g.webhook.Screen(ctx, event, r.ContentLength); refused {
		refuse(w, r, refusal)
		return
	}
	place, err := g.places.take(ctx, g.weight(r.ContentLength))
	if err != nil {
		refuse(w, r, g.webhook.Refuse(ctx, event, ingest.Busy, "more requests are under way than can be worked on in time"))
		return
	}
	defer place.leave()
	body, err := g.read(r, began)
	if err != nil {
		status, reason := unread(err)
		refuse(w, r, g.webhook.Refuse(ctx, event, status, reason))
		return
	}
	response, err := g.webhook.Handle(ctx, eventOf(r, body, id, began))
	if err != nil {
		g.log.Error("invoke ingest", slog.String("error", err.Error()))
		response = g.webhook.Refuse(ctx, event, ingest.Unavailable, "the ingest function failed")
	}
	answer(w, response)
}

// eventOf is the event that API Gateway makes of a request.
func eventOf(r *http.Request, body []byte, id string, now time.Time) awslambda.Request {
	event := awslambda.GatewayEvent(r.Method, r.URL.EscapedPath(), r.Header, body, id, now)
	event.RequestContext.HTTP.SourceIP = sender(r.RemoteAddr, r.Header.Get("X-Forwarded-For"))
	return event
}

// weight is the place that a request of so many bytes takes, -1 where that is not known.
func (g *Gateway) weight(size int64) int64 {
	if size < 0 {
		size = int64(g.bodyLimit)
	}
	return max(size, leastWeight)
}

// firstRead is how much of a body is read before room is made for all of it: who announces much and sends little costs little.
const firstRead = 4096

// read reads the body, up to a byte over the limit, which is enough for ingest to refuse it.
func (g *Gateway) read(r *http.Request, began time.Time) ([]byte, error) {
	if c := connectionOf(r.Context()); c != nil {
		c.expectBody(began, g.places.isPressed)
		defer c.endBody()
	}
	limited := io.LimitReader(r.Body, int64(g.bodyLimit)+1)
	var body bytes.Buffer
	if _, err := io.CopyN(&body, limited, firstRead); errors.Is(err, io.EOF) {
		return body.Bytes(), nil
	} else if err != nil {
		return nil, err
	}
	body.Grow(int(max(r.ContentLength-firstRead, 0)) + bytes.MinRead)
	_, err := body.ReadFrom(limited)
	return body.Bytes(), err
}

// unread says what is answered to a request whose body did not come.
func unread(err error) (ingest.Status, string) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ingest.TimedOut, "the body took too long"
	}
	return ingest.Malformed, "the body ended early"
}

// refuse answers a request whose body is not read to its end. Its connection is closed, where there is a body: nothing of what
// is still sent is read.
func refuse(w http.ResponseWriter, r *http.Request, response awslambda.Response) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		if c := connectionOf(r.Context()); c != nil {
			c.abandon()
		}
	}
	answer(w, response)
}

func answer(w http.ResponseWriter, response awslambda.Response) {
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(response.StatusCode)
	// The sender may be gone; there is nobody left to tell.
	_, _ = io.WriteString(w, response.Body)
}
