package health

import (
	"slices"
	"time"
)

// Notice is something to tell of a connection, once. Its identity is its number within the life that it is of, or for a warning what it
// warns of.
type Notice struct {
	Number int64 `json:"number"`
	// Status is what is told: Healthy after something bad, a bad one, or Flapping; "" in a warning.
	Status Status `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	// At is when it became so, BadSince when what is bad began.
	At       time.Time `json:"at"`
	BadSince time.Time `json:"bad_since,omitzero"`
	// Warning is what is about to end, in a warning.
	Warning *Warning `json:"warning,omitempty"`
}

// IsRestored says whether the notice ends what was told before.
func (n Notice) IsRestored() bool { return n.Status == Healthy }

// differs says whether people were told something else than what is: the first that they hear is something bad, and the last that it
// is over.
func (s State) differs() bool {
	switch {
	case s.Status == Healthy:
		return s.Told.IsBad() || s.Told == Flapping
	case s.Status.IsBad():
		return s.Told != s.Status
	default:
		return false
	}
}

// Tell returns the state with what is due in its outbox: where it differs from what was told, unless it flaps. What needs a person is
// told at once, flapping or not. Of what is bad nothing is told where the outage holds it back.
func (s State) Tell(outage Outage, now time.Time) State {
	now = now.UTC()
	steady := s.Steady >= SteadyProbes
	switch {
	case !s.differs(),
		s.Flapping && !steady && !s.Status.needsPerson(),
		s.Status.IsBad() && outage.Holds(s):
		return s
	}
	s.Flapping = s.Flapping && !steady
	s.Told = s.Status
	s.Changes = append(recent(s.Changes, now), now)
	if len(s.Changes) >= FlappingChanges && !steady && !s.Status.needsPerson() {
		s.Told, s.Flapping = Flapping, true
	}
	s.Number++
	s.Outbox = append(slices.Clone(s.Outbox), Notice{
		Number: s.Number, Status: s.Told, Reason: s.Reason, At: s.Since, BadSince: s.BadSince,
	})
	return s
}

// recent are the changes of the last day, one less than make a connection flap at the most.
func recent(changes []time.Time, now time.Time) []time.Time {
	kept := slices.DeleteFunc(slices.Clone(changes), func(at time.Time) bool { return now.Sub(at) >= FlappingWindow })
	return kept[max(len(kept)-(FlappingChanges-1), 0):]
}

// Sent returns the state without what was sent of its outbox.
func (s State) Sent(number int64) State {
	s.Outbox = slices.DeleteFunc(slices.Clone(s.Outbox), func(n Notice) bool { return n.Number == number })
	if len(s.Outbox) == 0 {
		s.Outbox = nil
	}
	return s
}
