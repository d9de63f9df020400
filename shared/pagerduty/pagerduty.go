// Package pagerduty opens and resolves incidents through PagerDuty's Events API v2.
package pagerduty

import (
	"context"
	"net/http"

	"github.com/PagerDuty/go-pagerduty"

	"revento-alerts/shared/exchange"
	"revento-alerts/shared/fault"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/secret"
)

// RoutingKeys gives the integration keys, as secret.Holder does. It is asked before each call, so that a rotated key serves
// without a restart, and once more at once where PagerDuty refuses the key.
type RoutingKeys interface {
	Get(ctx context.Context) (secret.RoutingKeys, error)
	Refresh(ctx context.Context) (keys secret.RoutingKeys, fresh bool, err error)
}

// Client is a client of the Events API v2. It is safe for concurrent use. Every call is one request, bounded by its context. No
// error holds a routing key or anything of an event.
type Client struct {
	eventsURL string
	keys      RoutingKeys
	http      *exchange.Client
}

var _ incident.Pager = (*Client)(nil)

// New returns a client of the API at a base URL without a path, such as https://events.pagerduty.com.
func New(eventsURL string, keys RoutingKeys) *Client {
	return &Client{eventsURL: eventsURL, keys: keys, http: exchange.NewClient()}
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
	keys, err := c.keys.Get(ctx)
	if err != nil {
		return &fault.Error{Class: fault.Transient, Op: op, Reason: reasonNoSecret, Err: err}
	}
	key := keys.Of(page.Content.EventID)
	failure := c.send(ctx, page, key)
	if failure != nil && failure.Credential {
		renewed, fresh, err := c.keys.Refresh(ctx)
		if other := renewed.Of(page.Content.EventID); err == nil && fresh && other != key {
			failure = c.send(ctx, page, other)
		}
	}
	if failure != nil {
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
	return read(made)
}
