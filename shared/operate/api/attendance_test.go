package api_test

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/testkit/memory"
)

// event is an event with one participant, in place of its connection and of what is known by it.
type event struct{ attendance.Person }

func (e event) Current(context.Context, string) (connection.Standing, error) {
	of := record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	return connection.Standing{Connection: of, Info: connection.Info{EventID: "evt_1", Life: "2026-05-09T10:00:00.000000000Z"}}, nil
}

func (e event) After(context.Context, record.Connection, string) iter.Seq2[attendance.Person, error] {
	return func(yield func(attendance.Person, error) bool) { yield(e.Person, nil) }
}

func (e event) Participant(_ context.Context, _ record.Connection, id string) (attendance.Person, error) {
	if id != e.ID {
		return attendance.Person{}, record.ErrNotFound
	}
	return e.Person, nil
}

func (e event) Tally(context.Context, record.Connection) (attendance.Tally, error) {
	return attendance.Tally{Total: 212, ByStatus: map[string]int{"registered": 212}}, nil
}

func attends(t *testing.T) *bench {
	b := newBench(t)
	one := event{attendance.Person{Key: "participant/1", ID: "ptp_1", Name: "Ada", Status: "registered", State: attendance.Present}}
	b.backend.Attendance = &attendance.Attendance{
		Connections: one, People: one, Records: memory.NewRecords(), Now: func() time.Time { return noon },
	}
	return b
}

func TestWhoAttendsIsAsked(t *testing.T) {
	b := attends(t)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/participants/count?event_id=evt_1", "", http.StatusOK,
			`{"event_id":"evt_1","total":212,"by_status":{"registered":212}}`},
		{"GET", "/api/participants?event_id=evt_1", "", http.StatusOK, `{"participants":[{"id":"ptp_1","event_id":"evt_1","organization_id":"org_1",` +
			`"name":"Ada","status":"registered","state":"present"}],"next":""}`},
		{"GET", "/api/participants?event_id=evt_1&here=true", "", http.StatusOK, `{"participants":[],"next":""}`},
		{"POST", "/api/check-ins", `{"event_id":"evt_1","participant_id":"ptp_1","at":"2026-05-09T11:00:00Z"}`, http.StatusOK,
			`"checked_in_at":"2026-05-09T11:00:00Z","again":false}`},
		{"POST", "/api/check-ins", `{"event_id":"evt_1","participant_id":"ptp_1"}`, http.StatusOK,
			`"checked_in_at":"2026-05-09T11:00:00Z","again":true}`},
		{"GET", "/api/participants/count?event_id=evt_1&here=true", "", http.StatusOK, `"total":1`},
		{"POST", "/api/check-ins", `{"event_id":"evt_1","participant_id":"ptp_2"}`, http.StatusNotFound,
			"is not known"},
		{"POST", "/api/check-ins", `{"event_id":"evt_1","participant_id":"ptp_1","at":"2026-05-10T12:00:00Z"}`, http.StatusBadRequest,
			"ahead of this clock"},
		{"POST", "/api/check-ins", `ptp_1`, http.StatusBadRequest, "not JSON"},
		{"GET", "/api/participants", "", http.StatusBadRequest, "event_id"},
		{"GET", "/api/participants/count?event_id=evt_1&since=today", "", http.StatusBadRequest, "since has to be a moment"},
		{"GET", "/api/participants/count?event_id=evt_1&until=1", "", http.StatusBadRequest, "until has to be a moment"},
	} {
		status, body := b.asks(test.method, test.path, test.body)
		if status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", test.method, test.path, test.body, status, body, test.status, test.want)
		}
	}
}

func TestNobodyAttendsWhereConnectionsAreOff(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/api/participants?event_id=evt_1", "/api/participants/count?event_id=evt_1"} {
		if status, body := b.asks("GET", path, ""); status != http.StatusNotFound || !strings.Contains(body, "connections are off") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := b.asks("POST", "/api/check-ins", "{}"); status != http.StatusNotFound {
		t.Errorf("a check-in: %d", status)
	}
}
