package alert

import (
	"time"

	"revento-alerts/shared/fault"
)

// State is how far an alert has come.
//
//	absent --attempt--> sending --answer: taken--> sent
//	                     |   ^ \---answer lost---> sending (what came of it is looked up, or repeated where that is harmless)
//	     answer: not now v   | attempt
//	                    retrying
//	absent --older than what is known--> superseded
//	absent --nothing to send, but known from now on--> noted
type State string

// The states.
const (
	Sending    State = "sending"
	Retrying   State = "retrying"
	Sent       State = "sent"
	Superseded State = "superseded"
	Noted      State = "noted"
)

// IsFinal says whether nothing is left to send.
func (s State) IsFinal() bool { return s == Sent || s == Superseded || s == Noted }

// Retention is how long an alert's record is kept after its last change: longer than a message can wait in its queue and
// then in the dead-letter queue (14 days each), so that nothing that comes back is sent twice.
const Retention = 35 * 24 * time.Hour

// maxUnanswered is how many attempts may die before their answer is recorded (a crash, a time-out of the whole function)
// until a person has to look: the alert itself may be what kills them.
const maxUnanswered = 5

// ReasonAttemptsDied is the reason under which such an alert is parked.
const ReasonAttemptsDied = "attempts_died"

// Record is what is kept of one alert at one destination.
type Record struct {
	State State `json:"state"`
	// DeliveryID is the delivery that brought the alert first, Type its event type, and IncidentKey what the alert belongs to.
	DeliveryID  string `json:"delivery_id"`
	Type        string `json:"type,omitempty"`
	IncidentKey string `json:"incident_key,omitempty"`
	// Generation is the redrive that Attempts and Unanswered count for.
	Generation string `json:"generation,omitempty"`
	Attempts   int    `json:"attempts"`
	// Unanswered counts the attempts whose answer was never recorded.
	Unanswered   int       `json:"unanswered,omitempty"`
	FirstAttempt time.Time `json:"first_attempt,omitzero"`
	// UnknownSince is the first of the attempts whose effect is not known, which are the latest ones.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	LastAttempt  time.Time `json:"last_attempt,omitzero"`
	// Answer is the reason of the last failure, as the provider names it.
	Answer string `json:"answer,omitempty"`

	// Thread is the timestamp of the Slack message that the alert was last attempted as a reply to; "" for a root.
	Thread string `json:"thread,omitempty"`
	// Channel and TS, the timestamp, are Slack's id of the message that was posted. The channel is known from the first attempt
	// on, so that a message whose answer was lost can be found.
	Channel string `json:"channel,omitempty"`
	TS      string `json:"ts,omitempty"`
	// PossiblyRepeated says that the message was posted again without knowing what became of the first.
	PossiblyRepeated bool `json:"possibly_repeated,omitempty"`
}

// OutcomeUnknown says whether an attempt was made whose effect nobody knows.
func (r Record) OutcomeUnknown() bool { return r.State == Sending }

// CheckAttempts returns a permanent failure if too many attempts of this generation died without an answer. A redrive's new
// generation starts a new count.
func (r *Record) CheckAttempts(generation string) error {
	if r.Generation != generation {
		r.Generation, r.Attempts, r.Unanswered = generation, 0, 0
	}
	if r.Unanswered >= maxUnanswered {
		return &fault.Error{Class: fault.Permanent, Op: "send the alert", Reason: ReasonAttemptsDied}
	}
	return nil
}

// Begin notes that an attempt is about to be made. It is stored before the attempt.
func (r *Record) Begin(now time.Time) {
	if !r.OutcomeUnknown() {
		r.UnknownSince = now
	}
	r.State = Sending
	r.Attempts++
	r.Unanswered++
	if r.FirstAttempt.IsZero() {
		r.FirstAttempt = now
	}
	r.LastAttempt = now
}

// Fail notes an attempt's failure. Only a failure that is known to have had no effect makes the next attempt free to
// repeat it.
func (r *Record) Fail(now time.Time, err error) {
	failure := fault.Of(err)
	r.Answer, r.Unanswered, r.LastAttempt = failure.Reason, 0, now
	if failure.Class != fault.Unknown {
		r.State = Retrying
	}
}

// End notes that nothing is left to send.
func (r *Record) End(state State) {
	r.State, r.Answer, r.Unanswered = state, "", 0
}
