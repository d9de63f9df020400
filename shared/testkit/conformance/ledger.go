package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

const (
	life   = 10 * time.Second
	window = 24 * time.Hour // after which an entry is forgotten
)

// FindingLedger is a ledger as the hot path and people use it.
type FindingLedger interface {
	ingest.Ledger
	ingest.Annals
}

// Ledger holds the ledgers that open returns to the contract. They may be one and hold other deliveries: each case has
// ids of its own.
func Ledger(t *testing.T, open func(*testing.T) FindingLedger, exempt Exempt) {
	run(t, func(t *testing.T) *ledgerTest { return newLedgerTest(t, open(t)) }, exempt, ledgerScenarios)
}

// ledgerTest is one delivery's story. Time is what its claims say.
type ledgerTest struct {
	*testing.T
	ledger FindingLedger
	first  ingest.Claim
	// kept is until when the last mark was to keep the delivery.
	kept time.Time
}

func newLedgerTest(t *testing.T, ledger FindingLedger) *ledgerTest {
	// Today, since an engine may sweep what has expired; whole seconds, which every engine keeps.
	now := time.Now().UTC().Truncate(time.Second)
	return &ledgerTest{T: t, ledger: ledger, first: ingest.Claim{
		DeliveryID: rand.Text(),
		Lease:      lease.Take("first", now, life),
		Identity:   "an event",
		ReceivedAt: now.Add(-time.Second),
		Now:        now,
		Expires:    now.Add(window),
		Story: ingest.Story{
			Type:        `some."type" é`,
			Secret:      2,
			Connection:  "a connection",
			IncidentKey: "an incident",
			Destinations: []ingest.Destination{
				{Kind: route.Slack, Channel: "C0111", AlertKey: "one"}, {Kind: route.PagerDuty, AlertKey: "two"},
			},
		},
	}}
}

// later is another's claim of the same delivery and event.
func (l *ledgerTest) later(owner string, after time.Duration) ingest.Claim {
	claim := l.first
	claim.Owner = owner
	claim.ReceivedAt = claim.ReceivedAt.Add(after)
	claim.Now = claim.Now.Add(after)
	claim.Ends = claim.Ends.Add(after)
	claim.Expires = claim.Expires.Add(after)
	return claim
}

// apart is a claim of the same delivery id for another event, under id and identity.
func apart(claim ingest.Claim) ingest.Claim {
	claim = ofOtherEvent(claim)
	claim.Apart = true
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
	l.same(l.entry(earlier, state), *standing)
}

// entry is what the ledger has of a claim.
func (l *ledgerTest) entry(claim ingest.Claim, state ingest.State) ingest.Entry {
	entry := claim.Entry()
	entry.State = state
	if state == ingest.HandedOff {
		entry.HandedOffAt, entry.Expires = handedOffAt(claim), l.kept
	}
	return entry
}

func (l *ledgerTest) same(want, got ingest.Entry) {
	l.Helper()
	if want.State == ingest.HandedOff { // its lease means nothing any more
		want.Ends = got.Ends
	}
	if diff := cmp.Diff(want, got); diff != "" {
		l.Fatalf("the entry (-want +got):\n%s", diff)
	}
}

func handedOffAt(claim ingest.Claim) time.Time { return claim.Now.Add(time.Second) }

// marks keeps the delivery until the claim's end.
func (l *ledgerTest) marks(claim ingest.Claim) error {
	l.kept = claim.Expires
	return l.ledger.MarkHandedOff(l.Context(), claim.Key(), claim.Owner, handedOffAt(claim), claim.Expires)
}

// notes notes the claim's delivery as ignored and returns the note.
func (l *ledgerTest) notes(claim ingest.Claim) ingest.Entry {
	l.Helper()
	note := ingest.Entry{
		DeliveryID: claim.DeliveryID, State: ingest.StateIgnored, Identity: claim.Identity,
		Expires: claim.Expires, ReceivedAt: claim.ReceivedAt, Story: ingest.Story{Type: "some.type", Secret: 1},
	}
	wantSuccess(l.T, "note", l.ledger.NoteIgnored(l.Context(), note, claim.Now))
	return note
}

// finds expects the entry when it is looked for at that moment.
func (l *ledgerTest) finds(want ingest.Entry, now time.Time) {
	l.Helper()
	found, err := l.ledger.Find(l.Context(), want.DeliveryID, now)
	wantSuccess(l.T, "find", err)
	l.same(want, found)
}

// findsApart expects these entries of other events when they are looked for at that moment.
func (l *ledgerTest) findsApart(now time.Time, want ...ingest.Entry) {
	l.Helper()
	found, err := l.ledger.FindApart(l.Context(), l.first.DeliveryID, now)
	wantSuccess(l.T, "find apart", err)
	if diff := cmp.Diff(want, found); diff != "" {
		l.Fatalf("the entries apart (-want +got):\n%s", diff)
	}
}

func (l *ledgerTest) findsNothing(now time.Time) {
	l.Helper()
	_, err := l.ledger.Find(l.Context(), l.first.DeliveryID, now)
	wantError(l.T, "find", err, ingest.ErrNotFound)
}

func (l *ledgerTest) releases(claim ingest.Claim) error {
	return l.ledger.Release(l.Context(), claim.Key(), claim.Owner)
}

var ledgerScenarios = []scenario[*ledgerTest]{
	{"a delivery that is not there is claimed", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
	}},
	{"a claim whose lease is alive stands in the way", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, l.later("second", life-time.Second))
	}},
	{"a refused claim stores nothing", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, l.later("second", time.Second))
		l.losesTo(l.first, ingest.Claimed, l.later("third", 2*time.Second))
	}},
	{"a claim of the same event whose lease is over is taken over", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", life)
		l.wins(second)
		l.losesTo(second, ingest.Claimed, l.later("third", life+time.Second))
	}},
	{"a claim of another event stands in the way though its lease is over", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.losesTo(l.first, ingest.Claimed, ofOtherEvent(l.later("second", 2*life)))
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
		l.first.Ends = l.first.Expires.Add(time.Hour)
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
		l.losesTo(l.first, ingest.HandedOff, l.later("second", 2*life))
		l.losesTo(l.first, ingest.HandedOff, ofOtherEvent(l.later("third", 2*life)))
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
		wantError(t, "mark", l.marks(l.later("second", 0)), lease.ErrNotOwner)
		l.losesTo(l.first, ingest.Claimed, l.later("third", time.Second))
	}},
	{"a mark by the owner who was taken over is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", life)
		l.wins(second)
		wantError(t, "mark", l.marks(l.first), lease.ErrNotOwner)
		l.losesTo(second, ingest.Claimed, l.later("third", life+time.Second))
	}},
	{"a mark of what is gone is refused and stores nothing", func(t *testing.T, l *ledgerTest) {
		wantError(t, "mark", l.marks(l.first), lease.ErrNotOwner)
		l.wins(l.later("second", 0))
	}},
	{"a released delivery is claimed anew", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "release", l.releases(l.first))
		l.wins(ofOtherEvent(l.later("second", time.Second)))
	}},
	{"a release by another is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantError(t, "release", l.releases(l.later("second", 0)), lease.ErrNotOwner)
		l.losesTo(l.first, ingest.Claimed, l.later("third", time.Second))
	}},
	{"a release by the owner who was taken over is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := l.later("second", life)
		l.wins(second)
		wantError(t, "release", l.releases(l.first), lease.ErrNotOwner)
		l.losesTo(second, ingest.Claimed, l.later("third", life+time.Second))
	}},
	{"a release of what is gone is refused", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "release", l.releases(l.first))
		wantError(t, "release again", l.releases(l.first), lease.ErrNotOwner)
	}},
	{"a delivery handed off is not a claim any more and cannot be released", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		wantError(t, "release", l.releases(l.first), lease.ErrNotOwner)
		l.losesTo(l.first, ingest.HandedOff, l.later("second", time.Second))
	}},
	{"an ignored delivery stands in no claim's way, whatever its event", func(_ *testing.T, l *ledgerTest) {
		l.notes(l.first)
		second := ofOtherEvent(l.later("second", time.Second))
		l.wins(second)
		l.losesTo(second, ingest.Claimed, ofOtherEvent(l.later("third", 2*time.Second)))
	}},
	{"an ignored delivery is nobody's to mark or release", func(t *testing.T, l *ledgerTest) {
		note := l.notes(l.first)
		wantError(t, "mark", l.marks(l.first), lease.ErrNotOwner)
		wantError(t, "release", l.releases(l.first), lease.ErrNotOwner)
		l.finds(note, l.first.Now)
	}},
	{"an ignored delivery that comes again is noted anew", func(_ *testing.T, l *ledgerTest) {
		l.notes(l.first)
		l.finds(l.notes(l.later("", time.Hour)), l.first.Now)
	}},
	{"a note never takes the place of a claim, its lease alive or over", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.notes(l.later("", time.Second))
		l.notes(l.later("", 2*life))
		l.finds(l.entry(l.first, ingest.Claimed), l.first.Now)
	}},
	{"a note never takes the place of a delivery handed off", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		l.notes(l.later("", 2*life))
		l.finds(l.entry(l.first, ingest.HandedOff), l.first.Now)
	}},
	{"a note takes the place of what has expired", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		l.finds(l.notes(l.later("", window)), l.first.Now.Add(window))
	}},
	{"another event's claim under a delivery id that is taken is made apart, and both end by themselves", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := apart(l.later("second", time.Second))
		l.wins(second)
		l.losesTo(second, ingest.Claimed, apart(l.later("third", 2*time.Second)))
		wantSuccess(t, "mark", l.marks(second))
		l.losesTo(second, ingest.HandedOff, apart(l.later("third", 2*life)))
		l.losesTo(l.first, ingest.Claimed, l.later("fourth", time.Second))
		wantSuccess(t, "release", l.releases(l.first))
		l.wins(l.later("fifth", time.Second))
		l.losesTo(second, ingest.HandedOff, apart(l.later("sixth", 2*life)))
	}},
	{"a claim apart whose lease is over is taken over, and a released one is claimed anew", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.wins(apart(l.later("second", 0)))
		third := apart(l.later("third", life))
		l.wins(third)
		wantSuccess(t, "release", l.releases(third))
		l.wins(apart(l.later("fourth", life)))
	}},
	{"one's own claim apart, sent twice, is given back", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		second := apart(l.later("second", 0))
		l.wins(second)
		l.losesTo(second, ingest.Claimed, second)
	}},
	{"a claim apart is found by its delivery id, as long as it is kept, and never in the first one's place", func(t *testing.T, l *ledgerTest) {
		l.findsApart(l.first.Now)
		second := apart(l.later("second", time.Minute))
		l.wins(second)
		l.findsNothing(l.first.Now)
		l.wins(l.first)
		third := apart(l.later("third", time.Second))
		third.Identity = "a third event"
		l.wins(third)
		l.finds(l.entry(l.first, ingest.Claimed), l.first.Now)
		l.findsApart(l.first.Now, l.entry(third, ingest.Claimed), l.entry(second, ingest.Claimed))
		l.findsApart(third.Expires, l.entry(second, ingest.Claimed))
		wantSuccess(t, "release", l.releases(second))
		l.findsApart(l.first.Now, l.entry(third, ingest.Claimed))
	}},
	{"of more claims apart than the limit the first are found", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		var want []ingest.Entry
		for number := range ingest.ApartLimit + 3 {
			claim := apart(l.later("another", time.Duration(number)*time.Second))
			claim.Identity = revento.Identity(fmt.Sprintf("event %d", number))
			l.wins(claim)
			want = append(want, l.entry(claim, ingest.Claimed))
		}
		l.findsApart(l.first.Now, want[:ingest.ApartLimit]...)
	}},
	{"a claim is found with its story", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.finds(l.entry(l.first, ingest.Claimed), l.first.Now)
	}},
	{"a delivery without a story is found without one", func(_ *testing.T, l *ledgerTest) {
		l.first.Story = ingest.Story{}
		l.wins(l.first)
		l.finds(l.entry(l.first, ingest.Claimed), l.first.Now)
	}},
	{"a delivery handed off is found with the moment of that", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		l.finds(l.entry(l.first, ingest.HandedOff), l.first.Now)
	}},
	{"of a delivery claimed anew nothing older is left", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		second := ofOtherEvent(l.later("second", window))
		second.Story = ingest.Story{Type: "another.type", Secret: 1}
		l.wins(second)
		l.finds(l.entry(second, ingest.Claimed), second.Now)
	}},
	{"an ignored delivery is found", func(_ *testing.T, l *ledgerTest) {
		l.finds(l.notes(l.first), l.first.Now)
	}},
	{"a delivery that is not there is not found", func(_ *testing.T, l *ledgerTest) {
		l.findsNothing(l.first.Now)
	}},
	{"a released delivery is not found", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "release", l.releases(l.first))
		l.findsNothing(l.first.Now)
	}},
	{"a delivery is found until it expires", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		wantSuccess(t, "mark", l.marks(l.first))
		l.finds(l.entry(l.first, ingest.HandedOff), l.first.Expires.Add(-time.Second))
		l.findsNothing(l.first.Expires)
	}},
	{"an ignored delivery is found until it expires", func(_ *testing.T, l *ledgerTest) {
		l.finds(l.notes(l.first), l.first.Expires.Add(-time.Second))
		l.findsNothing(l.first.Expires)
	}},
	{"a deed is written on the story, behind those before it", func(t *testing.T, l *ledgerTest) {
		l.wins(l.first)
		want := l.entry(l.first, ingest.Claimed)
		for _, what := range []string{"redriven", "dropped"} {
			deed := ingest.Deed{At: l.first.Now, What: what, AlertKey: want.Story.Destinations[0].AlertKey, Reason: "is_archived"}
			want.Story.Deeds = append(want.Story.Deeds, deed)
			wantSuccess(t, "note", ingest.Note(t.Context(), l.ledger, l.first.DeliveryID, deed, l.first.Now))
		}
		l.finds(want, l.first.Now)
		wantSuccess(t, "mark", l.marks(l.first))
	}},
	{"a story that is another by now is not replaced", func(t *testing.T, l *ledgerTest) {
		changes := func(was, is ingest.Story) bool {
			changed, err := l.ledger.Rewrite(t.Context(), l.first.Key(), was, is)
			wantSuccess(t, "rewrite", err)
			return changed
		}
		if changes(l.first.Story, ingest.Story{Type: "other"}) {
			t.Error("a delivery that is not there has a story")
		}
		l.wins(l.first)
		if changes(ingest.Story{Type: "other"}, ingest.Story{Type: "new"}) {
			t.Error("it was replaced")
		}
		l.finds(l.entry(l.first, ingest.Claimed), l.first.Now)
	}},
	{"of many claims at once one wins, and the others see it", func(_ *testing.T, l *ledgerTest) {
		l.oneWins(0)
	}},
	{"of many that take over at once one wins, and the others see it", func(_ *testing.T, l *ledgerTest) {
		l.wins(l.first)
		l.oneWins(life)
	}},
	{"a context that is over is an error, and nothing is stored", func(t *testing.T, l *ledgerTest) {
		_, err := l.ledger.Claim(ended(t), l.first)
		wantError(t, "claim", err, context.Canceled)
		_, err = l.ledger.Find(ended(t), l.first.DeliveryID, l.first.Now)
		wantError(t, "find", err, context.Canceled)
		_, err = l.ledger.FindApart(ended(t), l.first.DeliveryID, l.first.Now)
		wantError(t, "find apart", err, context.Canceled)
		wantError(t, "note", l.ledger.NoteIgnored(ended(t), l.first.Entry(), l.first.Now), context.Canceled)
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
