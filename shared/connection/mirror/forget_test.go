package mirror_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/testkit/memory"
)

func (b *bench) forget(id string, want int) {
	b.Helper()
	if count, err := b.mirror.Forget(b.Context(), summit, id); err != nil || count != want {
		b.Errorf("%d rows were forgotten, %v; want %d", count, err, want)
	}
}

// comeBack is all that may bring a person's row back.
func comeBack(b *bench, at time.Time) map[string]bool {
	return map[string]bool{
		"a page":                            b.read(page(9, mirror.Participant, at, `{"id":"ptp_1","user_id":"usr_1"}`)).Forgotten == 1,
		"a page that names no user":         b.read(page(9, mirror.Participant, at, `{"id":"ptp_1"}`)).Forgotten == 1,
		"a page of another participant's":   b.read(page(9, mirror.Participant, at, `{"id":"ptp_9","user_id":"usr_1"}`)).Forgotten == 1,
		"an application's webhook":          b.hear("application.approved", at, `{"id":"app_1","participant_id":"ptp_1","user_id":"usr_1"}`) == mirror.IsForgotten,
		"one that names no user":            b.hear("application.approved", at, `{"id":"app_1","participant_id":"ptp_1"}`) == mirror.IsForgotten,
		"one of their application":          b.hear("application.approved", at, `{"id":"app_1","participant_id":"ptp_9"}`) == mirror.IsForgotten,
		"a page of their application":       b.read(page(9, mirror.Participant, at, `{"id":"ptp_9","application_id":"app_1"}`)).Forgotten == 1,
		"a participant's webhook":           b.hear("participant.registered", at, `{"id":"ptp_1"}`) == mirror.IsForgotten,
		"one of before they were forgotten": b.hear("participant.registered", start.Add(-time.Hour), `{"id":"ptp_1","user_id":"usr_1"}`) == mirror.IsForgotten,
	}
}

func TestAForgottenUsersRowsGoAndNothingBringsThemBack(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1","application_status":"approved"}`, `{"id":"ptp_2","user_id":"usr_2","application_status":"approved"}`))
		b.hear("application.approved", start, `{"id":"app_1","participant_id":"ptp_1","user_id":"usr_1","status":"approved"}`)
		b.forget("usr_1", 1)
		b.wantCounts(1, 0, 0)
		before := b.kept()
		for name, forgotten := range comeBack(b, start.Add(time.Hour)) {
			if !forgotten {
				b.Errorf("%s brings the row back", name)
			}
		}
		b.wantCounts(1, 0, 0)
		if rows := b.rows(mirror.Participant); len(rows) != 1 || rows[0].ID != "ptp_2" {
			b.Errorf("%+v", rows)
		}
		delete(before, "summary#") // which pass was the last, and as of when
		after := b.kept()
		delete(after, "summary#")
		if len(before) != len(after) {
			b.Errorf("%d records, want %d", len(after), len(before))
		}
		b.forget("usr_1", 0)
		b.forget("", 0)
		if got := b.hear("application.approved", start.Add(time.Hour), `{"participant_id":"ptp_2","status":"rejected"}`); got != mirror.Applied {
			b.Errorf("another's webhook is %s", got)
		}
	})
}

func TestAPersonIsForgottenByTheParticipantsIDToo(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1","application_id":"app_1"}`))
	b.forget("ptp_1", 1)
	for name, forgotten := range comeBack(b, start.Add(time.Hour)) {
		if !forgotten {
			t.Errorf("%s brings the row back", name)
		}
	}
}

// One who has no row yet is kept out all the same.
func TestAPersonIsForgottenBeforeAnythingIsKnown(t *testing.T) {
	b := newBench(t)
	b.forget("usr_1", 0)
	if counts := b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1"}`)); counts.Forgotten != 1 {
		t.Errorf("%+v", counts)
	}
}

// A page or a webhook that was decided before the person was forgotten makes no row after.
func TestWhatWasUnderWayWhenAPersonWasForgottenMakesNoRow(t *testing.T) {
	for name, do := range map[string]func(b *bench){
		"a page":    func(b *bench) { b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1"}`)) },
		"a webhook": func(b *bench) { b.hear("participant.registered", start, `{"id":"ptp_1","user_id":"usr_1"}`) },
		"a change": func(b *bench) {
			b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1"}`))
			b.records.before = func() { b.forget("usr_1", 1) }
			b.hear("participant.registered", start, `{"id":"ptp_1","user_id":"usr_1"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(b *bench) {
				if name != "a change" {
					b.records.before = func() { b.forget("usr_1", 0) }
				}
				do(b)
				if rows := b.rows(mirror.Participant); len(rows) != 0 {
					b.Errorf("%+v", rows)
				}
				b.wantCounts(0, 0, 0)
			})
		})
	}
}

// What a person's row was told by goes with it; what is held of a connection that has ended goes with that.
func TestNobodyIsForgottenOfAConnectionThatHasEnded(t *testing.T) {
	b := newBench(t)
	b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1"}`))
	b.stops(start.Add(time.Hour))
	before := b.kept()
	b.forget("usr_1", 0)
	b.wantSame(before)
}

// A held request that names a user is closed by deleting the user's rows; what comes later does not bring them back.
func TestAHeldRequestThatNamesAUserIsClosedByForgettingThem(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.read(page(1, mirror.Participant, start, `{"id":"ptp_1","user_id":"usr_1","application_id":"app_1"}`, `{"id":"ptp_2","user_id":"usr_2"}`))
		cases := b.deletions.(deletion.Store)
		held := deletion.Case{
			ID: "0123456789abcdef", EventID: summit.EventID, OrganizationID: summit.OrganizationID, Cutoff: start, State: deletion.Held,
			Held: deletion.NamesPerson, RequestedAt: start,
		}
		key := record.Key{Connection: summit, Kind: record.Deletion, ID: "1"}
		if _, err := record.Save(b.Context(), cases, deletion.Entry{Record: record.Record{Key: key, OccurredAt: start}, Value: held}); err != nil {
			b.Fatal(err)
		}
		now := func() time.Time { return start.Add(time.Hour) }
		queues := memory.NewQueues(now)
		operator := &deletion.Operator{
			Deletions: cases, Queues: queues, Now: now, RecordRetention: time.Hour, People: []deletion.People{b.mirror},
			Notifier: &deletion.Notifier{Stack: "prod", Routes: route.NewTable(nil, route.Channels{}), Queues: queues, Now: now},
		}
		closed, err := operator.CloseForgetting(b.Context(), held.ID, "ticket 4712", "usr_1")
		if err != nil || closed.Value.State != deletion.Closed || closed.Value.PersonRecords != 1 {
			b.Errorf("%+v, %v", closed.Value, err)
		}
		for name, forgotten := range comeBack(b, start.Add(2*time.Hour)) {
			if !forgotten {
				b.Errorf("%s brings the row back", name)
			}
		}
		b.wantCounts(1, 0, 0)
	})
}
