package ingest

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/revento"
)

// State is a delivery's state in the ledger; a delivery that is not there has none.
//
//	   +-----note----> ignored --claim--+
//	   |                                v
//	absent -----------claim---------> claimed --mark--> handed_off
//	   ^                               |  ^  |
//	   +------------release------------+  +--+ lease over: claimed anew by another owner
//
// Whatever the state, an entry that has expired counts as absent.
type State string

// The states.
const (
	Claimed   State = "claimed"
	HandedOff State = "handed_off"
	// StateIgnored is the state of a delivery whose route was off. Nobody worked on it, so that it stands in no claim's way:
	// the route may be switched on and the delivery sent again from Revento's console.
	StateIgnored State = "ignored"
)

// Claim is an attempt to become the one who hands a delivery off.
type Claim struct {
	DeliveryID string
	// Owner is a token that no other attempt has: it fences off an owner whose lease is over.
	Owner      string
	Identity   revento.Identity
	ReceivedAt time.Time
	Now        time.Time
	// LeaseEnd is when another may take over.
	LeaseEnd time.Time
	// Expires is when the entry may be forgotten.
	Expires time.Time
	Story   Story
}

// Entry is what the ledger holds of a claim that won.
func (c Claim) Entry() Entry {
	return Entry{
		DeliveryID: c.DeliveryID,
		State:      Claimed,
		Owner:      c.Owner,
		Identity:   c.Identity,
		LeaseEnd:   c.LeaseEnd,
		Expires:    c.Expires,
		ReceivedAt: c.ReceivedAt,
		ClaimedAt:  c.Now,
		Story:      c.Story,
	}
}

// Entry is what the ledger knows of a delivery. Moments that it does not know are zero, as in entries of a version that did
// not keep them; engines keep them to the millisecond at least.
type Entry struct {
	DeliveryID string
	State      State
	// Owner and LeaseEnd are the claim's; an ignored delivery has neither.
	Owner    string
	Identity revento.Identity
	LeaseEnd time.Time
	// Expires is when the entry may be forgotten.
	Expires     time.Time
	ReceivedAt  time.Time
	ClaimedAt   time.Time
	HandedOffAt time.Time
	Story       Story
}

// Errors of a ledger.
var (
	// ErrNotOwner is returned where the entry is gone or another's: the lease was over, and somebody took over.
	ErrNotOwner = errors.New("the delivery is claimed by another")
	// ErrNotFound is returned by Find.
	ErrNotFound = errors.New("no such delivery in the ledger")
)

// Ledger keeps deliveries by delivery id, durably and with one winner for each claim.
type Ledger interface {
	// Claim stores the claim if there is no entry, or only an expired or ignored one, or only a claimed one of the same
	// identity whose lease is over. Otherwise it stores nothing and returns the entry that stands in the way.
	Claim(ctx context.Context, claim Claim) (standing *Entry, err error)
	// MarkHandedOff makes owner's claim handed_off, at that moment, and keeps it until expires. It returns ErrNotOwner.
	MarkHandedOff(ctx context.Context, deliveryID, owner string, at, expires time.Time) error
	// Release removes owner's claim, so that a retry finds nothing in its way. It returns ErrNotOwner.
	Release(ctx context.Context, deliveryID, owner string) error
	// NoteIgnored stores an entry of StateIgnored if there is none, or only an expired or ignored one. Otherwise it stores
	// nothing, which is no error: what stands tells more.
	NoteIgnored(ctx context.Context, entry Entry, now time.Time) error
}

// Finder reads the ledger for people, outside the work on a delivery.
type Finder interface {
	// Find returns a delivery's entry, strongly consistent. It returns ErrNotFound, also for an entry that has expired by now.
	Find(ctx context.Context, deliveryID string, now time.Time) (Entry, error)
}

// Journal is a ledger that can be read in order as well. A DynamoDB table is none: it would have to be read whole.
type Journal interface {
	Finder
	// Recent returns up to limit entries, at least 1, that have not expired by now, newest received first. It begins behind
	// the cursor, the next of an earlier page; "" is the newest. next is "" on the last page.
	Recent(ctx context.Context, now time.Time, limit int, cursor string) (entries []Entry, next string, err error)
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
