package revento

import (
	"time"

	"revento-alerts/shared/ground/secret"
)

// Lives of tokens, where a reply does not tell. (guide: /concepts/, /oauth/refresh-tokens/)
const (
	AccessLife = time.Hour
	// RefreshLife begins anew with each refresh.
	RefreshLife = 90 * 24 * time.Hour
	// RefreshCap is counted from the first issue, and no refresh moves it.
	RefreshCap = 365 * 24 * time.Hour
)

// Tokens is what a consent or a refresh gave. (guide: /oauth/refresh-tokens/)
type Tokens struct {
	Access secret.Hidden
	// Refresh is the zero value where the reply brought none: the old one stays good.
	Refresh secret.Hidden
	// AccessLife and RefreshLife are counted from the reply; 0 where it does not tell.
	AccessLife, RefreshLife time.Duration
	// Scope is what was granted, separated by blanks. It may be less than what was asked for; "" where the reply does not tell.
	Scope string
	// EventID and OrganizationID are those that the tokens are bound to.
	EventID, OrganizationID string
	// UserID is the user's whose token it is, where the reply names one.
	UserID string
}

// Access is an access token together with the event that it is bound to. Who calls Revento with it asks about that event: no call
// takes an event's id beside it, so that one customer's token is never used for another. Only who keeps tokens makes one, and only
// the client of Revento's API reads the token. (guide: /patterns/)
type Access struct {
	eventID string
	token   secret.Hidden
}

// NewAccess returns a token for an event's calls.
func NewAccess(eventID string, token secret.Hidden) Access { return Access{eventID, token} }

// EventID is the event that the token is bound to.
func (a Access) EventID() string { return a.eventID }

// Bearer is the token, for the header that carries it to Revento and for nothing else.
func (a Access) Bearer() secret.Hidden { return a.token }
