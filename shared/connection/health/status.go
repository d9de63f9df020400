// Package health is what is known of how a connection does: what a probe's outcome makes of it, what people are told of that, and when
// they are told nothing, since it flaps or since Revento answers nobody. It is rules alone: it asks nothing, and stores nothing.
//
// What is observed and what is told are two things. Observe moves the status; Tell compares it with what people were told last, and puts
// what differs into the outbox of the same state, so that a change and its notice are stored in one write.
package health

// Status is how a connection does. "Bad" below is a failed call, or one that Revento throttled.
//
//	unknown -> healthy          at the first success; silent, unless people were told that it is broken
//	unknown, healthy -> error   3 bad in a row, over 30 minutes at the least
//	unknown, healthy -> throttled   3 in a row, all of them throttled
//	error, throttled -> healthy     2 successes in a row
//	any -> revoked, needs_consent   at once, as the token's state says
//	needs_consent -> unknown, healthy   where its new tokens came late
//	any -> unknown              at another consent, or where nothing was observed for long
type Status string

// The statuses.
const (
	Unknown      Status = "unknown"
	Healthy      Status = "healthy"
	Error        Status = "error"
	Throttled    Status = "throttled"
	Revoked      Status = "revoked"
	NeedsConsent Status = "needs_consent"
)

// Flapping is what people are told in place of a status that changes all the time.
const Flapping Status = "flapping"

// IsBad says whether somebody has to hear of it.
func (s Status) IsBad() bool { return s == Error || s == Throttled || s.needsPerson() }

// needsPerson says whether only somebody's consent, or tokens that come late, lead out: more probes do not.
func (s Status) needsPerson() bool { return s == Revoked || s == NeedsConsent }

// Outcome is what one look at a connection showed.
type Outcome string

// The outcomes. What says nothing about the connection is none: our own budget, a refresh under way, a store that failed.
const (
	// Answered is a call that Revento answered, a probe's or any other.
	Answered Outcome = "answered"
	// Failed is a call that failed, or was refused for another reason than its token.
	Failed Outcome = "failed"
	// Limited is a call that Revento refused with 429, though our own budget allowed it.
	Limited Outcome = "limited"
	// TokenRevoked and ConsentNeeded are the token's state, whatever a call came to.
	TokenRevoked  Outcome = "token_revoked"
	ConsentNeeded Outcome = "consent_needed"
)
