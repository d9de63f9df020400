package mirror_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

const canary = "CANARY"

// someone is a participant whose document shows a canary in each field.
const someone = `{"id":"ptp_CANARY","user_id":"usr_CANARY","display_name":"CANARY","application_status":"approved","custom_form_fields":{"CANARY":"CANARY"}}`

func TestWhatIsStoredShowsNothingOfADocument(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.read(page(1, mirror.Participant, start, someone))
		b.read(page(1, mirror.Activity, start, `{"id":"act_CANARY","name":"CANARY"}`))
		b.hear("application.approved", start, `{"id":"app_CANARY","participant_id":"ptp_CANARY","status":"approved","CANARY":1}`)
		if _, err := b.mirror.Forget(b.Context(), summit, "usr_CANARY"); err != nil {
			b.Fatal(err)
		}
		for sort, rec := range b.kept() {
			if strings.Contains(sort, canary) || strings.Contains(string(rec.Data), canary) {
				b.Errorf("%s: %s", sort, rec.Data)
			}
		}
	})
}

// A value that was put in another row's place, or back over a newer one, is none.
func TestARowOpensInItsPlaceAndVersionOnly(t *testing.T) {
	move := func(b *bench, from, to record.Record) {
		to.Data = from.Data
		if err := b.records.Put(b.Context(), to); err != nil {
			b.Fatal(err)
		}
	}
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`))
	first := rowsOf(b)[0]
	move(b, first, first)
	if row := b.row(mirror.Participant, "ptp_1"); len(row.Parts) != 0 {
		t.Errorf("an older version opens: %+v", row)
	}
	b = newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1"}`, `{"id":"ptp_2"}`))
	rows := rowsOf(b)
	rows[0].Version-- // so that it is the version that opens
	swapped := record.Record{Key: rows[1].Key, Version: rows[1].Version, OccurredAt: rows[1].OccurredAt}
	move(b, rows[0], swapped)
	if found := b.rows(mirror.Participant); len(found) != 1 {
		t.Errorf("%d rows open", len(found))
	}
}

func rowsOf(b *bench) (rows []record.Record) {
	for _, rec := range b.kept() {
		if rec.Key.Kind == record.Row {
			rows = append(rows, rec)
		}
	}
	return rows
}

func TestWithoutItsSeedARowIsDroppedCountedAndMadeAnew(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, someone, `{"id":"ptp_2","application_status":"pending"}`))
	if _, err := b.seeds.Delete(t.Context(), summit, start); err != nil {
		t.Fatal(err)
	}
	if rows := b.rows(mirror.Participant); len(rows) != 0 {
		t.Errorf("%+v", rows)
	}
	counts := b.read(page(2, mirror.Participant, start.Add(time.Hour), someone))
	if counts.New != 0 || counts.Changed != 1 || b.summary().Unreadable != 1 {
		t.Errorf("%+v, %+v", counts, b.summary())
	}
	// That a pass had seen it before stays known: it is none that came between two passes.
	if row := b.row(mirror.Participant, "ptp_CANARY"); row.Name != canary || row.FirstSeen.Pass != 1 || row.LastSeen.Pass != 2 {
		t.Errorf("%+v", row)
	}
}

// A ring without the key is no reason to drop anything: it is another's, or was read too early.
func TestARingWithoutTheKeyIsAPassingFault(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, someone))
	good := b.rings.ring
	b.rings.ring = seal.Ring{}.Add()
	before := b.kept()
	if _, err := b.mirror.Row(t.Context(), summit, mirror.Participant, "ptp_CANARY"); !fault.Has(err, fault.Transient) {
		t.Errorf("the row: %v", err)
	}
	if _, err := b.mirror.Read(t.Context(), page(2, mirror.Participant, start.Add(time.Hour), someone)); !fault.Has(err, fault.Transient) {
		t.Errorf("a page: %v", err)
	}
	b.wantSame(before)
	b.rings.fresh = good.Add()
	b.read(page(2, mirror.Participant, start.Add(time.Hour), someone))
	b.rings.ring = good
	if _, err := b.mirror.Row(t.Context(), summit, mirror.Participant, "ptp_CANARY"); !fault.Has(err, fault.Transient) {
		t.Errorf("what the newest key sealed opens with the older ones: %v", err)
	}
}

func TestWhatIsOfAnotherLifeCountsAsAbsent(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.read(page(7, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1","display_name":"Ada","application_status":"approved"}`, `{"id":"ptp_2"}`))
		if _, err := b.mirror.Forget(b.Context(), summit, "ptp_2"); err != nil {
			b.Fatal(err)
		}
		b.stops(start.Add(time.Hour))
		b.consent(start.Add(2 * time.Hour))
		if rows, summary := b.rows(mirror.Participant), b.summary(); len(rows) != 0 || summary.Total() != 0 || summary.LastPass.Number != 0 {
			b.Errorf("%+v, %+v", rows, summary)
		}
		counts := b.read(page(1, mirror.Participant, start.Add(3*time.Hour), `{"id":"ptp_1","application_status":"pending"}`, `{"id":"ptp_2"}`))
		if counts.New != 2 || counts.Forgotten != 0 {
			b.Errorf("%+v", counts)
		}
		row := b.row(mirror.Participant, "ptp_1")
		if row.Name != "" || row.UserID != "" || row.FirstSeen.Pass != 1 || row.Status() != "pending" || b.summary().Total() != 2 {
			b.Errorf("%+v, %+v", row, b.summary())
		}
		began := start.Add(2 * time.Hour)
		for _, rec := range rowsOf(b) { // what a purge of the former life must not take
			if !rec.OccurredAt.Equal(began) {
				b.Errorf("a row is of %s", rec.OccurredAt)
			}
		}
	})
}

// Consent again without a deletion between is the same life.
func TestAConsentGivenAgainKeepsTheRows(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, someone))
	b.consent(start.Add(time.Hour))
	if rows := b.rows(mirror.Participant); len(rows) != 1 || b.summary().Total() != 1 {
		t.Errorf("%+v", rows)
	}
}

func TestWhatHappenedUpToTheCutoffIsNeverStored(t *testing.T) {
	b := newBench(t)
	b.stops(start)
	b.consent(start.Add(time.Hour))
	before := b.kept()
	if got := b.hear("participant.registered", start, `{"id":"ptp_1"}`); got != mirror.Nothing {
		t.Errorf("a webhook of the cutoff is %s", got)
	}
	b.wantSame(before)
	if got := b.hear("participant.registered", start.Add(1), `{"id":"ptp_1"}`); got != mirror.Applied {
		t.Errorf("a webhook of after the cutoff is %s", got)
	}
}

func TestNothingIsMirroredOfAConnectionThatIsNoneOrHasEnded(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"stopped for good": func(b *bench) { b.stops(start.Add(time.Minute)) },
		"held": func(b *bench) {
			if err := connection.Hold(b.Context(), b.deletions, summit, connection.Stop{Case: "1", Cutoff: start.Add(time.Minute)}); err != nil {
				b.Fatal(err)
			}
		},
		"disconnected": func(b *bench) {
			_, err := b.mirror.Registry.Change(b.Context(), summit, func(s connection.Standing) (connection.Info, []record.Record, error) {
				next, _ := s.Moved(connection.Ended, connection.Disconnected, start)
				return next, nil, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.read(page(1, mirror.Participant, start, someone))
			row := b.row(mirror.Participant, "ptp_CANARY")
			end(b)
			before := b.kept()
			if got := b.hear("participant.registered", start.Add(time.Hour), someone); got != mirror.Nothing {
				t.Errorf("a webhook is %s", got)
			}
			if _, err := b.mirror.Read(t.Context(), page(2, mirror.Participant, start.Add(time.Hour), someone)); !errors.Is(err, mirror.ErrNotMirrored) {
				t.Errorf("a page: %v", err)
			}
			if ok, err := b.mirror.Settle(t.Context(), row, mirror.Change{Presence: mirror.MissingOnce}); ok || err != nil {
				t.Errorf("a row was settled: %v", err)
			}
			for row, err := range b.mirror.Rows(t.Context(), summit, mirror.Participant) {
				if !errors.Is(err, mirror.ErrNotMirrored) {
					t.Errorf("%+v, %v", row, err)
				}
			}
			b.wantSame(before)
		})
	}
	b := newBench(t)
	another := mirror.Webhook{Connection: record.Connection{EventID: "evt_2"}, Type: "participant.registered", OccurredAt: start, Data: mirror.Fields{"id": json.RawMessage(`"ptp_1"`)}}
	if got, err := b.mirror.Hear(t.Context(), another); got != mirror.Nothing || err != nil {
		t.Errorf("a webhook of no connection: %s, %v", got, err)
	}
}

// The stop comes between what a page was decided on and its write: a row that is new is refused, one that is there is of its life still.
func TestAPageThatAStopOvertakesMakesNoRow(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.records.before = func() { b.stops(start.Add(time.Minute)) }
		if _, err := b.mirror.Read(b.Context(), page(1, mirror.Participant, start.Add(time.Hour), someone)); !errors.Is(err, mirror.ErrNotMirrored) {
			b.Errorf("a page: %v", err)
		}
		if rows := rowsOf(b); len(rows) != 0 {
			b.Errorf("%d rows", len(rows))
		}
	})
	onEngines(t, func(b *bench) {
		b.read(page(1, mirror.Participant, start, someone))
		b.records.before = func() { b.stops(start.Add(time.Minute)) }
		b.read(page(2, mirror.Participant, start.Add(time.Hour), someone))
		for _, rec := range rowsOf(b) {
			if rec.OccurredAt.After(start.Add(time.Minute)) {
				b.Errorf("the row outlives the purge: it is of %s", rec.OccurredAt)
			}
		}
	})
}

// A row's place is a hash of the connection too, so that those of two connections have nothing in common.
func TestTheSamePersonOfTwoEventsHasTwoPlaces(t *testing.T) {
	if a, b := (mirror.Row{Connection: summit, Thing: mirror.Participant, ID: "ptp_1"}).Cursor(), (mirror.Row{
		Connection: record.Connection{EventID: "evt_2", OrganizationID: "org_1"}, Thing: mirror.Participant, ID: "ptp_1",
	}).Cursor(); a == b || strings.Contains(a+b, "ptp_1") || strings.Contains(a, revento.Hash("ptp_1")) {
		t.Errorf("%s and %s", a, b)
	}
}
