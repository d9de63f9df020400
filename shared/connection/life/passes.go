package life

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/pass"
)

// Passes know how the passes stand that read all of a connection's event: pass.Passes.
type Passes interface {
	Load(ctx context.Context, of record.Connection) (pass.Standing, error)
	// Accept lets go the rows that a held pass did not see. It returns pass.ErrNotHeld.
	Accept(ctx context.Context, of record.Connection, number int64) error
}

// Pass is what is shown of the last pass.
type Pass struct {
	Number int64      `json:"number"`
	State  pass.State `json:"state"`
	// Reason is a short code of why it failed.
	Reason  string    `json:"reason,omitempty"`
	BegunAt time.Time `json:"begun_at,omitzero"`
	EndedAt time.Time `json:"ended_at,omitzero"`
	// JudgedAt is when the last pass was judged that was complete.
	JudgedAt time.Time `json:"judged_at,omitzero"`
	// Held is that nobody is declared gone by a pass until a person has looked.
	Held *pass.Held `json:"held,omitempty"`
}

func (o *Operator) pass(ctx context.Context, of record.Connection) (*Pass, error) {
	if o.Passes == nil {
		return nil, nil
	}
	s, err := o.Passes.Load(ctx, of)
	if err != nil || s.Number == 0 {
		return nil, err
	}
	return &Pass{
		Number: s.Number, State: s.State, Reason: s.Reason, BegunAt: s.BegunAt, EndedAt: s.EndedAt, JudgedAt: s.Last.At, Held: s.Held,
	}, nil
}

// Synced is a connection of which a pass was asked for.
type Synced struct {
	View
	// Awaited is the number of the pass whose end answers: the one that was under way, or else the next.
	Awaited int64 `json:"awaited"`
}

// judgingTime is how long after a pass one waits for its judging, which comes behind the webhooks that came before.
const judgingTime = 30 * time.Second

// IsDone says whether the pass that was waited for has ended.
func (v View) IsDone(awaited int64, now time.Time) bool {
	switch {
	case v.Pass == nil || v.Pass.Number < awaited:
		return false
	case v.Pass.Number > awaited || v.Pass.State == pass.Judged || v.Pass.State == pass.Failed:
		return true
	default:
		return v.Pass.State == pass.Read && now.Sub(v.Pass.EndedAt) > judgingTime
	}
}

// IsReading says whether a pass is under way.
func (v View) IsReading() bool {
	return v.Pass != nil && v.Pass.State == pass.Reading
}

// IsRead says whether the pass that was waited for is complete, or a later one is.
func (v View) IsRead(awaited int64) bool {
	return v.Pass != nil && v.Pass.Number >= awaited && (v.Pass.State == pass.Read || v.Pass.State == pass.Judged)
}

// Sync has all that Revento knows of an event read now, and does not wait for it: a long list takes hours. It returns ErrNotFound, and
// ErrState where nobody reads it.
func (o *Operator) Sync(ctx context.Context, eventID string) (Synced, error) {
	standing, err := o.Current(ctx, eventID)
	switch {
	case err != nil:
		return Synced{}, err
	case !standing.Serves():
		return Synced{}, fmt.Errorf("%w: the connection is ended, stopped, or needs its organizer's consent, so that nobody reads it", ErrState)
	case o.Wait == nil:
		return Synced{}, fmt.Errorf("%w: serve does not run, which reads it: start it first", ErrState)
	}
	awaited, err := o.Looks.AskPass(ctx, standing.Connection)
	if err != nil {
		return Synced{}, err
	}
	view, err := o.Find(ctx, eventID)
	return Synced{View: view, Awaited: awaited}, err
}

// Accept lets go the rows that a held pass of an event's connection did not see. It returns ErrNotFound, and ErrState where nothing of
// that pass is held.
func (o *Operator) Accept(ctx context.Context, eventID string, number int64) (View, error) {
	standing, err := o.Current(ctx, eventID)
	if err != nil {
		return View{}, err
	}
	if o.Passes == nil {
		return View{}, fmt.Errorf("%w: nothing is read of connections", ErrState)
	}
	err = o.Passes.Accept(ctx, standing.Connection, number)
	if errors.Is(err, pass.ErrNotHeld) {
		return View{}, fmt.Errorf("%w: nothing of pass %d is held: '%s' shows what is", ErrState, number,
			o.Installation.Command("connections show "+eventID))
	}
	if errors.Is(err, pass.ErrNotServed) || errors.Is(err, record.ErrDeleted) {
		return View{}, fmt.Errorf("%w: the connection is %s", ErrState, connection.Ended)
	}
	if err != nil {
		return View{}, err
	}
	return o.Find(ctx, eventID)
}

func (v View) passText() string {
	if v.Pass == nil {
		return "not yet"
	}
	text := fmt.Sprintf("pass %d, %s", v.Pass.Number, v.Pass.State)
	if v.Pass.Reason != "" {
		text += " (" + v.Pass.Reason + ")"
	}
	return text
}

func (v View) heldText() string {
	if v.Pass == nil || v.Pass.Held == nil {
		return "-"
	}
	held := v.Pass.Held
	text := fmt.Sprintf("%d of %d were not seen by pass %d (%s)", held.Missing, held.Known, held.Pass, held.Reason)
	if !held.AcceptedUntil.IsZero() {
		return text + ", accepted until " + held.AcceptedUntil.UTC().Format("2006-01-02 15:04 UTC")
	}
	return text
}
