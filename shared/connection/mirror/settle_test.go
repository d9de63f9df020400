package mirror_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/mirror"
)

func (b *bench) settle(row mirror.Row, change mirror.Change, want bool) {
	b.Helper()
	if ok, err := b.mirror.Settle(b.Context(), row, change); err != nil || ok != want {
		b.Errorf("settled %t, %v; want %t", ok, err, want)
	}
}

// wantCounts expects what the summary counts by presence.
func (b *bench) wantCounts(present, missing, cancelled int) {
	b.Helper()
	if s := b.summary(); s.Present != present || s.MissingOnce != missing || s.Cancelled != cancelled {
		b.Errorf("%d present, %d missing once, %d cancelled; want %d, %d, %d", s.Present, s.MissingOnce, s.Cancelled, present, missing, cancelled)
	}
}

func TestARowThatIsMissedIsCountedAsThatUntilItIsSeenAgain(t *testing.T) {
	onEngines(t, func(b *bench) {
		missed := mirror.Seen{Pass: 2, At: start.Add(time.Hour)}
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"approved"}`, `{"id":"ptp_2","application_status":"approved"}`))
		b.settle(b.row(mirror.Participant, "ptp_1"), mirror.Change{Presence: mirror.MissingOnce, MissingSince: missed}, true)
		b.wantCounts(1, 1, 0)
		told := map[string]time.Time{"cancelled": start.Add(2 * time.Hour)}
		b.settle(b.row(mirror.Participant, "ptp_1"), mirror.Change{Presence: mirror.Cancelled, MissingSince: missed, Told: told}, true)
		b.wantCounts(1, 0, 1)
		if got := b.summary().ByStatus; got["approved"] != 1 {
			b.Errorf("by status: %v", got)
		}
		row := b.row(mirror.Participant, "ptp_1")
		if diff := cmp.Diff(told, row.Told); diff != "" || row.MissingSince != missed {
			b.Errorf("%+v: %s", row.MissingSince, diff)
		}
		counts := b.read(page(4, mirror.Participant, start.Add(5*time.Hour), `{"id":"ptp_1","application_status":"approved"}`))
		row = b.row(mirror.Participant, "ptp_1")
		if counts.Revived != 1 || row.Presence != mirror.Present || row.MissingSince != (mirror.Seen{}) || len(row.Told) != 1 {
			b.Errorf("%+v: %+v", counts, row)
		}
		b.wantCounts(2, 0, 0)
	})
}

func TestAWebhookThatIsNewerThanTheFirstPassThatMissedARowBringsItBack(t *testing.T) {
	for _, presence := range []mirror.Presence{mirror.MissingOnce, mirror.Cancelled} {
		b := newBench(t)
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`))
		began := start.Add(time.Hour)
		b.settle(b.row(mirror.Participant, "ptp_1"), mirror.Change{Presence: presence, MissingSince: mirror.Seen{Pass: 2, At: began}}, true)
		b.hear("participant.profile_updated", began, `{"id":"ptp_1","display_name":"Ada"}`)
		if row := b.row(mirror.Participant, "ptp_1"); row.Presence != presence || row.Name != "Ada" {
			t.Errorf("a webhook of before it: %+v", row)
		}
		b.hear("application.approved", began.Add(time.Second), `{"participant_id":"ptp_1","status":"approved"}`)
		if row := b.row(mirror.Participant, "ptp_1"); row.Presence != mirror.Present || row.MissingSince.Pass != 0 {
			t.Errorf("a webhook of after it: %+v", row)
		}
		b.wantCounts(1, 0, 0)
	}
}

// A page of before the pass that missed the row says nothing, however late it is applied.
func TestAPageOfAnEarlierPassBringsNoRowBack(t *testing.T) {
	b := newBench(t)
	first := page(1, mirror.Participant, start, `{"id":"ptp_1"}`)
	b.read(first)
	b.settle(b.row(mirror.Participant, "ptp_1"), mirror.Change{Presence: mirror.MissingOnce, MissingSince: mirror.Seen{Pass: 2, At: start.Add(time.Hour)}}, true)
	if counts := b.read(first); counts.Revived != 0 || b.row(mirror.Participant, "ptp_1").Presence != mirror.MissingOnce {
		t.Errorf("%+v", counts)
	}
}

func TestARowIsSettledOnlyAsItWasRead(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`))
		row := b.row(mirror.Participant, "ptp_1")
		b.records.before = func() { b.hear("participant.registered", start.Add(time.Hour), `{"id":"ptp_1"}`) }
		b.settle(row, mirror.Change{Presence: mirror.MissingOnce}, false)
		b.settle(row, mirror.Change{Remove: true}, false)
		b.wantCounts(1, 0, 0)
		b.settle(b.row(mirror.Participant, "ptp_1"), mirror.Change{Remove: true}, true)
		b.wantCounts(0, 0, 0)
		if rows := b.rows(mirror.Participant); len(rows) != 0 {
			b.Errorf("%+v", rows)
		}
	})
}

// Whoever else writes on the rows or the summary meanwhile, nothing is lost or counted twice.
func TestWhatAnotherWritesMeanwhileIsCountedOnce(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.records.before = func() {
			b.hear("application.submitted", start.Add(time.Hour), `{"id":"app_2","participant_id":"ptp_2","status":"pending"}`)
			b.records.before = func() {
				b.hear("application.approved", start.Add(2*time.Hour), `{"id":"app_1","participant_id":"ptp_1","status":"approved"}`)
			}
		}
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"pending"}`, `{"id":"ptp_2","application_status":"pending"}`))
		b.wantCounts(2, 0, 0)
		if got := b.summary().ByStatus; got["pending"] != 1 || got["approved"] != 1 {
			b.Errorf("by status: %v", got)
		}
		if row := b.row(mirror.Participant, "ptp_1"); len(row.Parts) != 2 || row.LastSeen.Pass != 1 {
			b.Errorf("%+v", row)
		}
	})
}

func TestACountIsPutOnlyWhereNothingThatIsCountedChanged(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","application_status":"pending"}`, `{"id":"ptp_2"}`))
	changes := b.summary().Changes
	var counted mirror.Counts
	for _, row := range b.rows(mirror.Participant) {
		counted.Add(row)
	}
	counted.Present = 40
	b.hear("participant.profile_updated", start.Add(time.Hour), `{"id":"ptp_1"}`) // changes nothing that is counted
	if ok, err := b.mirror.Count(t.Context(), summit, changes, counted); !ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	b.wantCounts(40, 0, 0)
	b.hear("application.approved", start.Add(time.Hour), `{"participant_id":"ptp_1","status":"approved"}`)
	if ok, err := b.mirror.Count(t.Context(), summit, changes, mirror.Counts{}); ok || err != nil {
		t.Errorf("%t, %v", ok, err)
	}
	b.wantCounts(40, 0, 0)
}

func TestOthersWriteTheirFieldsOfTheSummary(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.records.before = func() { b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`)) }
		if err := b.mirror.Amend(b.Context(), summit, func(s *mirror.Summary) { s.OpenIncidents = 3 }); err != nil {
			b.Fatal(err)
		}
		if s := b.summary(); s.OpenIncidents != 3 || s.Present != 1 || s.LastPass.Number != 1 {
			b.Errorf("%+v", s)
		}
	})
}

// A page is 50 rows at the most, and so three writes at the most: one of 48 rows, one of two, each with the summary.
func TestAPageIsFewWrites(t *testing.T) {
	onEngines(t, func(b *bench) {
		var documents []string
		for i := range 50 {
			documents = append(documents, fmt.Sprintf(`{"id":"ptp_%d","application_status":"approved"}`, i))
		}
		b.records.writes = 0
		if counts := b.read(page(1, mirror.Participant, start, documents...)); counts.New != 50 {
			b.Errorf("%+v", counts)
		}
		b.read(page(2, mirror.Participant, start.Add(time.Hour), documents...))
		if b.records.writes != 4 {
			b.Errorf("two pages are %d writes", b.records.writes)
		}
		b.wantCounts(50, 0, 0)
	})
}

func TestRowsComeInPagesAndGoOnAfterACursor(t *testing.T) {
	onEngines(t, func(b *bench) {
		const many = 130
		for from := 0; from < many; from += 50 {
			var documents []string
			for i := from; i < min(from+50, many); i++ {
				documents = append(documents, fmt.Sprintf(`{"id":"x_%d"}`, i))
			}
			for _, thing := range []mirror.Thing{mirror.Activity, mirror.Participant, mirror.Program, mirror.Wave} {
				b.read(page(1, thing, start, documents...))
			}
		}
		for _, thing := range []mirror.Thing{mirror.Activity, mirror.Participant, mirror.Program, mirror.Wave, mirror.Thread} {
			seen := map[string]bool{}
			for _, row := range b.rows(thing) {
				seen[row.ID] = true
				if row.Thing != thing {
					b.Errorf("%+v", row)
				}
			}
			if want := many; thing != mirror.Thread && len(seen) != want {
				b.Errorf("%d rows of %s", len(seen), thing)
			}
		}
		var gone []string
		for cursor := ""; len(gone) < many; {
			for row, err := range b.mirror.RowsAfter(b.Context(), summit, mirror.Participant, cursor) {
				if err != nil {
					b.Fatal(err)
				}
				gone, cursor = append(gone, row.ID), row.Cursor()
				b.settle(row, mirror.Change{Remove: true}, true)
				if len(gone)%40 == 0 {
					break
				}
			}
		}
		b.wantCounts(0, 0, 0)
	})
}
