package life

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/revento"
)

// Standings tell how a connection's tokens stand: grant.Keeper.
type Standings interface {
	Standing(ctx context.Context, of record.Connection) (grant.Standing, error)
}

// Looks look at connections: upkeep.Upkeep.
type Looks interface {
	// Ask has a connection looked at now, whatever the schedule. It returns the number that the result's is greater than.
	Ask(ctx context.Context, of record.Connection) (after int64, err error)
	// Result returns a connection's health, and whether it is one that Ask asked for.
	Result(ctx context.Context, of record.Connection, after int64) (state health.State, done bool, err error)
	// AskPass has all that Revento knows of a connection's event read now. It returns the number of the pass whose end answers.
	AskPass(ctx context.Context, of record.Connection) (number int64, err error)
}

// Summaries tell what is known of a connection's event: mirror.Mirror.
type Summaries interface {
	Summary(ctx context.Context, of record.Connection) (mirror.Summary, error)
}

// Rings gives the ring of sealing keys, which sign links.
type Rings interface {
	Get(ctx context.Context) (seal.Ring, error)
}

// Deliver takes in a delivery of our own: ingest.Ingest.
type Deliver func(ctx context.Context, own handoff.Own) error

// Operator is what a person sees of connections, and can do with them.
type Operator struct {
	*Lives
	Standings Standings
	Looks     Looks
	Summaries Summaries
	// Passes is nil where nothing is read.
	Passes Passes
	// Rings and Public make links. Public is not set, and Wait nil, where nothing runs.
	Rings   Rings
	Public  consent.PublicURL
	Deliver Deliver
	// Wait waits, or returns why it cannot any longer: the context's error.
	Wait func(ctx context.Context, d time.Duration) error
	// Installation is what the commands need that an error names.
	Installation installation.Name
}

// Errors of an Operator; what wraps them names the remedy.
var (
	// ErrNotFound is returned for an event that has no connection.
	ErrNotFound = errors.New("no such connection")
	// ErrEventID is returned for what is no event's id.
	ErrEventID = errors.New("that is no event's id")
	// ErrState is returned for a connection that is past what is asked for.
	ErrState = errors.New("not in this state")
)

// View is what is shown of a connection. It holds no token.
type View struct {
	// ID is short, and names the connection where a line has no room for two ids.
	ID             string            `json:"id"`
	EventID        string            `json:"event_id"`
	OrganizationID string            `json:"organization_id"`
	State          connection.State  `json:"state"`
	Reason         connection.Reason `json:"reason"`
	// Health is how it does, since HealthSince; HealthReason is a short code of what went wrong last.
	Health       health.Status `json:"health"`
	HealthSince  time.Time     `json:"health_since,omitzero"`
	HealthReason string        `json:"health_reason,omitempty"`
	ObservedAt   time.Time     `json:"observed_at,omitzero"`
	Flapping     bool          `json:"flapping,omitempty"`
	// Failing says that the last look showed something bad, which may not count as an error yet.
	Failing     bool      `json:"failing"`
	ConnectedAt time.Time `json:"connected_at"`
	LinkedBy    string    `json:"linked_by,omitempty"`
	Scopes      []string  `json:"scopes"`
	// RefreshEnds is when the refresh token dies unless it is refreshed before, GrantEnds when the consent ends in any case.
	RefreshEnds time.Time `json:"refresh_ends,omitzero"`
	GrantEnds   time.Time `json:"grant_ends,omitzero"`
	// DueAt is when it is looked at next.
	DueAt time.Time `json:"due_at,omitzero"`
	// Stopped says that a required deletion, or one that is held, keeps everything from being done for it.
	Stopped bool `json:"stopped"`
	// Pass is the last pass that read all; nil before the first.
	Pass *Pass `json:"pass,omitempty"`
	// Name, StartDate, EndDate and PublishStatus are the event's, as Revento has them.
	Name          string `json:"name,omitempty"`
	StartDate     string `json:"start_date,omitempty"`
	EndDate       string `json:"end_date,omitempty"`
	PublishStatus string `json:"publish_status,omitempty"`
	// Participants are how many they are; nil where nobody has looked yet.
	Participants *Participants `json:"participants,omitempty"`
	// CompletedAt is when all that Revento has was read last, Freshness as of when each thing was listed.
	CompletedAt time.Time                  `json:"completed_at,omitzero"`
	Freshness   map[mirror.Thing]time.Time `json:"freshness,omitempty"`
}

// Participants are how many participants an event has: in all and by status those who are there, missing once or not.
type Participants struct {
	Total       int            `json:"total"`
	ByStatus    map[string]int `json:"by_status"`
	MissingOnce int            `json:"missing_once"`
	Cancelled   int            `json:"cancelled"`
	// CancelledToday is how many of those came to be so on this day, in UTC.
	CancelledToday int `json:"cancelled_today"`
}

// know adds what is known of the event.
func (v *View) know(known mirror.Summary, now time.Time) {
	v.Name, v.StartDate, v.EndDate, v.PublishStatus = known.Name, known.StartDate, known.EndDate, known.PublishStatus
	v.CompletedAt, v.Freshness = known.CompletedAt, known.Freshness
	if known.Life == "" {
		return
	}
	v.Participants = &Participants{
		Total: known.Total(), ByStatus: map[string]int{}, MissingOnce: known.MissingOnce, Cancelled: known.Cancelled,
		CancelledToday: known.CancelledToday(now),
	}
	for status, number := range known.ByStatus {
		v.Participants.ByStatus[cmp.Or(status, "unknown")] += number
	}
}

const idLength = 16

// All returns all connections, by event and organization.
func (o *Operator) All(ctx context.Context) ([]View, error) {
	views := []View{}
	for standing, err := range o.Registry.All(ctx) {
		if err != nil {
			return nil, err
		}
		view, err := o.view(ctx, standing)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	slices.SortFunc(views, func(a, b View) int {
		return strings.Compare(a.EventID+"\x00"+a.OrganizationID, b.EventID+"\x00"+b.OrganizationID)
	})
	return views, nil
}

// Find returns the connection of an event; where another organization's of the same event is over, the one that is not. It returns
// ErrNotFound.
func (o *Operator) Find(ctx context.Context, eventID string) (View, error) {
	standing, err := o.Current(ctx, eventID)
	if err != nil {
		return View{}, err
	}
	return o.view(ctx, standing)
}

// Current returns how the connection of an event stands that Find shows. It returns ErrNotFound.
func (o *Operator) Current(ctx context.Context, eventID string) (connection.Standing, error) {
	var over connection.Standing
	for standing, err := range o.Registry.OfEvent(ctx, eventID) {
		if err != nil || !standing.IsEnded() {
			return standing, err
		}
		over = standing
	}
	if !over.IsKnown() {
		return over, fmt.Errorf("%w: nobody connected the event %q: '%s' makes the link by which its organizer does", ErrNotFound, eventID,
			o.Installation.Command("connections link "+eventID))
	}
	return over, nil
}

func (o *Operator) view(ctx context.Context, standing connection.Standing) (View, error) {
	tokens, err := o.Standings.Standing(ctx, standing.Connection)
	if err != nil {
		return View{}, err
	}
	state, _, err := o.Looks.Result(ctx, standing.Connection, 0)
	if err != nil {
		return View{}, err
	}
	known, err := o.Summaries.Summary(ctx, standing.Connection)
	if err != nil {
		return View{}, err
	}
	info := standing.Info
	view := View{
		ID: standing.Connection.Partition()[:idLength], EventID: info.EventID, OrganizationID: info.OrganizationID,
		State: info.State, Reason: info.Reason, ConnectedAt: info.ConnectedAt, LinkedBy: info.LinkedBy, Scopes: strings.Fields(info.Scope),
		Health: state.Status, HealthSince: state.Since, HealthReason: state.Reason, ObservedAt: state.ObservedAt, Flapping: state.Flapping, Failing: state.IsIll(),
		DueAt: info.Due, Stopped: standing.IsStopped(),
	}
	view.know(known, o.Now())
	if view.Pass, err = o.pass(ctx, standing.Connection); err != nil {
		return View{}, err
	}
	if view.Health == "" {
		view.Health = health.Unknown
	}
	if tokens.State != "" {
		view.RefreshEnds, view.GrantEnds = tokens.RefreshEnds, tokens.FirstIssued.Add(revento.RefreshCap)
	}
	switch {
	case standing.IsEnded():
		view.State = connection.Ended
		if view.Reason == "" {
			view.Reason = connection.Deletion
		}
	case info.State == connection.Active && tokens.State != "" && tokens.State != connection.Active: // the registry hears of it at the next look
		view.State, view.Reason = tokens.State, tokens.Reason
	}
	return view, nil
}

// Link returns a link by which an organizer connects an event within consent.LinkLife. It returns ErrEventID.
func (o *Operator) Link(ctx context.Context, eventID string) (string, error) {
	if !consent.IsEventID(eventID) {
		return "", fmt.Errorf("%w: write it as Revento gives it, such as evt_abc123", ErrEventID)
	}
	if !o.Public.IsSet() {
		return "", fmt.Errorf("%w: serve does not run, to which the link leads: start it first", ErrState)
	}
	ring, err := o.Rings.Get(ctx)
	if err != nil {
		return "", fmt.Errorf("sign the link: %w", err)
	}
	link, err := consent.Link(ring, eventID, o.Now().Add(consent.LinkLife))
	if err != nil {
		return "", err
	}
	return o.Public.ConnectURL(eventID, link), nil
}

// Probe looks at an event's connection now. It returns ErrNotFound, and ErrState where there is nothing to look with.
func (o *Operator) Probe(ctx context.Context, eventID string) (View, error) {
	standing, err := o.Current(ctx, eventID)
	switch {
	case err != nil:
		return View{}, err
	case standing.IsEnded() || standing.IsStopped():
		return View{}, fmt.Errorf("%w: the connection is ended or stopped, so that nobody asks for it", ErrState)
	case o.Wait == nil:
		return View{}, fmt.Errorf("%w: serve does not run, which looks at connections: start it first", ErrState)
	}
	after, err := o.Looks.Ask(ctx, standing.Connection)
	if err != nil {
		return View{}, err
	}
	for {
		_, done, err := o.Looks.Result(ctx, standing.Connection, after)
		if err != nil {
			return View{}, err
		}
		if done {
			return o.Find(ctx, eventID)
		}
		if err := o.Wait(ctx, pollTime); err != nil {
			return View{}, fmt.Errorf("wait for the look at the connection, which is asked for: %w", err)
		}
	}
}

// pollTime is how often one looks whether a look was done.
const pollTime = 200 * time.Millisecond

// Disconnect ends an event's connection as a request for deletion would: its tokens are erased at once, what is kept goes after the time of
// grace. Revento is not told: no call for it is known. It returns ErrNotFound and ErrState.
func (o *Operator) Disconnect(ctx context.Context, eventID string) (View, error) {
	standing, err := o.Current(ctx, eventID)
	switch {
	case err != nil:
		return View{}, err
	case standing.IsEnded():
		return View{}, fmt.Errorf("%w: the connection is ended already", ErrState)
	}
	now := o.Now().UTC()
	if err := o.End(ctx, standing.Connection, now, connection.Disconnected); err != nil {
		return View{}, err
	}
	err = o.Deliver(ctx, handoff.Own{
		Type: revento.TypeDeletionRequired, Connection: standing.Connection, Identity: []string{"disconnect", string(standing.Life)},
		ResourceID: standing.EventID, OccurredAt: now,
	})
	if err != nil {
		return View{}, fmt.Errorf("its tokens are erased; have its data deleted: %w", err)
	}
	return o.Find(ctx, eventID)
}
