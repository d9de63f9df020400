package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Command is a change that the control is asked for. Each action reads the fields that it needs.
type Command struct {
	Action        string `json:"action"`
	EventID       string `json:"event_id,omitempty"`
	ParticipantID string `json:"participant_id,omitempty"`
	UserID        string `json:"user_id,omitempty"`
	ActivityID    string `json:"activity_id,omitempty"`
	// Name is a new name, or a rule's.
	Name string `json:"name,omitempty"`
	// Value is a rule's, written as SetRule reads it.
	Value string `json:"value,omitempty"`
	// Kind is a fault's, or what happens to webhooks.
	Kind string `json:"kind,omitempty"`
	// At is where a fault is.
	At string `json:"at,omitempty"`
	// Count is how often, how many, or which position.
	Count int `json:"count,omitempty"`
	// Skip is how many calls a fault lets pass.
	Skip int `json:"skip,omitempty"`
	// For is a duration such as 90s, -1h or 7d.
	For string `json:"for,omitempty"`
}

// ErrCommand is wrapped by a refusal of what is not asked rightly.
var ErrCommand = errors.New("the command cannot be done")

// action is what a command does, and how the page says that it was done.
type action struct {
	done string
	do   func(s *Sandbox, c Command) error
}

// ofParticipant are the actions that need no more than who it is.
func ofParticipant(done string, do func(s *Sandbox, eventID, participantID string) error) action {
	return action{done, func(s *Sandbox, c Command) error { return do(s, c.EventID, c.ParticipantID) }}
}

func ofEvent(done string, do func(s *Sandbox, eventID string) error) action {
	return action{done, func(s *Sandbox, c Command) error { return do(s, c.EventID) }}
}

var actions = map[string]action{
	"flag":    ofParticipant("The participant was asked to revise the application.", (*Sandbox).Flag),
	"approve": ofParticipant("The application was approved.", (*Sandbox).Approve),
	"reject": ofParticipant("The application was rejected.", func(s *Sandbox, eventID, participantID string) error {
		return s.Review(eventID, participantID, Rejected)
	}),
	"register": ofParticipant("The participant is registered.", (*Sandbox).Register),
	"cancel":   ofParticipant("The participant is gone. Revento sends no webhook for it.", (*Sandbox).Cancel),
	"hide": ofParticipant("The participant's row is left out of lists.", func(s *Sandbox, eventID, participantID string) error {
		return s.Hide(eventID, participantID, true)
	}),
	"show": ofParticipant("The participant's row is in lists again.", func(s *Sandbox, eventID, participantID string) error {
		return s.Hide(eventID, participantID, false)
	}),
	"rename": {"The participant has another name.", func(s *Sandbox, c Command) error {
		return s.Rename(c.EventID, c.ParticipantID, c.Name)
	}},
	"move": {"The participant's row has another place.", func(s *Sandbox, c Command) error {
		return s.Move(c.EventID, c.ParticipantID, c.Count)
	}},
	"apply": ofEvent("Somebody new has applied.", func(s *Sandbox, eventID string) error {
		_, err := s.Apply(eventID)
		return err
	}),
	"freeze":    ofEvent("What is read of the event stays as it is now.", (*Sandbox).Freeze),
	"thaw":      ofEvent("What is read of the event is what it is.", (*Sandbox).Thaw),
	"publish":   ofEvent("The event is published.", (*Sandbox).Publish),
	"unpublish": ofEvent("The event is no longer published.", (*Sandbox).Unpublish),
	"change_activity": {"The activity has another name.", func(s *Sandbox, c Command) error {
		return s.ChangeActivity(c.EventID, c.ActivityID, c.Name)
	}},
	"sign_up": {"The activity has another number of sign-ups.", func(s *Sandbox, c Command) error {
		return s.SignUp(c.EventID, c.ActivityID, c.Count)
	}},
	"revoke": ofEvent("The organizer's tokens are revoked.", (*Sandbox).Revoke),
	"revoke_user": {"The user's tokens are revoked.", func(s *Sandbox, c Command) error {
		return s.RevokeUser(c.EventID, c.UserID)
	}},
	"expire_access":  ofEvent("The access tokens have expired.", (*Sandbox).ExpireAccess),
	"expire_refresh": ofEvent("The refresh tokens have expired.", (*Sandbox).ExpireRefresh),
	"require_deletion": {"The connection has ended, and its data has to be deleted.", func(s *Sandbox, c Command) error {
		return s.RequireDeletion(c.EventID, c.UserID)
	}},
	"suspend": {"The integration is suspended.", func(s *Sandbox, _ Command) error {
		s.Suspend()
		return nil
	}},
	"move_clock": {"Revento's clock was moved.", func(s *Sandbox, c Command) error {
		by, err := c.duration()
		if err == nil {
			s.MoveClock(by)
		}
		return err
	}},
	"webhooks": {"The next webhooks are treated so.", func(s *Sandbox, c Command) error {
		by, err := c.duration()
		if err != nil {
			return err
		}
		return s.Treat(Treatment(c.Kind), cmp.Or(c.Count, 1), by)
	}},
	"break": {"The fault is switched on.", func(s *Sandbox, c Command) error {
		delay, err := c.duration()
		if err != nil {
			return err
		}
		return s.Break(Fault{
			Kind: FaultKind(c.Kind), At: Place(c.At), EventID: c.EventID, Skip: c.Skip, Times: c.Count, Delay: delay,
		})
	}},
	"mend": {"All faults are switched off.", func(s *Sandbox, _ Command) error {
		s.Mend()
		return nil
	}},
	"rule": {"The rule is in force.", func(s *Sandbox, c Command) error { return s.SetRule(c.Name, c.Value) }},
}

// maxFor is the longest duration of a command.
const maxFor = 10 * 365 * day

// duration reads For, which may count days; none is 0.
func (c Command) duration() (time.Duration, error) {
	text, unit := cmp.Or(c.For, "0s"), time.Duration(1)
	if count, days := strings.CutSuffix(text, "d"); days {
		text, unit = count+"ns", day
	}
	length, err := time.ParseDuration(text)
	if err != nil || length.Abs() > maxFor/unit {
		return 0, fmt.Errorf("for is %q: write it like 90s, -1h or 7d", c.For)
	}
	return length * unit, nil
}

// flushTime is how long a command waits for webhooks to be sent. What is not sent by then waits for Run, or for the next command.
const flushTime = sendTimeout + 2*time.Second

// Do does what a command says, and sends the webhooks that are due. It returns an error that wraps ErrCommand where the
// command cannot be done, Keep's, or ctx's where it ended before all were sent.
func (s *Sandbox) Do(ctx context.Context, c Command) error {
	chosen, known := actions[c.Action]
	if !known {
		return fmt.Errorf("%w: there is no action %q, only %s", ErrCommand, c.Action,
			strings.Join(slices.Sorted(maps.Keys(actions)), ", "))
	}
	if err := chosen.do(s, c); err != nil {
		return fmt.Errorf("%w: %w", ErrCommand, err)
	}
	if err := s.keepSaved(); err != nil {
		return fmt.Errorf("keep what was changed: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	_ = s.Flush(within)
	return ctx.Err()
}
