package connection

// State is how a connection stands with Revento.
//
//	absent --consent--> active --> needs_consent, revoked --consent--> active
//	                    needs_consent --its new tokens came late--> active
//	                    any --disconnected, deleted--> ended --consent after the cutoff--> active, in a new life
//
// Whatever its state, a tombstone stops what is of up to its cutoff.
type State string

// The states.
const (
	Active       State = "active"
	NeedsConsent State = "needs_consent" // its tokens do not work any more; an organizer has to consent anew
	Revoked      State = "revoked"       // an organizer, or Revento, took the consent back
	Ended        State = "ended"         // we ended it
)

// Reason is why a connection is not active.
type Reason string

// The reasons.
const (
	LostRotation  Reason = "lost_rotation"  // Revento gave new tokens that never reached the store
	TakenBack     Reason = "revoked"        // the consent was taken back
	DeclinedScope Reason = "declined_scope" // a scope that is needed was declined
	Broken        Reason = "broken"         // Revento answered with another event's or organization's tokens
	Disconnected  Reason = "disconnected"   // an operator ended it
	Deletion      Reason = "deletion"       // Revento required that its data goes
)

// leads are the states that each leads to. Only a consent leads out of the others, and into being.
var leads = map[State][]State{
	Active:       {NeedsConsent, Revoked, Ended},
	NeedsConsent: {Active, Revoked, Ended},
	Revoked:      {Ended},
}
