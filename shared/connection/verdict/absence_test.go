package verdict_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/testkit/mishap"
)

func TestWhoIsGoneIsToldOnceAfterTwoPasses(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.wants()
	b.passes(people(2, 6))
	if got := b.presence("ptp_1"); got != mirror.MissingOnce || !b.confirms {
		t.Errorf("after the first pass that missed it: %s, to be confirmed soon: %t", got, b.confirms)
	}
	b.wants()
	b.passes(people(2, 6))
	if got := b.presence("ptp_1"); got != mirror.Cancelled || b.confirms {
		t.Errorf("after the second: %s, to be confirmed soon: %t", got, b.confirms)
	}
	b.wants(cancelled + "ptp_1")
	b.passes(people(2, 6))
	b.wants()
}

func TestWhoIsSeenAgainIsThereAndCanGoAgain(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.passes(people(2, 6))
	b.passes(people(1, 6)) // it had moved between two pages
	if got := b.presence("ptp_1"); got != mirror.Present {
		t.Errorf("seen again: %s", got)
	}
	for range 2 {
		b.passes(people(2, 6))
		b.passes(people(2, 6))
		b.wants(cancelled + "ptp_1")
		b.passes(people(1, 6)) // who was told gone is back
		if got := b.presence("ptp_1"); got != mirror.Present {
			t.Errorf("back: %s", got)
		}
	}
}

func TestAWebhookThatIsNewerThanThePassSaysThatItsParticipantIsThere(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.lists(people(2, 6))
	b.hears("participant.profile_updated", 0, `{"id":"ptp_1"}`)
	b.judges()
	if got := b.presence("ptp_1"); got != mirror.Present {
		t.Errorf("heard of while the pass read: %s", got)
	}
	b.passes(people(2, 6))
	b.hears("participant.profile_updated", 30*time.Second, `{"id":"ptp_1"}`)
	b.passes(people(2, 6))
	if got := b.presence("ptp_1"); got != mirror.MissingOnce {
		t.Errorf("heard of between the passes, and missed by the second alone: %s", got)
	}
	b.passes(people(2, 6))
	b.wants(cancelled + "ptp_1")
}

func TestWhoIsKnownByAWebhookAloneIsMissedToo(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.hears("participant.registered", 0, `{"id":"ptp_7","status":"registered"}`)
	b.passes(people(1, 6))
	b.passes(people(1, 6))
	b.wants(cancelled + "ptp_7")
}

func TestTheFirstPassTellsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.hears("participant.profile_updated", 30*time.Minute, `{"id":"ptp_9"}`) // heard of before, and not in the list
	b.passes(append(people(1, 3), "ptp_4 application_status=pending", "ptp_5 status=registered",
		"ptp_6 last_review_action=revision_requested last_reviewed_at=2026-11-25T11:30:00Z"))
	b.wants()
	b.passes(append(people(1, 3), "ptp_4 application_status=pending", "ptp_5 status=registered", // and it stays untold
		"ptp_6 last_review_action=revision_requested last_reviewed_at=2026-11-25T11:30:00Z"))
	b.wants()
}

func TestOfWhomAParkedMessageTellsNothingIsJudged(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.blocked = blocked(t, "ptp_1")
	gone := append(people(3, 6), "ptp_7 application_status=pending")
	b.passes(gone)
	b.passes(gone)
	if got := b.presence("ptp_1"); got != mirror.Present {
		t.Errorf("%s", got)
	}
	b.wants("application.submitted ptp_7", cancelled+"ptp_2")
	b.blocked = blocked(t)
	b.passes(gone)
	b.passes(gone)
	b.wants(cancelled + "ptp_1")
}

// What is no person goes silently, and only where its list was read.
func TestOtherRowsGoSilently(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 3), "act_1", "act_2")
	b.passes(people(1, 3), "act_2")
	b.lists(people(1, 3))
	delete(b.standing.Seen, mirror.Activity)
	b.judges()
	for range 2 {
		for _, id := range []string{"act_1", "act_2"} {
			row, err := b.mirror.Row(t.Context(), summit, mirror.Activity, id)
			if want := map[string]mirror.Presence{"act_1": mirror.MissingOnce, "act_2": mirror.Present}[id]; err != nil || row.Presence != want {
				t.Errorf("%s is %q: %v", id, row.Presence, err)
			}
		}
	}
	b.passes(people(1, 3), "act_2")
	if row, err := b.mirror.Row(t.Context(), summit, mirror.Activity, "act_1"); err != nil || row.Presence != "" {
		t.Errorf("it is %q: %v", row.Presence, err)
	}
	b.wants()
}

func TestWhatIsHeldForAPerson(t *testing.T) {
	for name, test := range map[string]struct {
		known, seen int
		change      func(b *bench)
		reason      string
	}{
		"an empty list":                   {known: 3, reason: "empty_list"},
		"a list that was always empty":    {},
		"five of six":                     {known: 6, seen: 1},
		"six of thirty":                   {known: 30, seen: 24},
		"seven of thirty":                 {known: 30, seen: 23, reason: "many_missing"},
		"six of seven":                    {known: 7, seen: 1, reason: "many_missing"},
		"another scope":                   {known: 6, seen: 5, change: func(b *bench) { b.standing.Narrowed = true }, reason: "scope_changed"},
		"another scope, and all are seen": {known: 6, seen: 6, change: func(b *bench) { b.standing.Narrowed = true }},
		"unpublished meanwhile": {known: 6, seen: 5, change: func(b *bench) {
			b.hears("event.unpublished", 0, `{"id":"evt_1","publish_status":"unpublished"}`)
		}, reason: "event_unpublished"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.passes(people(1, test.known))
			b.lists(people(1, test.seen))
			if test.change != nil {
				test.change(b)
			}
			b.judges()
			got := b.standing.Held
			if test.reason == "" {
				if got != nil {
					t.Errorf("held: %+v", got)
				}
				b.wants()
				return
			}
			if got == nil || got.Reason != test.reason || got.Pass != 2 || got.Missing != test.known-test.seen || got.Known != test.known {
				t.Errorf("held: %+v", got)
			}
			if own := b.told[0]; own.Fields["reason"] != test.reason || own.Fields["pass"] != "evt_1:2" || own.Number != 2 {
				t.Errorf("told: %+v", own)
			}
			b.wants(held)
			if gone := b.summary(); gone.Present != test.known || b.confirms {
				t.Errorf("of %d there are %d, to be confirmed soon: %t", test.known, gone.Present, b.confirms)
			}
		})
	}
}

// However long a list stays short, nobody is declared gone; each pass says so once.
func TestWhatIsHeldStaysHeldUntilAPersonActs(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 10))
	for range 3 {
		b.passes(people(9, 10))
		b.wants(held)
	}
	b.passes(people(1, 10)) // the list was broken, and is whole again
	b.wants()
	if b.standing.Held != nil {
		t.Errorf("held: %+v", b.standing.Held)
	}
}

func (b *bench) accepts(until time.Duration) {
	accepted := *b.standing.Held
	accepted.AcceptedUntil = b.clock.Add(until)
	b.standing.Held = &accepted
}

func TestWhoAPersonLetsGoIsGoneAtTheNextPassThatMissesThem(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 10))
	b.passes(people(8, 10))
	b.wants(held)
	b.accepts(pass.AcceptTime)
	b.passes(append(people(9, 10), "ptp_7")) // who is back is there, and who went meanwhile is missing once
	var gone []string
	for i := 1; i <= 6; i++ {
		gone = append(gone, cancelled+fmt.Sprintf("ptp_%d", i))
	}
	b.wants(gone...)
	if b.presence("ptp_7") != mirror.Present || b.presence("ptp_8") != mirror.MissingOnce {
		t.Errorf("ptp_7 is %s, ptp_8 is %s", b.presence("ptp_7"), b.presence("ptp_8"))
	}
}

func TestWhatWasAcceptedEndsAndLetsNobodyElseGo(t *testing.T) {
	t.Run("after two days", func(t *testing.T) {
		b := newBench(t, nil)
		b.passes(people(1, 10))
		b.passes(people(8, 10))
		b.accepts(pass.AcceptTime)
		b.clock = b.clock.Add(pass.AcceptTime)
		b.passes(people(8, 10))
		b.wants(held, held)
	})
	t.Run("others", func(t *testing.T) {
		b := newBench(t, nil)
		b.passes(people(1, 20))
		b.passes(people(11, 20))
		b.accepts(pass.AcceptTime)
		b.passes(people(17, 20)) // six more
		if got := b.tells(); len(got) != 12 || got[10] != held || b.presence("ptp_11") != mirror.Present {
			t.Errorf("told %q", got)
		}
	})
	t.Run("who was heard of since", func(t *testing.T) {
		b := newBench(t, nil)
		b.passes(people(1, 10))
		b.passes(people(8, 10))
		b.wants(held)
		b.accepts(pass.AcceptTime)
		b.hears("participant.profile_updated", 0, `{"id":"ptp_1"}`)
		b.passes(people(8, 10))
		if got := b.presence("ptp_1"); got != mirror.MissingOnce || slices.Contains(b.tells(), cancelled+"ptp_1") {
			t.Errorf("ptp_1 is %s", got)
		}
	})
}

func TestAPassCountsAnew(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	if err := b.mirror.Amend(t.Context(), summit, func(s *mirror.Summary) { s.Present, s.ByStatus = 99, nil }); err != nil {
		t.Fatal(err)
	}
	b.passes(people(2, 6))
	if got := b.summary(); got.Present != 5 || got.MissingOnce != 1 || got.ByStatus["approved"] != 6 {
		t.Errorf("counted: %+v", got.Counts)
	}
}

func TestTheSummarySaysWhichPassReadAll(t *testing.T) {
	b := newBench(t, nil)
	b.lists(people(1, 6))
	b.standing.EndedAt = b.clock.Add(time.Second)
	b.judges()
	if got := b.summary(); got.Completed.Number != 1 || !got.CompletedAt.Equal(b.standing.EndedAt) {
		t.Errorf("%+v", got)
	}
}

// Where somebody is forgotten while rows are counted, they are counted again.
func TestWhatChangesWhileRowsAreCountedIsCountedAgain(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.lists(people(1, 6))
	forgets := &forgetful{planned: planned{b.mirror, b}}
	b.Mirror = forgets
	b.judges()
	if got := b.summary(); got.Present != 5 || got.ByStatus["approved"] != 5 || forgets.counts != 2 {
		t.Errorf("counted %d times: %+v", forgets.counts, got.Counts)
	}
}

// A marker of a pass that was judged, or is not the last, tells nothing.
func TestAMarkerThatComesAgainTellsNothing(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 6))
	b.passes(people(2, 6))
	b.passes(people(2, 6))
	b.wants(cancelled + "ptp_1")
	b.judges()
	b.standing.Number, b.standing.State = 4, pass.Reading
	b.judges()
	b.wants()
}

// scenario is all that verdicts tell: two that went, one of them held back first, a review, a registration and an application.
func (b *bench) scenario() {
	b.passes(people(1, 4), "act_1", "act_2")
	after := append(people(3, 4), "ptp_13 application_status=pending", "ptp_14 status=registered",
		"ptp_15 application_status=revision_requested last_review_action=revision_requested last_reviewed_at=2026-11-25T13:01:00Z")
	b.passes(after, "act_2")
	b.passes(after, "act_2")
	b.passes(nil, "act_2")
}

var scenarioTold = []string{
	"application.revision_requested ptp_15", "application.submitted ptp_13", "participant.cancelled ptp_1", "participant.cancelled ptp_2",
	"participant.registered ptp_14", held,
}

func TestJudgingGoesOnWhereItsTimeEnded(t *testing.T) {
	b := newBench(t, nil)
	b.perRow = 40 * time.Second // two rows are settled in a turn
	b.passes(people(1, 12))
	b.passes(people(6, 12))
	b.lists(people(6, 12))
	if turns := b.judges(); turns < 3 {
		t.Errorf("judging took %d turns", turns)
	}
	b.wants(cancelled+"ptp_1", cancelled+"ptp_2", cancelled+"ptp_3", cancelled+"ptp_4", cancelled+"ptp_5")
}

func TestAMishapAtEveryCallTellsTheSame(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, plan)
		b.scenario()
		b.wants(scenarioTold...)
		for _, id := range []string{"ptp_1", "ptp_2"} {
			if got := b.presence(id); got != mirror.Cancelled {
				t.Errorf("%s is %s", id, got)
			}
		}
		if got := b.summary(); got.Present != 5 || got.Cancelled != 2 {
			t.Errorf("counted: %+v", got.Counts)
		}
	})
}
