package ingest

import (
	"context"
	"errors"
	"strings"
	"time"

	"revento-alerts/shared/ground/lease"
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
	// Apart says that the delivery id is another event's, so that this claim is one of its own, under id and identity. The
	// header with the id is not signed: who sends a known id first must not keep an event out.
	Apart bool
	// Lease is this attempt's, from Now on.
	lease.Lease
	Identity   revento.Identity
	ReceivedAt time.Time
	Now        time.Time
	// Expires is when the entry may be forgotten.
	Expires time.Time
	Story   Story
}

// Key is what the ledger keeps the claim under.
func (c Claim) Key() string { return c.Entry().Key() }

// Entry is what the ledger holds of a claim that won.
func (c Claim) Entry() Entry {
	return Entry{
		DeliveryID: c.DeliveryID,
		Apart:      c.Apart,
		State:      Claimed,
		Lease:      c.Lease,
		Identity:   c.Identity,
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
	// Apart is the claim's: another event came under the delivery id before this one.
	Apart bool
	State State
	// Lease is the claim's; an ignored delivery has none.
	lease.Lease
	Identity revento.Identity
	// Expires is when the entry may be forgotten.
	Expires     time.Time
	ReceivedAt  time.Time
	ClaimedAt   time.Time
	HandedOffAt time.Time
	Story       Story
}

// apartMark stands between id and identity in the key of an entry that is apart. No delivery id holds it (revento.IsDeliveryID).
const apartMark = " "

// Key is what the ledger keeps the entry under: the delivery id, and the identity with it where the entry is apart.
func (e Entry) Key() string {
	if !e.Apart {
		return e.DeliveryID
	}
	return e.DeliveryID + apartMark + string(e.Identity)
}

// SplitKey is the delivery id of a key, and whether its entry is apart.
func SplitKey(key string) (deliveryID string, apart bool) {
	deliveryID, _, apart = strings.Cut(key, apartMark)
	return deliveryID, apart
}

// ErrNotFound is returned by Find.
var ErrNotFound = errors.New("no such delivery in the ledger")

// Ledger keeps deliveries by their keys, durably and with one winner for each claim.
type Ledger interface {
	// Claim stores the claim if there is no entry under its key, or only an expired or ignored one, or only a claimed one of the same
	// identity whose lease is over. Otherwise it stores nothing and returns the entry that stands in the way.
	Claim(ctx context.Context, claim Claim) (standing *Entry, err error)
	// MarkHandedOff makes owner's claim of the key handed_off, at that moment, and keeps it until expires. It returns lease.ErrNotOwner.
	MarkHandedOff(ctx context.Context, key, owner string, at, expires time.Time) error
	// Release removes owner's claim of the key, so that a retry finds nothing in its way. It returns lease.ErrNotOwner.
	Release(ctx context.Context, key, owner string) error
	// NoteIgnored stores an entry of StateIgnored if there is none, or only an expired or ignored one. Otherwise it stores
	// nothing, which is no error: what stands tells more.
	NoteIgnored(ctx context.Context, entry Entry, now time.Time) error
}

// ApartLimit is how many entries of other events are found by a delivery id. Each needs a signed event of its own, so that
// more are no mishap.
const ApartLimit = 16

// Finder reads the ledger for people, outside the work on a delivery.
type Finder interface {
	// Find returns the entry that has the delivery id, strongly consistent. It returns ErrNotFound, also for an entry that has
	// expired by now.
	Find(ctx context.Context, deliveryID string, now time.Time) (Entry, error)
	// FindApart returns the entries of other events that came under the delivery id and have not expired by now, strongly
	// consistent: the first ApartLimit, by the moment of receipt. None is no error.
	FindApart(ctx context.Context, deliveryID string, now time.Time) ([]Entry, error)
}

// Forgetter is a ledger that can be searched for what it tells of a connection. A DynamoDB table is none: it would have to be
// read whole.
type Forgetter interface {
	// ForgetStories replaces the stories of a connection, named by its partition, that happened up to the cutoff by
	// Story{Deleted: true}, and counts them. The entries themselves stay, since a delivery's repetition is known by them: delivery
	// id, hash of the event, moments.
	ForgetStories(ctx context.Context, connection string, cutoff time.Time) (int, error)
}

// IsOf says whether the story is of the connection, named by its partition, and happened up to the cutoff. One that does not know
// its moment is of a version that did not keep it.
func (s Story) IsOf(connection string, cutoff time.Time) bool {
	return s.Connection == connection && !s.OccurredAt.After(cutoff)
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
	case standing == nil, standing.IsOf(c.Owner):
		return proceed
	case standing.Identity != c.Identity:
		return otherIdentity
	case standing.State == HandedOff:
		return alreadyHandedOff
	default:
		return inProgress
	}
}
