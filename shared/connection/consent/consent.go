// Package consent asks an organizer's consent to a connection, by OAuth's authorization code with PKCE, and tells what came of it:
//
//	link of the operator's -> Begin: state, verifier, flow in a sealed cookie -> Revento asks -> Finish -> connected, or why not
//
// A callback counts only in the browser that began its flow, for the time that the flow lasts, and once: what is asked a second
// time shows what came of the first. Nothing here writes a token, code or verifier anywhere but where it belongs.
//
// Its rules are those of RFC 9700 (https://www.rfc-editor.org/rfc/rfc9700) and of OWASP ASVS 5.0.0, chapter V10
// (https://github.com/OWASP/ASVS/tree/v5.0.0/5.0/en).
package consent

import (
	"context"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/revento"
)

const (
	// LinkLife is how long a link that the operator made begins a connection.
	LinkLife = 7 * 24 * time.Hour
	// FlowLife is how long the organizer may take from the link to the callback.
	FlowLife = 10 * time.Minute
	// CookieLife is how long the browser keeps a flow: longer than it lasts, so that who comes back too late reads that, and of which
	// event, and who loads the last page again sees it.
	CookieLife = time.Hour
	// finishTime is for all that comes of a code, from its exchange on, whoever hangs up: 10 s for the exchange, and the rest for what
	// is written then. It stays within the 30 s in which an API Gateway HTTP API wants its answer.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
	finishTime = 25 * time.Second
)

// Revento is where consent is asked and codes are redeemed.
type Revento interface {
	// AuthorizeURL is where a browser is sent, for an installation token of the event. It names the verifier by its S256 challenge.
	AuthorizeURL(eventID, state, verifier string, scopes []string) string
	// Exchange redeems a code, once, within 10 s, and whether or not ctx ends meanwhile. Its errors are classified (package fault), or
	// hold a *revento.Refusal; none holds the code, the verifier or a token.
	Exchange(ctx context.Context, code, verifier string) (revento.Tokens, error)
}

// Connections are what a consent connects.
type Connections interface {
	// Organization is that of the event's connection, whatever its state; "" where none is known.
	Organization(ctx context.Context, eventID string) (string, error)
	// Connect begins a new grant with the tokens. It returns ErrOtherOrganization where another organization's connection of the event
	// came first.
	Connect(ctx context.Context, given Given, tokens revento.Tokens) error
	// DeclineScope keeps that less was given than is needed: a connection that is not active needs consent, for that reason. One that is
	// active stays as it is: its own tokens tell whether they still work.
	DeclineScope(ctx context.Context, given Given) error
}

// Given is a consent.
type Given struct {
	EventID, OrganizationID string
	// Scope is what was granted, separated by blanks.
	Scope string
	At    time.Time
	// LinkedBy names the link that let the organizer in, and is of no use as one; "" where anybody may connect.
	LinkedBy string
}

// Ring is where the key ring is looked up, as secret.Holder does.
type Ring interface {
	Get(ctx context.Context) (seal.Ring, error)
	// Refresh looks it up anew, once a minute at the most; fresh says whether it did.
	Refresh(ctx context.Context) (ring seal.Ring, fresh bool, err error)
}

// Consent asks for it.
type Consent struct {
	Revento     Revento
	Connections Connections
	Ring        Ring
	// Attempts keeps which states were used, and what came of them.
	Attempts record.Store
	// Scopes are what is asked for, and needed.
	Scopes []string
	// Open lets anybody begin, without a link.
	Open bool
	Now  func() time.Time
}

// opening returns the ring that opens takes: the one that is known, or what a fresh look brings, since a key may have been added a moment
// ago where a link was made or a flow begun. Where it takes neither, it is the one that is known.
func (c *Consent) opening(ctx context.Context, opens func(seal.Ring) bool) (seal.Ring, error) {
	ring, err := c.Ring.Get(ctx)
	if err != nil || opens(ring) {
		return ring, err
	}
	if fresh, isFresh, err := c.Ring.Refresh(ctx); err == nil && isFresh && opens(fresh) {
		return fresh, nil
	}
	return ring, nil
}
