package verdict_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/testkit/memory"
)

// forgetful forgets a person while rows are counted for the first time.
type forgetful struct {
	planned
	counts int
}

func (f *forgetful) Count(ctx context.Context, of record.Connection, changes int64, counted mirror.Counts) (bool, error) {
	if f.counts++; f.counts == 1 {
		if _, err := f.Forget(ctx, of, "ptp_1"); err != nil {
			return false, err
		}
	}
	return f.planned.Count(ctx, of, changes, counted)
}

// blocked are the marks of parked messages about these participants.
func blocked(t *testing.T, ids ...string) echo.Blocked {
	t.Helper()
	b := newBench(t, nil)
	records := memory.NewRecords()
	marks := &echo.Marks{Registry: b.mirror.Registry, Records: records, Now: func() time.Time { return noon }}
	chore := &echo.Echo{Marks: marks}
	for _, id := range ids {
		body := []byte(`{"type":"participant.profile_updated","occurred_at":"2026-11-25T12:00:00Z","event_id":"evt_1","organization_id":"org_1","data":{"id":"` + id + `"}}`)
		message, err := handoff.Delivery{ID: "d-1", SignedAt: noon, ReceivedAt: noon, Body: body}.Mirror()
		if err != nil {
			t.Fatal(err)
		}
		if err := chore.Parking(t.Context(), queue.Message(message)); err != nil {
			t.Fatal(err)
		}
	}
	standing, err := b.mirror.Registry.Read(t.Context(), summit)
	if err != nil {
		t.Fatal(err)
	}
	found, err := marks.Blocked(t.Context(), summit, standing.Life)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

const (
	flag       = `{"id":"app_1","participant_id":"ptp_1","status":"revision_requested"}`
	registered = `{"id":"ptp_1","status":"registered"}`
)

// A review shows in the list at 15:00, after the first pass at 13:00 and the second at 14:00. The clock is at 15:00 when webhooks come.
func TestAReviewThatNoWebhookToldIsTold(t *testing.T) {
	review := func(action, at string) string {
		return "ptp_1 application_status=" + action + " last_review_action=" + action + " last_reviewed_at=2026-11-25T" + at + "Z"
	}
	const told = flagged + " ptp_1"
	for name, test := range map[string]struct {
		row   string
		hears func(b *bench)
		want  []string
	}{
		"of half an hour ago and more":              {row: review("revision_requested", "14:30:59"), want: []string{told}},
		"its webhook may still come":                {row: review("revision_requested", "14:31:01")},
		"of before the first pass":                  {row: review("revision_requested", "12:59:00")},
		"of between the first two passes":           {row: review("revision_requested", "13:10:00"), want: []string{told}},
		"an approval":                               {row: review("approved", "14:00:00"), want: []string{"application.approved ptp_1"}},
		"a rejection":                               {row: review("rejected", "14:00:00"), want: []string{"application.rejected ptp_1"}},
		"an action that nobody knows":               {row: review("escalated", "14:00:00")},
		"a moment that is none":                     {row: "ptp_1 last_review_action=approved last_reviewed_at=yesterday"},
		"its webhook came":                          {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears(flagged, time.Hour, flag) }},
		"its webhook names a moment before":         {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears(flagged, time.Hour+2*time.Minute, flag) }},
		"a later webhook of its type came":          {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears(flagged, time.Minute, flag) }},
		"an earlier webhook of its type came":       {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears(flagged, time.Hour+3*time.Minute, flag) }, want: []string{flagged + " app_1"}},
		"a webhook of another type came":            {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears("application.submitted", time.Hour, flag) }, want: []string{flagged + " app_1"}},
		"its webhook came, and names no one":        {row: review("revision_requested", "14:00:00"), hears: func(b *bench) { b.hears(flagged, time.Hour, `{"id":"app_1"}`) }, want: []string{told}},
		"a row that names the application":          {row: review("revision_requested", "14:00:00") + " application_id=app_2", want: []string{flagged + " app_2"}},
		"registered since as well, and both told":   {row: review("approved", "14:00:00") + " status=registered", want: []string{"application.approved ptp_1", "participant.registered ptp_1"}},
		"registered, and its review's webhook came": {row: review("approved", "14:00:00") + " status=registered", hears: func(b *bench) { b.hears("application.approved", time.Hour, flag) }, want: []string{"participant.registered ptp_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.passes(people(1, 3))
			b.passes(people(1, 3))
			row := append(people(2, 3), test.row)
			b.lists(row)
			if test.hears != nil {
				test.hears(b)
			}
			b.judges()
			b.wants(test.want...)
			b.passes(row) // once, however often it is seen
			b.tells()
			b.passes(row)
			b.wants()
		})
	}
}

func TestWhatAnAlertOfAMissedWebhookIsMadeOf(t *testing.T) {
	b := newBench(t, nil)
	b.passes(people(1, 3))
	b.passes(append(people(2, 3), "ptp_1 application_status=revision_requested last_review_action=revision_requested last_reviewed_at=2026-11-25T13:20:00Z"))
	if len(b.told) != 1 {
		t.Fatalf("told: %+v", b.told)
	}
	own := b.told[0]
	at := time.Date(2026, 11, 25, 13, 20, 0, 0, time.UTC)
	if !own.OccurredAt.Equal(at) || own.FoundBy != handoff.Reconcile || own.Consented.IsZero() || !slices.Contains(route.MayBeMissed, own.Type) {
		t.Errorf("told: %+v", own)
	}
	want := map[string]string{"participant_id": "ptp_1", "status": "revision_requested", "last_reviewed_at": "2026-11-25T13:20:00Z"}
	if diff := cmp.Diff(want, own.Fields); diff != "" {
		t.Error(diff)
	}
}

func TestARegistrationThatNoWebhookToldIsTold(t *testing.T) {
	const is, isNot = "ptp_1 status=registered", "ptp_1"
	for name, test := range map[string]struct {
		rows  []string // of ptp_1 in the passes from the first on; "" where it is not there
		hears func(b *bench)
		want  []string
	}{
		"it became registered":                  {rows: []string{isNot, is}, want: []string{"participant.registered ptp_1"}},
		"it was from the first on":              {rows: []string{is, is}},
		"it is new, and registered":             {rows: []string{"", is}, want: []string{"participant.registered ptp_1"}},
		"its webhook came":                      {rows: []string{isNot, is}, hears: func(b *bench) { b.hears("participant.registered", 30*time.Minute, registered) }},
		"its webhook came before the list told": {rows: []string{"", is}, hears: func(b *bench) { b.hears("participant.registered", 50*time.Minute, registered) }},
		"the webhook of another registration":   {rows: []string{isNot, isNot, isNot, is}, hears: func(b *bench) { b.hears("participant.registered", 4*time.Hour, registered) }, want: []string{"participant.registered ptp_1"}},
		"a status beside it":                    {rows: []string{isNot, "ptp_1 status=waitlisted"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			for i, row := range test.rows {
				persons := people(2, 3)
				if row != "" {
					persons = append(persons, row)
				}
				b.lists(persons)
				if test.hears != nil && i == len(test.rows)-1 {
					test.hears(b)
				}
				b.judges()
			}
			b.wants(test.want...)
			b.passes(append(people(2, 3), test.rows[len(test.rows)-1]))
			b.wants()
		})
	}
}

func TestAnApplicationThatNoWebhookToldIsTold(t *testing.T) {
	const waits = "ptp_9 application_status=pending"
	b := newBench(t, nil)
	b.passes(append(people(1, 3), "ptp_4 application_status=pending"))
	b.lists(append(people(1, 3), "ptp_4 application_status=pending", waits, "ptp_8 application_status=pending", "ptp_7"))
	b.hears("application.submitted", time.Minute, `{"id":"app_8","participant_id":"ptp_8","status":"pending"}`)
	b.judges()
	b.wants("application.submitted ptp_9")
	b.passes(append(people(1, 3), "ptp_4 application_status=pending", waits, "ptp_8 application_status=pending", "ptp_7"))
	b.wants()
}
