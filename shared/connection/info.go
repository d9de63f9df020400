package connection

import (
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
)

// Life is the time between a connection's first consent and its deletion. What is kept of one life is never taken for another's.
// As text, the later one is the greater.
type Life string

// lifeLayout has one width for the years 0 to 9999.
const lifeLayout = "2006-01-02T15:04:05.000000000Z"

func newLife(began time.Time) Life { return Life(began.UTC().Format(lifeLayout)) }

// IsOver says whether the life began up to a cutoff, and so ended with it.
func (l Life) IsOver(cutoff time.Time) bool { return !cutoff.IsZero() && l <= newLife(cutoff) }

// Began is when the life began; zero for what is no life.
func (l Life) Began() time.Time {
	began, _ := time.Parse(lifeLayout, string(l))
	return began
}

// Info is what the registry knows of a connection. It holds no personal data, and no token.
type Info struct {
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	State          State  `json:"state"`
	// Reason is why it is not active; "" where it is.
	Reason Reason `json:"reason,omitempty"`
	// Since is when it came into its state.
	Since time.Time `json:"since"`
	Life  Life      `json:"life"`
	// ConnectedAt is when the consent was given that it stands on. A deletion of up to then ends it.
	ConnectedAt time.Time `json:"connected_at"`
	// LinkedBy is what let the organizer in who consented: the link that an operator made, or "" where anybody may connect.
	LinkedBy string `json:"linked_by,omitempty"`
	// Client is the client id of the integration that was consented to.
	Client string `json:"client,omitempty"`
	// Scope is what was granted, separated by blanks.
	Scope string `json:"scope,omitempty"`
	// Due is when something is to be done for it; zero where nothing is.
	Due time.Time `json:"due,omitzero"`
}

// connection is what the info is about.
func (i Info) connection() record.Connection {
	return record.Connection{EventID: i.EventID, OrganizationID: i.OrganizationID}
}

// Moved returns the info in another state, and false where its state does not lead there. Where it is in it already it stays as it is:
// the first reason is what happened. For what is revoked or ended nothing is due any more.
func (i Info) Moved(state State, reason Reason, at time.Time) (moved Info, ok bool) {
	if i.State == state {
		return i, true
	}
	if !slices.Contains(leads[i.State], state) {
		return i, false
	}
	i.State, i.Reason, i.Since = state, reason, at.UTC()
	if state == Revoked || state == Ended {
		i.Due = time.Time{}
	}
	return i, true
}

// Consent is an organizer's consent, with the tokens that Revento gave for it.
type Consent struct {
	At time.Time
	// Scope, LinkedBy and Client are those of Info.
	Scope, LinkedBy, Client string
}

// Consented returns the standing connection's info after a consent. Where a deletion lies between, it begins a new life. It returns
// record.ErrDeleted where the deletion came after the consent.
func (s Standing) Consented(consent Consent) (Info, error) {
	cutoff := s.Tombstone.Cutoff()
	if !consent.At.After(cutoff) {
		return s.Info, fmt.Errorf("connect: %w", record.ErrDeleted)
	}
	next := s.Info
	if next.Life == "" || next.Life.IsOver(cutoff) {
		next = Info{EventID: s.Connection.EventID, OrganizationID: s.Connection.OrganizationID, Life: newLife(consent.At)}
	}
	next.State, next.Reason, next.Since = Active, "", consent.At.UTC()
	next.Scope, next.LinkedBy, next.Client = consent.Scope, consent.LinkedBy, consent.Client
	if consent.At.After(next.ConnectedAt) { // clocks differ
		next.ConnectedAt = consent.At.UTC()
	}
	return next, nil
}
