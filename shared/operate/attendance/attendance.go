// Package attendance tells who attends an event: who is known of there, how many they are, and who has come, by check-ins of one's own.
// It asks nobody: all of it is what the mirror knows of Revento, and what was scanned at the door.
package attendance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
)

// State says whether a participant is there still, as complete lists of Revento's show it.
type State string

// The states.
const (
	Present State = "present"
	// MissingOnce is one whom the last list left out: nobody is declared gone by one list alone.
	MissingOnce State = "missing_once"
	Cancelled   State = "cancelled"
)

// Person is what is known of a participant.
type Person struct {
	// Key is of fixed length and names nobody. People comes in its order.
	Key  string
	ID   string
	Name string
	// User is record.UserKey of who it is, or "" where Revento did not tell.
	User   string
	Status string
	State  State
	// RegisteredAt is when they became registered; zero where they did not, or nobody knows when.
	RegisteredAt time.Time
	// IsRegistered says whether they are.
	IsRegistered bool
}

// Tally is how many are known of at an event: total and by status those who are there, missing once or not.
type Tally struct {
	Total    int
	ByStatus map[string]int
}

// People knows who is at a connection's event, of its present life.
type People interface {
	// After ranges over the participants in the order of their keys, those after a key, "" for all. It holds few of them at a time.
	After(ctx context.Context, of record.Connection, key string) iter.Seq2[Person, error]
	// Participant returns one by Revento's id, or record.ErrNotFound.
	Participant(ctx context.Context, of record.Connection, id string) (Person, error)
	// Tally returns how many there are, by one small record.
	Tally(ctx context.Context, of record.Connection) (Tally, error)
}

// Connections finds an event's connection: life.Operator.
type Connections interface {
	// Current returns it, or its error says what to do.
	Current(ctx context.Context, eventID string) (connection.Standing, error)
}

// Records is where check-ins are kept.
type Records interface {
	record.Store
	QueryKind(ctx context.Context, connection record.Connection, kind record.Kind, after string) ([]record.Record, error)
}

// Attendance tells who attends.
type Attendance struct {
	Connections Connections
	People      People
	Records     Records
	Now         func() time.Time
}

// Errors of Attendance; what wraps them names the remedy.
var (
	// ErrUnknown is returned for a participant whom nothing is known of.
	ErrUnknown = errors.New("no such participant")
	// ErrTime is returned for a moment that cannot be meant.
	ErrTime = errors.New("that moment cannot be meant")
	// ErrState is returned for a connection whose data is to be deleted, or whose deletion waits for a person.
	ErrState = errors.New("not in this state")
)

// Participant is a participant as it is shown.
type Participant struct {
	ID             string    `json:"id"`
	EventID        string    `json:"event_id"`
	OrganizationID string    `json:"organization_id"`
	Name           string    `json:"name"`
	Status         string    `json:"status"`
	State          State     `json:"state"`
	RegisteredAt   time.Time `json:"registered_at,omitzero"`
	CheckedInAt    time.Time `json:"checked_in_at,omitzero"`
}

// Selection is which participants are meant; the zero value means all.
type Selection struct {
	// Here means those who checked in, whatever Revento says of them: they stand at the door.
	Here bool
	// Since and Until mean those who became registered from the one up to, and not including, the other. Zero is no bound.
	Since, Until time.Time
}

func (s Selection) isTimed() bool { return !s.Since.IsZero() || !s.Until.IsZero() }

func (s Selection) isAll() bool { return !s.Here && !s.isTimed() }

func (s Selection) means(p Person, checkedIn time.Time) bool {
	switch {
	case s.Here && checkedIn.IsZero():
		return false
	case !s.isTimed():
		return true
	default:
		return !p.RegisteredAt.IsZero() && !p.RegisteredAt.Before(s.Since) && (s.Until.IsZero() || p.RegisteredAt.Before(s.Until))
	}
}

// check refuses a selection that can mean nobody.
func (s Selection) check() error {
	if !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return fmt.Errorf("%w: since has to be before until", ErrTime)
	}
	return nil
}

// current is an event's connection, whose data may be looked at.
func (a *Attendance) current(ctx context.Context, eventID string) (connection.Standing, error) {
	standing, err := a.Connections.Current(ctx, eventID)
	switch {
	case err != nil:
		return standing, err
	case standing.IsEnded():
		return standing, fmt.Errorf("%w: the connection of %s is ended, and what is kept of it is to be deleted", ErrState, eventID)
	case standing.IsStopped():
		return standing, fmt.Errorf("%w: the connection of %s is stopped by a request for deletion that waits for a person", ErrState, eventID)
	default:
		return standing, nil
	}
}

// PageSize is how many participants a page shows at the most.
const PageSize = 1000

// Page is some of the participants.
type Page struct {
	Participants []Participant `json:"participants"`
	// Next is what the next page comes after; "" where there is none.
	Next string `json:"next"`
}

// List returns those of an event's participants whom the selection means, page by page: after is the Next of the page before, "" for the
// first. It returns ErrState, ErrTime and Connections' errors.
func (a *Attendance) List(ctx context.Context, eventID string, selected Selection, after string) (Page, error) {
	page := Page{Participants: []Participant{}}
	standing, err := a.opened(ctx, eventID, selected)
	if err != nil {
		return page, err
	}
	for p, err := range a.everybody(ctx, standing, after) {
		if err != nil {
			return page, err
		}
		if !selected.means(p.Person, p.checkedIn) {
			continue
		}
		if len(page.Participants) == PageSize {
			page.Next = after
			break
		}
		page.Participants = append(page.Participants, p.shown(standing.Connection))
		after = p.Key
	}
	return page, nil
}

func (a *Attendance) opened(ctx context.Context, eventID string, selected Selection) (connection.Standing, error) {
	if err := selected.check(); err != nil {
		return connection.Standing{}, err
	}
	return a.current(ctx, eventID)
}

// Count is how many participants an event has.
type Count struct {
	EventID string `json:"event_id"`
	// Total is who is there, as far as they were asked for.
	Total    int            `json:"total"`
	ByStatus map[string]int `json:"by_status"`
	// Since and Until are what was asked for.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Undated are registered of whom nobody knows since when; counted where times were asked for, and not among Total.
	Undated int `json:"undated,omitempty"`
}

// Count counts those of an event's participants whom the selection means: all who are there by one small record, without a look at any of
// them. Who cancelled counts only where they are here all the same. It returns List's errors.
func (a *Attendance) Count(ctx context.Context, eventID string, selected Selection) (Count, error) {
	counted := Count{EventID: eventID, ByStatus: map[string]int{}, Since: selected.Since, Until: selected.Until}
	standing, err := a.opened(ctx, eventID, selected)
	if err != nil {
		return counted, err
	}
	if selected.isAll() {
		tally, err := a.People.Tally(ctx, standing.Connection)
		counted.Total = tally.Total
		for status, number := range tally.ByStatus {
			counted.ByStatus[status] = number
		}
		return counted, err
	}
	for p, err := range a.everybody(ctx, standing, "") {
		if err != nil {
			return counted, err
		}
		counted.add(selected, p)
	}
	return counted, nil
}

func (c *Count) add(selected Selection, p guest) {
	switch {
	case p.State == Cancelled && !selected.Here:
	case selected.means(p.Person, p.checkedIn):
		c.Total++
		c.ByStatus[p.Status]++
	case selected.isTimed() && p.IsRegistered && p.RegisteredAt.IsZero() && (!selected.Here || !p.checkedIn.IsZero()):
		c.Undated++
	}
}

// guest is a participant, and when they came.
type guest struct {
	Person
	checkedIn time.Time
}

func (g guest) shown(of record.Connection) Participant {
	return Participant{
		ID: g.ID, EventID: of.EventID, OrganizationID: of.OrganizationID, Name: g.Name, Status: g.Status, State: g.State,
		RegisteredAt: g.RegisteredAt, CheckedInAt: g.checkedIn,
	}
}

// everybody ranges over the participants after a key, each with their check-in. Both come in the order of the keys, and are read side by
// side, so that neither has to fit into memory.
func (a *Attendance) everybody(ctx context.Context, standing connection.Standing, after string) iter.Seq2[guest, error] {
	return func(yield func(guest, error) bool) {
		next, stop := iter.Pull2(a.checkIns(ctx, standing, after))
		defer stop()
		in, err, more := next()
		for p, personErr := range a.People.After(ctx, standing.Connection, after) {
			for more && err == nil && in.Key.ID < p.Key {
				in, err, more = next()
			}
			if failed := errors.Join(personErr, err); failed != nil {
				yield(guest{}, fmt.Errorf("read who attends: %w", failed))
				return
			}
			one := guest{Person: p}
			if more && in.Key.ID == p.Key {
				one.checkedIn = in.Value.At
			}
			if !yield(one, nil) {
				return
			}
		}
	}
}
