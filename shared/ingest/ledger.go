package ingest

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/revento"
)

// State is a delivery's state in the ledger; a delivery that is not there has none.
//
//	absent --claim--> claimed --mark--> handed_off
//	  ^                 |  ^
//	  +----release------+  +--lease over: claimed anew by another owner
type State string

// The states.
const (
	Claimed   State = "claimed"
	HandedOff State = "handed_off"
)

// Claim is an attempt to become the one who hands a delivery off.
type Claim struct {
	DeliveryID string
	// Owner is a token that no other attempt has: it fences off an owner whose lease is over.
	Owner    string
	Identity revento.Identity
	Now      time.Time
	// LeaseEnd is when another may take over.
	LeaseEnd time.Time
	// Expires is when the entry may be forgotten.
	Expires time.Time
}

// Entry is what the ledger knows of a delivery.
type Entry struct {
	State    State
	Owner    string
	Identity revento.Identity
	LeaseEnd time.Time
}

// ErrNotOwner is returned where the entry is gone or another's: the lease was over, and somebody took over.
var ErrNotOwner = errors.New("the delivery is claimed by another")

// Ledger keeps deliveries by delivery id, durably and with one winner for each claim.
type Ledger interface {
	// Claim stores the claim if there is no entry, or only an expired one, or only a claimed one of the same identity whose
	// lease is over. Otherwise it stores nothing and returns the entry that stands in the way.
	Claim(ctx context.Context, claim Claim) (standing *Entry, err error)
	// MarkHandedOff makes owner's claim handed_off and keeps it until expires. It returns ErrNotOwner.
	MarkHandedOff(ctx context.Context, deliveryID, owner string, expires time.Time) error
	// Release removes owner's claim, so that a retry finds nothing in its way. It returns ErrNotOwner.
	Release(ctx context.Context, deliveryID, owner string) error
}

// verdict is what a claim's result means for the request.
type verdict int

const (
	proceed verdict = iota
	alreadyHandedOff
	inProgress
	otherIdentity
)

// judge reads the entry that stood in a claim's way. An entry of one's own is one's own claim: the SDK sent it twice,
// since the answer to the first was lost.
func (c Claim) judge(standing *Entry) verdict {
	switch {
	case standing == nil, standing.Owner == c.Owner:
		return proceed
	case standing.Identity != c.Identity:
		return otherIdentity
	case standing.State == HandedOff:
		return alreadyHandedOff
	default:
		return inProgress
	}
}
