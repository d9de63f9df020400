// Package pagerduty opens and resolves incidents through PagerDuty's Events API v2.
package pagerduty

import (
	"context"
	"net/http"

	"github.com/PagerDuty/go-pagerduty"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
)

// RoutingKeys gives the integration keys.
type RoutingKeys = exchange.Credentials[secret.RoutingKeys]

// Client is a client of the Events API v2. It is safe for concurrent use. Every call is one request, bounded by its context. No
// error holds a routing key or anything of an event.
type Client struct {
	eventsURL string
	keys      RoutingKeys
	http      *exchange.Client
	// Answers remembers how the last call ended.
	Answers *exchange.Answers
}

var _ incident.Pager = (*Client)(nil)

// New returns a client of the API at a base URL without a path, such as https://events.pagerduty.com.
func New(eventsURL string, keys RoutingKeys) *Client {
	return &Client{eventsURL: eventsURL, keys: keys, http: exchange.NewClient(), Answers: new(exchange.Answers)}
}

// Through returns a client whose requests go through a transport of the caller's own, such as a handler of this process.
func (c *Client) Through(transport http.RoundTripper) *Client {
	through := *c
	through.http = c.http.Through(transport)
	return &through
}

// op is what is being done, for errors.
const op = "send to PagerDuty"

// Enqueue implements incident.Pager.
func (c *Client) Enqueue(ctx context.Context, page incident.Page) error {
	of := func(keys secret.RoutingKeys) string { return keys.Of(page.Content.EventID) }
	failure := exchange.Authorized(ctx, c.keys, of, reasonNoSecret, func(key string) *fault.Error { return c.send(ctx, page, key) })
	if failure != nil {
		failure.Op = op
		return failure
	}
	return nil
}

func (c *Client) send(ctx context.Context, page incident.Page, key string) *fault.Error {
	if key == "" {
		return &fault.Error{Class: fault.Permanent, Op: op, Reason: reasonNoRoutingKey, Credential: true}
	}
	event, err := newEvent(page, key)
	if err != nil {
		return &fault.Error{Class: fault.Permanent, Op: op, Reason: exchange.ReasonUnmade}
	}
	made := c.http.Begin()
	api := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(c.eventsURL))
	api.HTTPClient = made
	// What the library makes of the answer is not used: it reads the REST API's form of errors, loses the cause of a
	// time-out, and takes a 202 whose body is not JSON for a failure.
	_, _ = api.ManageEventWithContext(ctx, event)
	failure := read(made)
	c.Answers.Note(made.Answer(failure))
	return failure
}
