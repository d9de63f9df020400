package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotThere is wrapped by a change of what is not in the world.
var ErrNotThere = errors.New("that is not in the sandbox")

// change has a change made of an event.
func (s *Sandbox) change(eventID string, do func(*event) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.event(eventID)
	if e == nil {
		return fmt.Errorf("%w: event %q", ErrNotThere, eventID)
	}
	return do(e)
}

func (s *Sandbox) changeParticipant(eventID, participantID string, do func(*event, *participant)) error {
	return s.change(eventID, func(e *event) error {
		p := e.participant(participantID)
		if p == nil {
			return fmt.Errorf("%w: participant %q of %s", ErrNotThere, participantID, eventID)
		}
		do(e, p)
		return nil
	})
}

// Review decides on a participant's application: Approved, Rejected or RevisionRequested. The webhook is the type of that
// name. It returns an error that wraps ErrNotThere, or names the three.
func (s *Sandbox) Review(eventID, participantID, action string) error {
	actions := []string{Approved, Rejected, RevisionRequested}
	if !slices.Contains(actions, action) {
		return fmt.Errorf("review an application: there is no %q, only %s", action, actions)
	}
	return s.changeParticipant(eventID, participantID, func(e *event, p *participant) {
		p.review(action, s.now())
		s.tell("application."+action, e, s.applicationRow(p))
	})
}

// Flag asks a participant to revise the application: application.revision_requested.
func (s *Sandbox) Flag(eventID, participantID string) error {
	return s.Review(eventID, participantID, RevisionRequested)
}

// Approve approves a participant's application: application.approved.
func (s *Sandbox) Approve(eventID, participantID string) error {
	return s.Review(eventID, participantID, Approved)
}

// Apply has somebody new apply, and returns the participant's id: application.submitted.
func (s *Sandbox) Apply(eventID string) (participantID string, err error) {
	err = s.change(eventID, func(e *event) error {
		if len(e.Participants) >= maxParticipants {
			return fmt.Errorf("apply: an event has at most %d participants", maxParticipants)
		}
		number := 1 + slices.Index(s.events, e)
		p := s.newParticipant(number, s.number, s.now())
		s.number++
		p.State, p.Action, p.Reviewer, p.Applied = Pending, "", "", s.now()
		p.Reviewed, p.Registered = time.Time{}, time.Time{}
		e.Participants = append(e.Participants, p)
		participantID = p.ID
		s.tell("application.submitted", e, s.applicationRow(p))
		return nil
	})
	return participantID, err
}

// Cancel takes a participant away. Revento sends no webhook for it. (guide: /patterns/)
func (s *Sandbox) Cancel(eventID, participantID string) error {
	return s.changeParticipant(eventID, participantID, func(e *event, p *participant) {
		e.Participants = slices.DeleteFunc(e.Participants, func(other *participant) bool { return other == p })
	})
}

// Register makes a participant a registered one, approved before if need be: participant.registered.
func (s *Sandbox) Register(eventID, participantID string) error {
	return s.changeParticipant(eventID, participantID, func(e *event, p *participant) {
		if p.State != Approved {
			p.review(Approved, s.now())
		}
		p.Registered = s.now()
		s.tell("participant.registered", e, s.participantRow(p))
	})
}

// Rename changes a participant's name: participant.profile_updated.
func (s *Sandbox) Rename(eventID, participantID, name string) error {
	return s.changeParticipant(eventID, participantID, func(e *event, p *participant) {
		p.Name = name
		s.tell("participant.profile_updated", e, s.participantRow(p))
	})
}

// Hide leaves a participant's row out of lists, or shows it again, as if a list were not complete.
func (s *Sandbox) Hide(eventID, participantID string, hidden bool) error {
	return s.changeParticipant(eventID, participantID, func(_ *event, p *participant) { p.Hidden = hidden })
}

// Move puts a participant's row to a position in the list, the first being 0, so that it changes pages, and those between
// move up or down.
func (s *Sandbox) Move(eventID, participantID string, position int) error {
	return s.changeParticipant(eventID, participantID, func(e *event, p *participant) {
		rest := slices.DeleteFunc(e.Participants, func(other *participant) bool { return other == p })
		e.Participants = slices.Insert(rest, min(max(position, 0), len(rest)), p)
	})
}

// Freeze has the read API go on showing an event as it is now, as a replica would that has fallen behind, until Thaw. Changes and
// webhooks go on.
func (s *Sandbox) Freeze(eventID string) error {
	return s.change(eventID, func(e *event) error {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("copy the event: %w", err)
		}
		e.frozen = &event{}
		return json.Unmarshal(text, e.frozen)
	})
}

// Thaw shows an event as it is again.
func (s *Sandbox) Thaw(eventID string) error {
	return s.change(eventID, func(e *event) error {
		e.frozen = nil
		return nil
	})
}

// Publish makes an event public. No webhook for it is known.
func (s *Sandbox) Publish(eventID string) error {
	return s.change(eventID, func(e *event) error {
		e.Status = published
		return nil
	})
}

// Unpublish takes that back: event.unpublished.
func (s *Sandbox) Unpublish(eventID string) error {
	return s.change(eventID, func(e *event) error {
		e.Status = unpublished
		s.tell("event.unpublished", e, s.eventRow(e))
		return nil
	})
}

// ChangeActivity gives an activity another name: activity.updated.
func (s *Sandbox) ChangeActivity(eventID, activityID, name string) error {
	return s.changeActivity(eventID, activityID, "activity.updated", func(a *activity) { a.Name = name })
}

// SignUp sets how many have signed up for an activity: activity.capacity_state_changed.
func (s *Sandbox) SignUp(eventID, activityID string, count int) error {
	return s.changeActivity(eventID, activityID, "activity.capacity_state_changed", func(a *activity) {
		a.Signups = min(max(count, 0), a.Capacity)
	})
}

func (s *Sandbox) changeActivity(eventID, activityID, eventType string, do func(*activity)) error {
	return s.change(eventID, func(e *event) error {
		a := e.activity(activityID)
		if a == nil {
			return fmt.Errorf("%w: activity %q of %s", ErrNotThere, activityID, eventID)
		}
		do(a)
		s.tell(eventType, e, a.row())
		return nil
	})
}

// Revoke revokes all tokens of an event's organizer, as the organizer or Revento can.
func (s *Sandbox) Revoke(eventID string) error {
	return s.change(eventID, func(e *event) error {
		s.revoke(func(g *grant) bool { return g.Event == e.ID && g.Kind == Installation })
		return nil
	})
}

// RevokeUser revokes a user's tokens for an event, as the user can.
func (s *Sandbox) RevokeUser(eventID, user string) error {
	return s.change(eventID, func(e *event) error {
		s.revoke(func(g *grant) bool { return g.Event == e.ID && g.Kind == User && g.User == user })
		return nil
	})
}

// ExpireAccess makes all access tokens of an event expire at once; the refresh tokens stay good.
func (s *Sandbox) ExpireAccess(eventID string) error {
	return s.change(eventID, func(e *event) error {
		s.ofEvent(e, s.endAccess)
		return nil
	})
}

// ExpireRefresh makes all refresh tokens of an event expire at once; the access tokens serve until their end.
func (s *Sandbox) ExpireRefresh(eventID string) error {
	return s.change(eventID, func(e *event) error {
		s.ofEvent(e, s.endRefresh)
		return nil
	})
}

func (s *Sandbox) ofEvent(e *event, do func(*grant)) {
	for _, g := range s.grants {
		if g.Event == e.ID {
			do(g)
		}
	}
}

// RequireDeletion ends the connection of an event: its tokens are revoked, and data.deletion_required is sent, which names
// the user where one is given. Whether Revento ever names one is not known.
func (s *Sandbox) RequireDeletion(eventID, user string) error {
	return s.change(eventID, func(e *event) error {
		data := object{}
		if user != "" {
			data["user_id"] = user
		}
		s.revoke(func(g *grant) bool { return g.Event == e.ID && (user == "" || g.User == user) })
		s.tell("data.deletion_required", e, data)
		return nil
	})
}

// integrationID is what the integration's own events are about.
const integrationID = "int_sandbox_1"

// Suspend suspends the integration: all tokens are revoked, and integration.suspended is sent. (guide: /webhooks/events/)
func (s *Sandbox) Suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke(func(*grant) bool { return true })
	s.tell("integration.suspended", nil, object{"id": integrationID})
}
