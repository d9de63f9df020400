package alert

import (
	"cmp"
	"time"

	"revento-alerts/shared/ground/fault"
)

// State is how far an alert has come.
//
//	absent --attempt--> sending --answer: taken--> sent
//	                     |   ^ \---answer lost---> sending (what came of it is looked up, or repeated where that is harmless)
//	     answer: not now v   | attempt
//	                    retrying
//	absent --older than what is known--> superseded
//	absent --nothing to send, but known from now on--> noted
//	absent --another delivery told the same--> met
type State string

// The states.
const (
	Sending    State = "sending"
	Retrying   State = "retrying"
	Sent       State = "sent"
	Superseded State = "superseded"
	Noted      State = "noted"
	Met        State = "met"
)

// IsFinal says whether nothing is left to send.
func (s State) IsFinal() bool { return s == Sent || s == Superseded || s == Noted || s == Met }

// Retention is how long an alert's record is kept after its last change: longer than a message can wait in its queue and
// then in the dead-letter queue (14 days each), so that nothing that comes back is sent twice.
const Retention = 35 * 24 * time.Hour

// The limits of what is tried without knowing what became of it.
const (
	// maxUnanswered is how many attempts may die before their answer is recorded (a crash, a time-out of the whole function)
	// until a person has to look: the alert itself may be what kills them.
	maxUnanswered = 5
	// maxUnknown is how many attempts may end with an answer that does not tell what became of them, though one could look.
	maxUnknown = 2
	// maxRepeats is how often an alert may be sent again where nobody can look.
	maxRepeats = 1
)

// The reasons under which an alert is parked that reached such a limit.
const (
	ReasonAttemptsDied   = "attempts_died"
	ReasonOutcomeUnknown = "outcome_unknown"
)

// ReasonPaused is the reason of an attempt that was not made, since the provider asked to wait.
const ReasonPaused = "paused"

// DefaultPause is how long a provider is left alone that asks to wait and does not say how long.
const DefaultPause = 30 * time.Second

// Record is what is kept of one alert at one destination.
type Record struct {
	State State `json:"state"`
	// DeliveryID is the delivery that brought the alert first, Type its event type, and IncidentKey what the alert belongs to.
	DeliveryID  string `json:"delivery_id"`
	Type        string `json:"type,omitempty"`
	IncidentKey string `json:"incident_key,omitempty"`
	// Generation is the redrive that Attempts, Unanswered, Unknown, Repeats, TriedSince and the pause are of.
	Generation string `json:"generation,omitempty"`
	Attempts   int    `json:"attempts"`
	// Unanswered counts the attempts whose answer was never recorded, Unknown those whose answer did not tell what became of
	// them, and Repeats those that were made though nobody could look, unless they are known to have failed.
	Unanswered   int       `json:"unanswered,omitempty"`
	Unknown      int       `json:"unknown,omitempty"`
	Repeats      int       `json:"repeats,omitempty"`
	FirstAttempt time.Time `json:"first_attempt,omitzero"`
	// TriedSince is from when the alert's age counts: the first attempt, later by as long as the provider asked to wait.
	TriedSince time.Time `json:"tried_since,omitzero"`
	// UnknownSince is the first of the attempts whose effect is not known.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	LastAttempt  time.Time `json:"last_attempt,omitzero"`
	// PausedAt is when the provider asked to wait, and Pause for how long, in nanoseconds; zero where it did not, or was tried since.
	PausedAt time.Time     `json:"paused_at,omitzero"`
	Pause    time.Duration `json:"pause,omitempty"`
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

// Resume begins a receipt of the alert's message. It returns a permanent failure if too many attempts of this generation died
// without an answer, and one of class fault.Throttled as long as the provider asked to wait: the message came too early, since
// a message cannot be hidden for as long, or was not. The time of a pause that is over does not count as age. A redrive's new
// generation starts a new count and a new age.
func (r *Record) Resume(now time.Time, generation string) error {
	if r.Generation != generation {
		r.Generation, r.Attempts, r.Unanswered, r.Unknown, r.Repeats = generation, 0, 0, 0, 0
		r.TriedSince, r.PausedAt, r.Pause = time.Time{}, time.Time{}, 0
	}
	if r.Unanswered >= maxUnanswered {
		return &fault.Error{Class: fault.Permanent, Op: opSend, Reason: ReasonAttemptsDied}
	}
	if r.PausedAt.IsZero() {
		return nil
	}
	paused := now.Sub(r.PausedAt)
	if paused >= 0 && paused < r.Pause { // a clock that was turned back ends the pause
		return &fault.Error{Class: fault.Throttled, Op: opSend, Reason: ReasonPaused, RetryAfter: r.Pause - paused}
	}
	if !r.TriedSince.IsZero() {
		r.TriedSince = r.TriedSince.Add(max(paused, 0))
	}
	r.PausedAt, r.Pause = time.Time{}, 0
	return nil
}

// opSend is what is being done, for errors.
const opSend = "send the alert"

// NotFound notes that a good look did not find what an attempt may have sent, so that it is free to be made again. It returns a
// permanent failure where that happened often enough.
func (r *Record) NotFound() error {
	if r.Unknown >= maxUnknown {
		return errOutcomeUnknown()
	}
	return nil
}

// Repeat notes that the next attempt is made though nobody can look what became of the last. It returns a permanent failure
// where one was made before: an alert is repeated once at the most.
func (r *Record) Repeat() error {
	if r.Repeats >= maxRepeats {
		return errOutcomeUnknown()
	}
	r.PossiblyRepeated = true
	return nil
}

func errOutcomeUnknown() error {
	return &fault.Error{Class: fault.Permanent, Op: opSend, Reason: ReasonOutcomeUnknown}
}

// Begin notes that an attempt is about to be made. It is stored before the attempt.
func (r *Record) Begin(now time.Time) {
	if r.UnknownSince.IsZero() {
		r.UnknownSince = now
	}
	r.State = Sending
	r.Attempts++
	r.Unanswered++
	if r.PossiblyRepeated {
		r.Repeats++
	}
	if r.FirstAttempt.IsZero() {
		r.FirstAttempt = now
	}
	if r.TriedSince.IsZero() {
		r.TriedSince = now
	}
	r.LastAttempt = now
}

// Fail notes an attempt's failure. Only a failure that is known to have had no effect makes the next attempt free to
// repeat it.
func (r *Record) Fail(now time.Time, err error) {
	failure := fault.Of(err)
	wasFirst := r.UnknownSince.Equal(r.LastAttempt)
	r.Answer, r.Unanswered, r.LastAttempt = failure.Reason, 0, now
	r.Answered(now, err)
	if failure.Class == fault.Unknown {
		r.Unknown++
		return
	}
	r.State = Retrying
	if r.PossiblyRepeated {
		r.Repeats--
	}
	if wasFirst { // the effect of no other attempt is unknown
		r.UnknownSince = time.Time{}
	}
}

// Answered notes what came of any call of the provider: whether it asks to wait.
func (r *Record) Answered(now time.Time, err error) {
	r.PausedAt, r.Pause = time.Time{}, 0
	if fault.Has(err, fault.Throttled) {
		r.PausedAt, r.Pause = now, cmp.Or(fault.Of(err).RetryAfter, DefaultPause)
	}
}

// End notes that nothing is left to send.
func (r *Record) End(state State) {
	r.State, r.Answer, r.Unanswered = state, "", 0
}
