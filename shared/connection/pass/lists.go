package pass

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/revento"
)

// Page is what one call read.
type Page struct {
	Documents []json.RawMessage
	// More says that there is a page behind it, at the cursor Next.
	More bool
	Next string
	// Date is when Revento answered, by its clock; zero where the reply did not tell.
	Date time.Time
	// Status is the event's publish_status, where it is the event that was read.
	Status string
}

// List names a list as the read API does, "participants"; "" is the event itself. (guide: /scopes/)
type List string

// Lists reads what Revento knows of a connection's event.
type Lists interface {
	// Page reads a page of a list, the first where the cursor is "". Its errors are classified; one that Revento's own reply, or its
	// silence, came to has ErrAnswer in it.
	Page(ctx context.Context, of record.Connection, list List, cursor string) (Page, error)
}

// ErrAnswer is that a call was made and came to nothing.
var ErrAnswer = errors.New("no answer as Revento gives one")

// answered is a failure of Revento's.
type answered struct{ error }

func (a answered) Is(target error) bool { return target == ErrAnswer }
func (a answered) Unwrap() error        { return a.error }

// Tokens makes calls with a connection's token: grant.Keeper.
type Tokens interface {
	Call(ctx context.Context, of record.Connection, call func(ctx context.Context, access grant.Access) error) error
}

// Budget makes a call where the grant's budget allows it: budget.Budget.
type Budget interface {
	Do(ctx context.Context, of budget.Of, class budget.Class, call func(ctx context.Context) (revento.Allowance, error)) error
}

// ReadPage reads a page with a token, and returns what the reply tells of the calls that are left.
type ReadPage func(ctx context.Context, access revento.Access, list List, cursor string) (Page, revento.Allowance, error)

// Calls is the Lists of Revento's API. It stops where somebody else may want the rest of the budget.
type Calls struct {
	Tokens Tokens
	Budget Budget
	Read   ReadPage
}

var _ Lists = (*Calls)(nil)

// Page implements Lists.
func (c *Calls) Page(ctx context.Context, of record.Connection, list List, cursor string) (page Page, err error) {
	var refused error
	err = c.Tokens.Call(ctx, of, func(ctx context.Context, access grant.Access) error {
		id, consented := access.Grant()
		from := budget.Of{Connection: of, Grant: id, Consented: consented, Limits: budget.Installation}
		return c.Budget.Do(ctx, from, budget.Background, func(ctx context.Context) (allowance revento.Allowance, err error) {
			page, allowance, refused = c.Read(ctx, access.Access, list, cursor)
			return allowance, refused
		})
	})
	if err != nil && refused != nil && !errors.Is(err, budget.ErrWait) {
		err = answered{err}
	}
	return page, err
}

// place is a part of a pass.
type place struct {
	name  string
	list  List
	thing mirror.Thing
	// scope unlocks it. (guide: /scopes/)
	scope string
}

const (
	scopeEvent        = "event.read"
	scopeParticipants = "participants.read"
	scopeProgram      = "program.read"
)

// places are the parts of a pass, in their order. The event is read first, for Revento's clock and whether it is published, and last,
// since it may have been unpublished meanwhile.
var places = []place{
	{"event", "", mirror.Event, scopeEvent},
	{"participants", "participants", mirror.Participant, scopeParticipants},
	{"activities", "activities", mirror.Activity, scopeProgram},
	{"threads", "threads", mirror.Thread, scopeProgram},
	{"locations", "locations", mirror.Location, scopeProgram},
	{"waves", "registration-waves", mirror.Wave, scopeProgram},
	{"program", "program", mirror.Program, scopeProgram},
	{"event again", "", mirror.Event, scopeEvent},
}

// after returns the part that follows on the one named, or the first, among those that the scope unlocks; false where there is none. A
// scope that is not known unlocks all.
func after(name, scope string) (place, bool) {
	next := slices.IndexFunc(places, func(p place) bool { return p.name == name }) + 1
	granted := strings.Fields(scope)
	for _, candidate := range places[next:] {
		if len(granted) == 0 || slices.Contains(granted, candidate.scope) {
			return candidate, true
		}
	}
	return place{}, false
}

func placeNamed(name string) (place, bool) {
	i := slices.IndexFunc(places, func(p place) bool { return p.name == name })
	if i < 0 {
		return place{}, false
	}
	return places[i], true
}
