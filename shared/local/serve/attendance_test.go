package serve_test

import (
	"testing"
	"time"

	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/attendance"
)

// until asks until an answer is as expected, which work in the background brings about.
func until[T any](t *testing.T, client *api.Client, path string, as func(T) bool) (answer T) {
	t.Helper()
	for end := time.Now().Add(settleTime); ; <-time.After(pollTime) {
		answer = *new(T)
		if err := client.Get(t.Context(), path, &answer); err != nil {
			t.Fatal(err)
		}
		if as(answer) {
			return answer
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %+v", path, answer)
		}
	}
}

// What settles does so within seconds.
const (
	settleTime = 30 * time.Second
	pollTime   = 50 * time.Millisecond
)

// Who attends is known without anybody's asking for it: the first pass begins with the consent.
func TestWhoAttendsIsKnownOnceAnEventIsConnected(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, log := start(t, dir, values)
	organizer := newOrganizer(t)
	const query = "event_id=" + sandboxEvent
	var one attendance.Participant
	operate(t, dir, values, func(client *api.Client) {
		organizer.decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		count := until(t, client, "participants/count?"+query, func(c attendance.Count) bool { return c.Total >= 30 })
		view := until(t, client, "connections/"+sandboxEvent, func(v life.View) bool { return v.Name != "" && !v.CompletedAt.IsZero() })
		if view.Participants == nil || view.Participants.Total != count.Total {
			t.Errorf("%d are counted, beside the connection %+v", count.Total, view.Participants)
		}
		list := until(t, client, "participants?"+query, func(p attendance.Page) bool { return len(p.Participants) == count.Total })
		one = list.Participants[0]
		var arrival attendance.Arrival
		if err := client.Post(t.Context(), "check-ins", api.CheckIn{EventID: sandboxEvent, ParticipantID: one.ID}, &arrival); err != nil {
			t.Fatal(err)
		}
	})
	stop(t, machine)
	operate(t, dir, values, func(client *api.Client) { // while serve is stopped
		here := until(t, client, "participants?here=true&"+query, func(p attendance.Page) bool { return true })
		if len(here.Participants) != 1 || here.Participants[0].ID != one.ID || here.Participants[0].Name == "" {
			t.Errorf("here: %+v", here)
		}
	})
	wantNoToken(t, dir, log.String())
}
