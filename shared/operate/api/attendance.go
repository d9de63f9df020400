package api

import (
	"fmt"
	"net/http"
	"time"

	"revento-alerts/shared/operate/attendance"
)

// CheckIn is what POST /api/check-ins asks for.
type CheckIn struct {
	EventID       string `json:"event_id"`
	ParticipantID string `json:"participant_id"`
	// At is when the participant came; zero is now.
	At time.Time `json:"at,omitzero"`
}

// attends answers with what an operator asks of who attends.
func (b Backend) attends(do func(a *attendance.Attendance) (any, error)) (any, error) {
	if b.Attendance == nil {
		return nil, b.off()
	}
	return do(b.Attendance)
}

func (b Backend) listParticipants(r *http.Request) (any, error) {
	return b.attends(func(a *attendance.Attendance) (any, error) {
		eventID, selected, err := selection(r)
		if err != nil {
			return nil, err
		}
		return a.List(r.Context(), eventID, selected, r.FormValue("after"))
	})
}

func (b Backend) countParticipants(r *http.Request) (any, error) {
	return b.attends(func(a *attendance.Attendance) (any, error) {
		eventID, selected, err := selection(r)
		if err != nil {
			return nil, err
		}
		return a.Count(r.Context(), eventID, selected)
	})
}

// selection is whom a request means, and of which event.
func selection(r *http.Request) (eventID string, selected attendance.Selection, err error) {
	if eventID = r.FormValue("event_id"); eventID == "" {
		return "", selected, errRequest{fmt.Errorf("event_id has to name the event")}
	}
	selected.Here = r.FormValue("here") == "true"
	if selected.Since, err = moment(r, "since"); err == nil {
		selected.Until, err = moment(r, "until")
	}
	return eventID, selected, err
}

func moment(r *http.Request, name string) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, errRequest{fmt.Errorf("%s has to be a moment such as 2026-05-09T12:00:00Z", name)}
	}
	return at, nil
}

func (b Backend) checkIn(r *http.Request) (any, error) {
	return b.attends(func(a *attendance.Attendance) (any, error) {
		asked, err := read[CheckIn](r)
		if err != nil {
			return nil, err
		}
		return a.CheckIn(r.Context(), asked.EventID, asked.ParticipantID, asked.At)
	})
}
