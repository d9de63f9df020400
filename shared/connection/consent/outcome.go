package consent

import "errors"

// Kind is what came of a link or a callback.
type Kind string

// What came of a link.
const (
	// Asked: nothing is wrong with it, and the organizer is sent to Revento.
	Asked Kind = "asked"
	// LinkWrong: no link of ours, changed, or for another event.
	LinkWrong Kind = "link_wrong"
	// LinkExpired: a link of ours that is over.
	LinkExpired Kind = "link_expired"
	// EventMalformed: what is asked for cannot be an event's id.
	EventMalformed Kind = "event_malformed"
)

// What came of a callback.
const (
	Connected Kind = "connected"
	// Declined: the organizer said no.
	Declined Kind = "declined"
	// LessScope: less was granted than is needed, and so nothing is connected.
	LessScope Kind = "less_scope"
	// Failed: Revento refused, or answered what is of no use; Reason says what.
	Failed Kind = "failed"
	// Expired: the callback came when its flow was over.
	Expired Kind = "expired"
	// OtherFlow: this browser began no flow of this state.
	OtherFlow Kind = "other_flow"
	// OtherEvent: the tokens are another event's than the one asked for.
	OtherEvent Kind = "other_event"
	// OtherOrganization: the event is connected by another organization.
	OtherOrganization Kind = "other_organization"
	// UnderWay: the same callback is being worked on.
	UnderWay Kind = "under_way"
	// Unavailable: something is out of order for now, here or at Revento. A link may meet it too.
	Unavailable Kind = "unavailable"
)

// Reason is why something failed.
type Reason string

// The reasons.
const (
	// NoCode: the callback brings neither a code nor an error, or one that cannot be.
	NoCode Reason = "no_code"
	// CodeRefused: Revento does not take the code: it is over, or was redeemed before.
	CodeRefused Reason = "code_refused"
	// RequestRefused: Revento did not take what was asked for: an unknown client, a scope, the redirect URI.
	RequestRefused Reason = "request_refused"
	// Incomplete: Revento's answer names no event or organization, or lacks a token.
	Incomplete Reason = "incomplete"
	// Interrupted: an earlier callback of the flow was begun, and nobody knows how it ended.
	Interrupted Reason = "interrupted"
)

// Outcome is what came of a link or a callback. It holds no token, code, state or verifier.
type Outcome struct {
	Kind   Kind
	Reason Reason // where Failed
	// EventID is the event that was asked for, where the link or the flow is ours; "" otherwise.
	EventID string
	// Link is the one that the flow was begun with, to begin another; "" where Open, or where the link is of no more use.
	Link string
	// Said is what Revento's page says of an error to the one who reads the callback's address: a stranger's text, of any length.
	Said string
	// Missing are the scopes that were not granted, where LessScope.
	Missing []string
	// Replayed says that this is what came of the first callback of the flow, and this is another.
	Replayed bool
	// Err is for the log: what went wrong, or nil. It holds nothing that a stranger wrote.
	Err error
}

// CanRetry says whether the same organizer can begin again from here.
func (o Outcome) CanRetry() bool {
	switch o.Kind {
	case Declined, LessScope, Failed, Expired, OtherEvent, Unavailable:
		return o.EventID != ""
	default:
		return false
	}
}

// ErrOtherOrganization is returned by Connections for an event that another organization connected.
var ErrOtherOrganization = errors.New("the event is connected by another organization")
