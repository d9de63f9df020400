package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/ingest"
)

const (
	lease  = 10 * time.Second
	window = 24 * time.Hour // after which an entry is forgotten
)

// Ledger holds the ledgers that open returns to the contract. They may be one and hold other deliveries: each case has
// ids of its own.
func Ledger(t *testing.T, open func(*testing.T) ingest.Ledger, exempt Exempt) {
	run(t, func(t *testing.T) *ledgerTest { return newLedgerTest(t, open(t)) }, exempt, ledgerScenarios)
}

// ledgerTest is one delivery's story. Time is what its claims say.
type ledgerTest struct {
	*testing.T
	ledger ingest.Ledger
	first  ingest.Claim
}

func newLedgerTest(t *testing.T, ledger ingest.Ledger) *ledgerTest {
	// Today, since an engine may sweep what has expired; whole seconds, which every engine keeps.
	now := time.Now().UTC().Truncate(time.Second)
	return &ledgerTest{T: t, ledger: ledger, first: ingest.Claim{
		DeliveryID: rand.Text(),
		Owner:      "first",
		Identity:   "an event",
		Now:        now,
		LeaseEnd:   now.Add(lease),
		Expires:    now.Add(window),
	}}
}

// later is another's claim of the same delivery and event.
func (l *ledgerTest) later(owner string, after time.Duration) ingest.Claim {
	claim := l.first
	claim.Owner = owner
	claim.Now = claim.Now.Add(after)
	claim.LeaseEnd = claim.LeaseEnd.Add(after)
	claim.Expires = claim.Expires.Add(after)
	return claim
}

// ofOtherEvent is a claim of the same delivery id for another event.
func ofOtherEvent(claim ingest.Claim) ingest.Claim {
	claim.Identity = "another event"
	return claim
}

func (l *ledgerTest) wins(claim ingest.Claim) {
	l.Helper()
	standing, err := l.ledger.Claim(l.Context(), claim)
	wantSuccess(l.T, "claim by "+claim.Owner, err)
	if standing != nil {
		l.Fatalf("claim by %s: %+v stands in the way, want nothing", claim.Owner, *standing)
	}
}

// losesTo expects that the entry of an earlier claim stands in the way.
func (l *ledgerTest) losesTo(earlier ingest.Claim, state ingest.State, claim ingest.Claim) {
	l.Helper()
	standing, err := l.ledger.Claim(l.Context(), claim)
	wantSuccess(l.T, "claim by "+claim.Owner, err)
	if standing == nil {
		l.Fatalf("claim by %s: nothing stands in the way, want %s's entry", claim.Owner, earlier.Owner)
	}
	want := ingest.Entry{State: state, Owner: earlier.Owner, Identity: earlier.Identity, LeaseEnd: earlier.LeaseEnd}
	if state == ingest.HandedOff { // its lease means nothing any more
		want.LeaseEnd = standing.LeaseEnd
	}
	if diff := cmp.Diff(want, *standing); diff != "" {
		l.Fatalf("the standing entry (-want +got):\n%s", diff)
	}
}

func (l *ledgerTest) marks(claim ingest.Claim) error {
	return l.ledger.MarkHandedOff(l.Context(), claim.DeliveryID, claim.Owner, claim.Expires)
}

func (l *ledgerTest) releases(claim ingest.Claim) error {
	return l.ledger.Release(l.Context(), claim.DeliveryID, claim.Owner)
}

var ledgerScenarios = []scenario[*ledgerTest]{
	{"a delivery that is not there is claimed", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
	}},
	{"a claim whose lease is alive stands in the way", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, l.later("second", lease-time.Second))
	}},
	{"a refused claim stores nothing", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, l.later("second", time.Second))
		l.losesTo(l.first, ingest.Claimed, l.later("third", 2*time.Second))
	}},
	{"a claim of the same event whose lease is over is taken over", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", lease)
		l.wins(second)
		l.losesTo(second, ingest.Claimed, l.later("third", lease+time.Second))
	}},
	{"a claim of another event stands in the way though its lease is over", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, ofOtherEvent(l.later("second", 2*lease)))
	}},
	{"a claim of another event whose lease is alive stands in the way", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, ofOtherEvent(l.later("second", time.Second)))
	}},
	{"one's own claim, sent twice, is given back", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, l.first)
	}},
	{"an expired claim does not stand in the way, whatever its event", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.wins(ofOtherEvent(l.later("second", window)))
	}},
	{"an expired claim does not stand in the way though its lease is alive", func(_ *testing.T, l *ledgerTest) {
		l.first.LeaseEnd = l.first.Expires.Add(time.Hour)
		l.wins(l.first)
		l.wins(l.later("second", window))
	}},
	{"deliveries do not mix", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		other := l.later("second", 0)
		other.DeliveryID = rand.Text()
		l.wins(other)
	}},
	{"a delivery handed off stands in the way though its lease is over", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		l.losesTo(l.first, ingest.HandedOff, l.later("second", 2*lease))
		l.losesTo(l.first, ingest.HandedOff, ofOtherEvent(l.later("third", 2*lease)))
	}},
	{"a delivery handed off is kept until the moment that the mark names", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		marked := l.first
		marked.Expires = l.first.Expires.Add(time.Hour)
		wantSuccess(t, "mark", l.marks(marked))
		l.losesTo(l.first, ingest.HandedOff, l.later("second", window+time.Hour-time.Second))
		l.wins(l.later("third", window+time.Hour))
	}},
	{"a delivery that was handed off and expired is claimed anew", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		second := ofOtherEvent(l.later("second", window))
		l.wins(second)
		l.losesTo(second, ingest.Claimed, l.later("third", window+time.Second))
	}},
	{"a mark that is sent twice succeeds twice", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		wantSuccess(t, "mark again", l.marks(l.first))
	}},
	{"a mark by another is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantError(t, "mark", l.marks(l.later("second", 0)), ingest.ErrNotOwner)
		l.losesTo(l.first, ingest.Claimed, l.later("third", time.Second))
	}},
	{"a mark by the owner who was taken over is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", lease)
		l.wins(second)
		wantError(t, "mark", l.marks(l.first), ingest.ErrNotOwner)
		l.losesTo(second, ingest.Claimed, l.later("third", lease+time.Second))
	}},
	{"a mark of what is gone is refused and stores nothing", func(t *testing.T, l *ledgerTest) {
		wantError(t, "mark", l.marks(l.first), ingest.ErrNotOwner)
		l.wins(l.later("second", 0))
	}},
	{"a released delivery is claimed anew", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "release", l.releases(l.first))
		l.wins(ofOtherEvent(l.later("second", time.Second)))
	}},
	{"a release by another is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantError(t, "release", l.releases(l.later("second", 0)), ingest.ErrNotOwner)
		l.losesTo(l.first, ingest.Claimed, l.later("third", time.Second))
	}},
	{"a release by the owner who was taken over is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", lease)
		l.wins(second)
		wantError(t, "release", l.releases(l.first), ingest.ErrNotOwner)
		l.losesTo(second, ingest.Claimed, l.later("third", lease+time.Second))
	}},
	{"a release of what is gone is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "release", l.releases(l.first))
		wantError(t, "release again", l.releases(l.first), ingest.ErrNotOwner)
	}},
	{"a delivery handed off is not a claim any more and cannot be released", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		wantError(t, "release", l.releases(l.first), ingest.ErrNotOwner)
		l.losesTo(l.first, ingest.HandedOff, l.later("second", time.Second))
	}},
	{"of many claims at once one wins, and the others see it", func(_ *testing.T, l *ledgerTest) {
		l.oneWins(0)
	}},
	{"of many that take over at once one wins, and the others see it", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.oneWins(lease)
	}},
	{"a context that is over is an error, and nothing is claimed", func(t *testing.T, l *ledgerTest) {
		_, err := l.ledger.Claim(ended(t), l.first)
		wantError(t, "claim", err, context.Canceled)
		l.wins(l.later("second", 0))
	}},
}

func (l *ledgerTest) oneWins(after time.Duration) {
	type result struct {
		owner    string
		standing *ingest.Entry
		err      error
	}
	results := atOnce(func(number int) result {
		claim := l.later(fmt.Sprintf("racer %d", number), after)
		standing, err := l.ledger.Claim(l.Context(), claim)
		return result{claim.Owner, standing, err}
	})
	var winners []string
	var failures error
	seen := map[string]bool{}
	for _, r := range results {
		failures = errors.Join(failures, r.err)
		if r.standing == nil {
			winners = append(winners, r.owner)
			continue
		}
		seen[r.standing.Owner] = true
	}
	wantSuccess(l.T, "claim at once", failures)
	if len(winners) != 1 || len(seen) != 1 || !seen[winners[0]] {
		l.Fatalf("winners are %v, and the others saw %v; want one winner that all others see", winners, seen)
	}
}
