package grant

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
)

// stored is what is kept of a connection's tokens. Nobody else writes to its record, so that a valid token is never refused because
// something else had changed. A consent begins it, with the record's OccurredAt; each refresh is a generation.
type stored struct {
	// Grant names the consent, Generation the pair: 1 is the consent's own.
	Grant      string            `json:"grant"`
	Generation int64             `json:"generation"`
	State      connection.State  `json:"state"`
	Reason     connection.Reason `json:"reason,omitempty"`
	Scope      string            `json:"scope,omitempty"`
	// Sealed is the pair; "" once it is erased.
	Sealed seal.Sealed `json:"sealed,omitempty"`
	// Attempt is the id of the attempt that brought this generation; "" for the consent's.
	Attempt     string    `json:"attempt,omitempty"`
	FirstIssued time.Time `json:"first_issued"`
	Issued      time.Time `json:"issued"`
	AccessEnds  time.Time `json:"access_ends"`
	RefreshEnds time.Time `json:"refresh_ends"`
	// Lease says who refreshes; its owner is the attempt. It saves calls; what saves the token is the generation.
	Lease         lease.Lease `json:"lease,omitzero"`
	Attempts      []attempt   `json:"attempts,omitempty"`
	Failures      int         `json:"failures,omitempty"`
	NotBefore     time.Time   `json:"not_before,omitzero"`
	FailureReason string      `json:"failure_reason,omitempty"`
}

// attempt is a request that redeems this generation's refresh token, written before it is sent. It stays until its reply was read.
type attempt struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// maxAttempts are kept: what counts is whether there is one beside one's own.
const maxAttempts = 10

// pair is what is sealed.
type pair struct {
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

type entry = record.Entry[stored]

func keyOf(connection record.Connection) record.Key {
	return record.Key{Connection: connection, Kind: record.Token}
}

func aboutOf(connection record.Connection, of stored) seal.About {
	return seal.About{Connection: connection, Kind: record.Token, Grant: of.Grant, Generation: of.Generation}
}

// is says whether the record still holds the grant and generation that other held.
func (s stored) is(other stored) bool {
	return s.Grant == other.Grant && s.Generation == other.Generation
}

// isGood says whether the access token need not be refreshed yet: it lasts for the margin, or a fifth of its life where that is less.
func (s stored) isGood(now time.Time) bool {
	return s.AccessEnds.Sub(now) > min(margin, s.AccessEnds.Sub(s.Issued)/5)
}

// serves says whether the access token can still be used where it cannot be refreshed.
func (s stored) serves(now time.Time) bool { return now.Before(s.AccessEnds) }

// takesLate says whether a reply that comes late makes the connection active again: its refresh token is valid, whatever was concluded
// from its absence.
func (s stored) takesLate() bool {
	return s.State == connection.Active || s.State == connection.NeedsConsent && s.Reason != connection.Broken
}

// hasUnread says whether there was an attempt, beside the one named, of which no reply was read.
func (s stored) hasUnread(beside string) bool {
	return slices.ContainsFunc(s.Attempts, func(a attempt) bool { return a.ID != beside })
}

// lead gives the lease to an attempt and keeps the attempt with those before it but for one, whose reply was read.
func (s stored) lead(next attempt, read string) stored {
	s.Lease = lease.Take(next.ID, next.At, leaseTime)
	s.Attempts = append(s.without(read), next)
	if excess := len(s.Attempts) - maxAttempts; excess > 0 {
		s.Attempts = s.Attempts[excess:]
	}
	return s
}

func (s stored) without(read string) []attempt {
	return slices.DeleteFunc(slices.Clone(s.Attempts), func(a attempt) bool { return a.ID == read })
}

// quiet drops the lease, and the attempt whose reply was read.
func (s stored) quiet(read string) stored {
	s.Lease, s.Attempts = lease.Lease{}, s.without(read)
	return s
}

func (s stored) as(state connection.State, reason connection.Reason) stored {
	s.State, s.Reason = state, reason
	return s
}

// next is what a reply makes of the generation that was redeemed.
func (s stored) next(tokens revento.Tokens, by attempt) stored {
	next := s.issued(tokens, by.At)
	next.Generation++
	next.Attempt = by.ID
	next.Lease, next.Attempts, next.Failures, next.NotBefore, next.FailureReason = lease.Lease{}, nil, 0, time.Time{}, ""
	return next.as(connection.Active, "")
}

// issued sets what a reply tells of the tokens' lives, which are counted from before they were asked for.
func (s stored) issued(tokens revento.Tokens, asked time.Time) stored {
	s.Issued = asked
	s.AccessEnds = asked.Add(orElse(tokens.AccessLife, revento.AccessLife))
	if tokens.Refresh.Show() != "" {
		s.RefreshEnds = asked.Add(orElse(tokens.RefreshLife, revento.RefreshLife))
	}
	if last := s.FirstIssued.Add(revento.RefreshCap); s.RefreshEnds.After(last) {
		s.RefreshEnds = last
	}
	if tokens.Scope != "" {
		s.Scope = tokens.Scope
	}
	return s
}

func orElse(life, usual time.Duration) time.Duration {
	if life <= 0 {
		return usual
	}
	return life
}

// reasonSealed is the reason of tokens that cannot be opened: the ring lacks the key, or the record was changed.
const reasonSealed = "sealed_tokens_do_not_open"

func open(ring seal.Ring, of entry) (pair, error) {
	var opened pair
	plain, err := ring.Open(aboutOf(of.Key.Connection, of.Value), of.Value.Sealed)
	if err == nil && json.Unmarshal(plain, &opened) != nil {
		err = seal.ErrNotSealed
	}
	if err != nil {
		return pair{}, &fault.Error{Class: fault.Permanent, Op: "open the sealed tokens", Reason: reasonSealed, Err: err}
	}
	return opened, nil
}

// sealed returns the value with its pair sealed by the newest key.
func sealed(ring seal.Ring, connection record.Connection, value stored, held pair) (stored, error) {
	plain, err := json.Marshal(held)
	if err == nil {
		value.Sealed, err = ring.Seal(aboutOf(connection, value), plain)
	}
	if err != nil {
		return value, fmt.Errorf("seal the tokens: %w", err)
	}
	return value, nil
}

// after is the pair that a reply leaves: where it brings no refresh token, the old one stays.
func (p pair) after(tokens revento.Tokens) pair {
	after := pair{Access: tokens.Access.Show(), Refresh: tokens.Refresh.Show()}
	if after.Refresh == "" {
		after.Refresh = p.Refresh
	}
	return after
}

// access is what calls are made with.
func (p pair) access(of entry) Access {
	return Access{
		Access: revento.NewAccess(of.Key.Connection.EventID, secret.Hide(p.Access)),
		held:   stored{Grant: of.Value.Grant, Generation: of.Value.Generation}, consented: of.OccurredAt,
	}
}
