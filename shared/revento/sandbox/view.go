package sandbox

import (
	"flag"
	"slices"
	"time"
)

// View is what the control shows. It holds no token.
type View struct {
	Now    time.Time   `json:"now"`
	Events []EventView `json:"events"`
	// Event is the one that was asked for, with its rows, or nil.
	Event *EventRows `json:"event,omitempty"`
	Rules []RuleView `json:"rules"`
	// Faults are switched on, and Webhooks is what the next ones are treated with.
	Faults   []Fault         `json:"faults"`
	Webhooks []TreatmentView `json:"next_webhooks"`
	// Waiting is how many webhooks are to be sent.
	Waiting int    `json:"webhooks_waiting"`
	Sent    []Sent `json:"webhooks_sent"`
	Calls   []Call `json:"calls"`
}

// EventView is an event as it stands.
type EventView struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Organization string           `json:"organization_id"`
	Starts       string           `json:"start_date"`
	Ends         string           `json:"end_date"`
	Status       string           `json:"publish_status"`
	Frozen       bool             `json:"frozen"`
	Participants int              `json:"participants"`
	ByStatus     map[string]int   `json:"by_status"`
	Connections  []ConnectionView `json:"connections"`
}

// ConnectionView is a grant as it stands.
type ConnectionView struct {
	Client string   `json:"client_id"`
	Kind   Kind     `json:"kind"`
	User   string   `json:"user_id,omitempty"`
	Scope  []string `json:"scope"`
	// State is active, revoked, or expired where consent is needed again.
	State string    `json:"state"`
	First time.Time `json:"first_issued_at"`
	// Generation counts the pairs that were issued.
	Generation int `json:"generation"`
	// AccessEnds and RefreshEnds are when the newest pair ends.
	AccessEnds  time.Time `json:"access_expires_at"`
	RefreshEnds time.Time `json:"refresh_expires_at"`
}

// EventRows are an event's rows in the order of their lists, at the most maxRows of each.
type EventRows struct {
	EventView
	Shown      []ParticipantView `json:"shown"`
	Activities []ActivityView    `json:"activities"`
}

const maxRows = 200

// ParticipantView is a participant as the control shows one.
type ParticipantView struct {
	ID          string `json:"id"`
	User        string `json:"user_id"`
	Application string `json:"application_id"`
	Name        string `json:"name"`
	State       string `json:"application_status"`
	Registered  bool   `json:"registered"`
	Hidden      bool   `json:"hidden"`
}

// ActivityView is an activity as the control shows one.
type ActivityView struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	SignedUp int    `json:"signup_count"`
	Capacity int    `json:"capacity"`
}

// RuleView is a rule in force.
type RuleView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// What says what Revento's guide leaves open.
	What string `json:"what"`
	// Choices are all values, where they are few.
	Choices []string `json:"choices,omitempty"`
}

// TreatmentView is what happens to the next webhooks.
type TreatmentView struct {
	What  Treatment     `json:"what"`
	Times int           `json:"times"`
	Delay time.Duration `json:"delay,omitempty"`
}

// Look returns how everything stands, with the rows of an event where one is named.
func (s *Sandbox) Look(eventID string) View {
	faults := s.Faults()
	s.mu.Lock()
	defer s.mu.Unlock()
	view := View{
		Now: s.now(), Rules: s.rules.view(), Faults: faults, Waiting: len(s.outbox) + len(s.heldBack),
		Sent: slices.Clone(s.sent), Calls: slices.Clone(s.calls),
	}
	for _, t := range s.treatments {
		view.Webhooks = append(view.Webhooks, TreatmentView{t.what, t.times, t.delay})
	}
	for _, e := range s.events {
		shown := s.viewEvent(e)
		view.Events = append(view.Events, shown)
		if e.ID == eventID {
			view.Event = e.viewRows(shown)
		}
	}
	return view
}

func (s *Sandbox) viewEvent(e *event) EventView {
	view := EventView{
		ID: e.ID, Name: e.Name, Organization: e.Organization, Starts: e.Starts.Format(time.DateOnly),
		Ends: e.Ends.Format(time.DateOnly), Status: e.Status, Frozen: e.frozen != nil, Participants: len(e.Participants), ByStatus: map[string]int{},
	}
	for _, p := range e.Participants {
		view.ByStatus[p.State]++
	}
	s.ofEvent(e, func(g *grant) { view.Connections = append(view.Connections, s.viewGrant(g)) })
	return view
}

func (s *Sandbox) viewGrant(g *grant) ConnectionView {
	view := ConnectionView{
		Client: g.Client, Kind: g.Kind, User: g.User, Scope: g.Scope, First: g.First, Generation: g.Generation, State: "active",
	}
	for _, t := range g.Tokens {
		ends := t.Expires
		if t.Ended {
			ends = time.Time{}
		}
		if t.Access {
			view.AccessEnds = ends
		} else {
			view.RefreshEnds = ends
		}
	}
	switch {
	case g.Revoked:
		view.State = "revoked"
	case !s.now().Before(view.RefreshEnds):
		view.State = "expired"
	}
	return view
}

func (e *event) viewRows(of EventView) *EventRows {
	rows := &EventRows{EventView: of}
	for _, p := range e.Participants[:min(len(e.Participants), maxRows)] {
		rows.Shown = append(rows.Shown, ParticipantView{
			p.ID, p.User, p.Application, p.Name, p.State, !p.Registered.IsZero(), p.Hidden,
		})
	}
	for _, a := range e.Activities {
		rows.Activities = append(rows.Activities, ActivityView{a.ID, a.Name, a.Signups, a.Capacity})
	}
	return rows
}

func (r Rules) view() (rules []RuleView) {
	r.switches().VisitAll(func(f *flag.Flag) {
		shown := RuleView{Name: f.Name, Value: f.Value.String(), What: f.Usage}
		if isBool, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && isBool.IsBoolFlag() {
			shown.Choices = []string{"true", "false"}
		}
		if f.Name == reuseRule {
			for _, reuse := range reuses {
				shown.Choices = append(shown.Choices, string(reuse))
			}
		}
		rules = append(rules, shown)
	})
	return rules
}
