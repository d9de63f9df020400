package health

import "time"

// The thresholds.
const (
	// BadInARow is how many bad outcomes in a row, and GoodInARow how many successes, change a status.
	BadInARow  = 3
	GoodInARow = 2
	// LeastErrorTime is how long calls fail at the least until that is an error.
	LeastErrorTime = 30 * time.Minute
	// FlappingChanges is how many changes within FlappingWindow, each told, make a connection flap.
	FlappingChanges = 4
	FlappingWindow  = 24 * time.Hour
	// SteadyProbes is how many observations without a change end that.
	SteadyProbes = 6
)

// State is what is kept of a connection's health.
type State struct {
	// Life is the grant that the state began with. Numbers are counted within it.
	Life string `json:"life"`
	// Grant is the consent that the last observation was of.
	Grant  string `json:"grant"`
	Status Status `json:"status"`
	// Since is when it came into its status, and Reason the last bad outcome's, a short code.
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// ObservedAt is the last observation, Observed how many there were: who waits for a result waits for a greater number.
	ObservedAt time.Time `json:"observed_at,omitzero"`
	Observed   int64     `json:"observed"`
	// Bad and Good are how many outcomes in a row were bad, or good, up to the last; OnlyLimited says that all the bad were throttled.
	Bad         int  `json:"bad,omitempty"`
	Good        int  `json:"good,omitempty"`
	OnlyLimited bool `json:"only_limited,omitempty"`
	// BadSince is when what is bad began, which is before it counts as that.
	BadSince time.Time `json:"bad_since,omitzero"`
	// BadAt is the last bad outcome.
	BadAt time.Time `json:"bad_at,omitzero"`

	// Told is what people were told last: a status, Flapping, or "" for nothing yet.
	Told Status `json:"told,omitempty"`
	// Changes are the newest changes that were told, FlappingChanges at the most.
	Changes []time.Time `json:"changes,omitempty"`
	// Flapping says that no change is told until it is steady; Steady counts the observations since the last change.
	Flapping bool `json:"flapping,omitempty"`
	Steady   int  `json:"steady,omitempty"`
	// Warned is what was told of the limits that will end the grant.
	Warned map[Limit]Warned `json:"warned,omitempty"`

	// Number is the last notice's. It only rises.
	Number int64 `json:"number"`
	// Outbox is what is to be told and may not be sent yet, the oldest first.
	Outbox []Notice `json:"outbox,omitempty"`
}

// Observation is one look at a connection.
type Observation struct {
	// Grant names the consent that the token came of.
	Grant   string
	Outcome Outcome
	// Reason is a short code of what went wrong; "" where nothing did.
	Reason string
	// Ends are when what was granted ends, as far as that is known.
	Ends map[Limit]time.Time
}

// Observe returns the state after an observation.
func (s State) Observe(o Observation, now time.Time) State {
	now = now.UTC()
	s = s.under(o.Grant, now)
	before := s.Status
	s.Observed++
	s.ObservedAt = now
	switch o.Outcome {
	case TokenRevoked:
		s = s.end(Revoked, o, now)
	case ConsentNeeded:
		s = s.end(NeedsConsent, o, now)
	case Answered:
		s = s.succeed(now)
	case Failed, Limited:
		s = s.fail(o, now)
	}
	s.Steady++
	if s.Status != before {
		s.Steady = 0
	}
	if !s.Status.needsPerson() {
		s = s.warn(o.Ends, now)
	}
	return s
}

// under returns the state as another consent leaves it: nothing is known of the new tokens yet, and what people did does not flap.
// What they were told stays, and the numbers rise on.
func (s State) under(grant string, now time.Time) State {
	if s.Status != "" && s.Grant == grant {
		return s
	}
	fresh := State{
		Life: s.Life, Grant: grant, Status: Unknown, Since: now, Observed: s.Observed, Told: s.Told, Number: s.Number, Outbox: s.Outbox,
	}
	if fresh.Life == "" {
		fresh.Life = grant
	}
	return fresh
}

func (s State) become(status Status, now time.Time) State {
	if s.Status != status {
		s.Status, s.Since = status, now
	}
	return s
}

// end takes the token's state over. What is revoked does not become less.
func (s State) end(status Status, o Observation, now time.Time) State {
	if s.Status == Revoked {
		return s
	}
	if s.Status != status {
		s.Bad, s.Good, s.BadSince, s.Reason = 0, 0, now, o.Reason
	}
	s.BadAt = now
	return s.become(status, now)
}

// succeed takes a success in. What is revoked stays so under its grant: the call was made before.
func (s State) succeed(now time.Time) State {
	if s.Status == Revoked {
		return s
	}
	s.Bad = 0
	s.Good = min(s.Good+1, GoodInARow)
	if (s.Status == Error || s.Status == Throttled) && s.Good < GoodInARow {
		return s
	}
	s.BadSince, s.Reason, s.OnlyLimited = time.Time{}, "", false
	return s.become(Healthy, now)
}

// fail takes a bad outcome in.
func (s State) fail(o Observation, now time.Time) State {
	if s.Status == Revoked {
		return s
	}
	if s.Status == NeedsConsent { // the new tokens came late: they were used
		s = s.become(Unknown, now)
		s.BadSince = time.Time{}
	}
	if s.Bad == 0 {
		s.OnlyLimited = true
	}
	if s.BadSince.IsZero() {
		s.BadSince = now
	}
	s.Bad++
	s.Good, s.BadAt, s.Reason = 0, now, o.Reason
	s.OnlyLimited = s.OnlyLimited && o.Outcome == Limited
	switch {
	case s.Status.IsBad() || s.Bad < BadInARow:
		return s
	case s.OnlyLimited:
		return s.become(Throttled, now)
	case now.Sub(s.BadSince) >= LeastErrorTime:
		return s.become(Error, now)
	}
	return s
}

// Forgotten returns the state of a connection at which nobody looked for long. What people were told stays.
func (s State) Forgotten(now time.Time) State {
	if s.Status.needsPerson() { // it stays so, whether somebody looks or not
		return s
	}
	s.Bad, s.Good, s.BadSince = 0, 0, time.Time{}
	return s.become(Unknown, now.UTC())
}

// IsIll says whether something is bad, or begins to be: the connection is looked at when it is judged whether Revento answers anybody.
func (s State) IsIll() bool { return !s.BadSince.IsZero() }

// IsOpen says whether there is, or may soon be, something to tell or to send.
func (s State) IsOpen() bool { return s.IsIll() || s.HasNews() }

// HasNews says whether there is something to tell, or to send.
func (s State) HasNews() bool { return s.differs() || len(s.Outbox) > 0 }
