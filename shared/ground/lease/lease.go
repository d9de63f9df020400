// Package lease keeps others off what one works on, in whatever store it lies, for so long that one has been stopped when another takes
// over.
//
//	free --Take--> held --given back by its owner--> free
//	               held, past its end --Take--> another's; what the former owner still writes is refused
//
// Whoever takes a lease stores it on condition that none is held. What the owner writes later is on condition that the lease is still its
// own, which fences it off once another has taken over. Where what was done must not be lost, as a token that cannot be had twice, that
// write needs another condition: the lease only saves calls there.
package lease

import (
	"crypto/rand"
	"errors"
	"time"
)

// ErrNotOwner is returned for a write of who does not hold the lease any more: it was over and another took over, or it was given back.
var ErrNotOwner = errors.New("the lease is another's, or nobody's")

// Lease says who works on something. The zero value is nobody's, and over.
type Lease struct {
	// Owner is a token that no other attempt has, not even one of the same process.
	Owner string `json:"owner"`
	// Ends is when another may take over, by the clock of whoever asks.
	Ends time.Time `json:"ends"`
}

// NewOwner returns a token that no other attempt has.
func NewOwner() string { return rand.Text() }

// Take is the lease of an owner from now on.
func Take(owner string, now time.Time, life time.Duration) Lease {
	return Lease{Owner: owner, Ends: now.Add(life)}
}

// IsHeld says whether it keeps others off.
func (l Lease) IsHeld(now time.Time) bool { return now.Before(l.Ends) }

// IsOf says whether it is an owner's. Nobody owns what has no owner.
func (l Lease) IsOf(owner string) bool { return owner != "" && l.Owner == owner }

// Left is how long it keeps others off yet; 0 where it does not.
func (l Lease) Left(now time.Time) time.Duration { return max(l.Ends.Sub(now), 0) }
