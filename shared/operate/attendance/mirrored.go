package attendance

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/mirror"
)

// registered is the status of a participant whose application is approved and paid, and typeRegistered the type of the webhook that tells
// of it. (guide: /patterns/)
const (
	registered     = "registered"
	typeRegistered = "participant.registered"
)

// Rows are what Revento knows of a connection: mirror.Mirror.
type Rows interface {
	RowsAfter(ctx context.Context, of record.Connection, thing mirror.Thing, cursor string) iter.Seq2[mirror.Row, error]
	Row(ctx context.Context, of record.Connection, thing mirror.Thing, id string) (mirror.Row, error)
	Summary(ctx context.Context, of record.Connection) (mirror.Summary, error)
}

// Mirrored are the people whom a mirror knows.
type Mirrored struct{ Rows Rows }

var _ People = Mirrored{}

// After implements People.
func (m Mirrored) After(ctx context.Context, of record.Connection, key string) iter.Seq2[Person, error] {
	return func(yield func(Person, error) bool) {
		for row, err := range m.Rows.RowsAfter(ctx, of, mirror.Participant, key) {
			if err != nil {
				yield(Person{}, err)
				return
			}
			if !yield(personOf(row), nil) {
				return
			}
		}
	}
}

// Participant implements People.
func (m Mirrored) Participant(ctx context.Context, of record.Connection, id string) (Person, error) {
	row, err := m.Rows.Row(ctx, of, mirror.Participant, id)
	if err == nil && row.Presence == "" {
		err = record.ErrNotFound
	}
	return personOf(row), err
}

// Tally implements People.
func (m Mirrored) Tally(ctx context.Context, of record.Connection) (Tally, error) {
	summary, err := m.Rows.Summary(ctx, of)
	tally := Tally{Total: summary.Total(), ByStatus: map[string]int{}}
	for status, number := range summary.ByStatus {
		tally.ByStatus[statusText(status)] += number
	}
	return tally, err
}

// statusUnknown stands for no status.
const statusUnknown = "unknown"

func statusText(status string) string {
	if status == "" {
		return statusUnknown
	}
	return status
}

func personOf(row mirror.Row) Person {
	p := Person{
		Key: row.Cursor(), ID: row.ID, Name: row.Name, Status: statusText(row.Status()), State: State(row.Presence),
		RegisteredAt: registeredAt(row), IsRegistered: row.Status() == registered,
	}
	if row.UserID != "" {
		p.User = record.UserKey(row.Connection, row.UserID)
	}
	return p
}

// registeredAt is when somebody became registered: as the webhook said, else as the list says, else when a list first showed it; zero
// where it is only known that they are.
func registeredAt(row mirror.Row) time.Time {
	if heard := row.Heard[typeRegistered]; !heard.IsZero() {
		return heard
	}
	var said struct {
		RegisteredAt time.Time `json:"registered_at"`
	}
	// What is no moment is not known.
	if document := row.Parts[mirror.ParticipantPart].Document; json.Unmarshal(document, &said) == nil && !said.RegisteredAt.IsZero() {
		return said.RegisteredAt.UTC()
	}
	if row.Turned.To == registered {
		return row.Turned.Stamp.AsOf
	}
	return time.Time{}
}
