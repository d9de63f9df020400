package consent

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"revento-alerts/shared/connection/seal"
)

// Start is how an organizer is asked.
type Start struct {
	// Location is where the browser goes, at Revento.
	Location string
	// FlowID names the flow's cookie, Flow is the cookie's value. The browser keeps it for CookieLife.
	FlowID, Flow string
}

// Begin begins a flow for an event. The outcome is Asked, and then there is a Start, or why there is none.
func (c *Consent) Begin(ctx context.Context, eventID, link string) (Start, Outcome) {
	if !IsEventID(eventID) {
		return Start{}, Outcome{Kind: EventMalformed}
	}
	var end time.Time
	isLink := false
	ring, err := c.opening(ctx, func(ring seal.Ring) bool {
		end, isLink = readLink(ring, eventID, link)
		return isLink || c.Open
	})
	if err != nil {
		return Start{}, Outcome{Kind: Unavailable, Err: fmt.Errorf("look up the key ring: %w", err)}
	}
	if c.Open {
		link = ""
	} else if !isLink {
		return Start{}, Outcome{Kind: LinkWrong}
	} else if !c.Now().Before(end) {
		return Start{}, Outcome{Kind: LinkExpired, EventID: eventID}
	}
	begun := flow{State: random(), Verifier: random(), EventID: eventID, Link: link, End: c.Now().Add(FlowLife).Unix()}
	sealed, err := begun.seal(ring)
	if err != nil {
		return Start{}, Outcome{Kind: Unavailable, EventID: eventID, Link: link, Err: err}
	}
	location := c.Revento.AuthorizeURL(eventID, begun.State, begun.Verifier, c.Scopes)
	return Start{Location: location, FlowID: flowID(begun.State), Flow: sealed}, Outcome{Kind: Asked, EventID: eventID, Link: link}
}

// randomBytes make a state and a verifier that cannot be guessed. Revento's own example has as many.
// https://www.rfc-editor.org/rfc/rfc7636#section-7.1 and (guide: /oauth/organizer-connect/)
const randomBytes = 32

func random() string {
	text := make([]byte, randomBytes)
	_, _ = rand.Read(text) // never fails: https://pkg.go.dev/crypto/rand#Read
	return base64.RawURLEncoding.EncodeToString(text)
}
