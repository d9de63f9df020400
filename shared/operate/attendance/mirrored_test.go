package attendance_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/testkit/seeds"
)

// ring is one that never changes.
type ring struct{ seal.Ring }

func (r ring) Get(context.Context) (seal.Ring, error)           { return r.Ring, nil }
func (r ring) Refresh(context.Context) (seal.Ring, bool, error) { return r.Ring, false, nil }

// mirrors replaces who is known by a mirror, which a pass filled.
func (b *bench) mirrors(documents ...string) *mirror.Mirror {
	b.Helper()
	rows := &mirror.Mirror{
		Registry: b.registry, Records: b.records, Seeds: new(seeds.Memory), Rings: ring{seal.Ring{}.Add()}, Now: func() time.Time { return b.clock },
	}
	page := mirror.Page{Connection: ours, Pass: mirror.Pass{Number: 1, StartedAt: noon}, Thing: mirror.Participant, AskedAt: noon, Date: noon}
	for _, document := range documents {
		page.Documents = append(page.Documents, json.RawMessage(document))
	}
	if _, err := rows.Read(b.Context(), page); err != nil {
		b.Fatal(err)
	}
	b.People = attendance.Mirrored{Rows: rows}
	return rows
}

func (b *bench) hears(rows *mirror.Mirror, eventType string, occurred time.Time, data string) {
	b.Helper()
	w := mirror.Webhook{Connection: ours, Type: eventType, OccurredAt: occurred, ArrivedAt: occurred}
	if err := json.Unmarshal([]byte(data), &w.Data); err != nil {
		b.Fatal(err)
	}
	if _, err := rows.Hear(b.Context(), w); err != nil {
		b.Fatal(err)
	}
}

func TestACheckInIsForgottenWithItsRow(t *testing.T) {
	b := newBench(t)
	rows := b.mirrors(`{"id":"ptp_1"}`, `{"id":"ptp_2","user_id":"usr_2"}`, `{"id":"ptp_3"}`)
	for _, id := range []string{"ptp_1", "ptp_2", "ptp_3"} {
		b.comes(id, noon)
	}
	for left, id := range []string{"ptp_1", "usr_2"} {
		if _, err := rows.Forget(t.Context(), ours, id); err != nil || b.kept() != 2-left {
			t.Errorf("%s: %v, %d check-ins are kept", id, err, b.kept())
		}
	}
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_1", noon); !errors.Is(err, attendance.ErrUnknown) {
		t.Errorf("one who is forgotten: %v", err)
	}
}

func TestWhoAttendsIsWhatTheMirrorKnows(t *testing.T) {
	b := newBench(t)
	b.clock = at(60)
	rows := b.mirrors(
		`{"id":"ptp_1","user_id":"usr_1","display_name":"Ada","application_status":"approved","status":"registered","registered_at":"2026-05-08T10:00:00Z"}`,
		`{"id":"ptp_2","user_id":"usr_2","application_status":"approved","status":"registered"}`,
		`{"id":"ptp_3","application_status":"pending","status":null,"registered_at":null}`, `{"id":"ptp_4"}`)
	b.hears(rows, "participant.registered", at(10), `{"id":"ptp_3","application_status":"approved","status":"registered"}`)
	count, err := b.Count(t.Context(), "evt_1", attendance.Selection{})
	if diff := cmp.Diff(map[string]int{"registered": 3, "unknown": 1}, count.ByStatus); err != nil || diff != "" || count.Total != 4 {
		t.Errorf("%d, %v: %s", count.Total, err, diff)
	}
	page, err := b.List(t.Context(), "evt_1", attendance.Selection{}, "")
	if err != nil {
		t.Fatal(err)
	}
	registered := map[string]time.Time{}
	for _, p := range page.Participants {
		registered[p.ID] = p.RegisteredAt
	}
	want := map[string]time.Time{"ptp_1": time.Date(2026, 5, 8, 10, 0, 0, 0, time.UTC), "ptp_2": {}, "ptp_3": at(10), "ptp_4": {}}
	if diff := cmp.Diff(want, registered); diff != "" {
		t.Errorf("registered: %s", diff)
	}
	since, err := b.Count(t.Context(), "evt_1", attendance.Selection{Since: at(0)})
	if err != nil || since.Total != 1 || since.Undated != 1 {
		t.Errorf("since noon: %+v, %v", since, err)
	}
	b.comes("ptp_3", time.Time{})
	if here := b.lists(attendance.Selection{Here: true}); len(here) != 1 || here[0] != "ptp_3" {
		t.Errorf("here: %v", here)
	}
	if _, err := b.CheckIn(t.Context(), "evt_1", "ptp_9", time.Time{}); !errors.Is(err, attendance.ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
}
