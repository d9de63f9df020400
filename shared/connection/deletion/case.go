// Package deletion meets Revento's data.deletion_required: it stops what is done for the connection at once, deletes what is
// kept of it when the time of grace is over, and keeps a record that proves it.
//
//	request -> tombstone (cutoff) -> case: requested -> scheduled -> started -> finished
//	                                       \-> superseded: a newer request has a later cutoff
//	                                       \-> held: it names a person, or no connection; nothing stops -> closed, by a person
//	                                       \-> held: nobody foresaw its keys; the connection is stopped -> closed, and data
//	                                           flows again, or confirmed: scheduled
//
// Nothing that happened up to the cutoff is stored or alerted any more, however late it comes. What happened later shows that
// the connection is back; it is kept. (guide: /patterns/, /webhooks/)
package deletion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/subject"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/revento"
)

// State is how far a deletion has come.
type State string

// The states.
const (
	Requested  State = "requested"  // the tombstone is set
	Scheduled  State = "scheduled"  // the connection is stopped, its incidents are resolved, the purge has its date
	Started    State = "started"    // the purge has counted what it will delete
	Finished   State = "finished"   // nothing of before the cutoff is left
	Superseded State = "superseded" // it came after a request with a later cutoff
	Held       State = "held"       // nothing is deleted until a person has looked
	Closed     State = "closed"     // a person ended a held request
)

// IsOpen says whether something is left to be done without a person.
func (s State) IsOpen() bool { return s == Requested || s == Scheduled || s == Started }

// Reason is why a request is held for a person.
type Reason string

// The reasons.
const (
	NamesPerson    Reason = "it names a person, and is not about the whole connection"
	NoEvent        Reason = "its event_id is null: what it is about is not known"
	NoOrganization Reason = "its organization_id is null: what it is about is not known"
	UnknownKeys    Reason = "its data holds what the setting DeletionFields does not name: what it is about is not known"
	UnknownType    Reason = "it is a data request of a type that this program does not know"
)

// Case is the deletion record: what was asked for, what was done and when. It holds no personal data.
type Case struct {
	// ID is the case's name for people, schedules and keys.
	ID             string `json:"id"`
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	// Cutoff is the moment that the request is about: what happened up to then is deleted.
	Cutoff time.Time `json:"cutoff"`
	State  State     `json:"state"`
	// Held is why a person has, or had, to look, or "".
	Held Reason `json:"held,omitempty"`
	// Keys are those of the request's data that nobody foresaw, where Held is UnknownKeys (subject.Subject.Keys).
	Keys []string `json:"keys,omitempty"`
	// Type is the request's event type where Held is UnknownType, fit to be shown.
	Type       string `json:"type,omitempty"`
	DeliveryID string `json:"delivery_id"`
	// RequestedAt is when the request was received, Due when the purge is to run.
	RequestedAt time.Time `json:"requested_at"`
	Due         time.Time `json:"due,omitzero"`
	// BroughtForwardAt is when a person asked for the deletion before it was due. BroughtForward is all that is known of that
	// in cases of before; their Due is the moment instead.
	BroughtForwardAt time.Time `json:"brought_forward_at,omitzero"`
	BroughtForward   bool      `json:"brought_forward,omitempty"`
	// RepeatedAt is when a person last had a finished deletion done again.
	RepeatedAt time.Time `json:"repeated_at,omitzero"`
	// StoppedAt is when the connection was stopped for a request that is held, and ConfirmedAt when a person had it done.
	StoppedAt   time.Time `json:"stopped_at,omitzero"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
	ScheduledAt time.Time `json:"scheduled_at,omitzero"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
	// OverdueAt is when the sweep first found the purge to be late.
	OverdueAt time.Time `json:"overdue_at,omitzero"`
	ClosedAt  time.Time `json:"closed_at,omitzero"`
	// Note is what the person wrote who closed it.
	Note string `json:"note,omitempty"`

	// Resolved counts the incidents that were open when the connection was stopped.
	Resolved int `json:"resolved"`
	// Repeats is how often a person had a finished deletion done again, after a backup was restored.
	Repeats int `json:"repeats,omitempty"`
	// Found counts, by kind, the records of up to the cutoff when the purge started, all its repeats together. No more of them
	// can come, so that this is what was deleted, but for records that an event of after the cutoff renewed meanwhile.
	Found map[record.Kind]int `json:"found,omitempty"`
	// Forgotten counts, by place, what was deleted of the connection beside the records (Keeper.Place).
	Forgotten map[string]int `json:"forgotten,omitempty"`
	// Kept counts the records of after the cutoff, which stay.
	Kept int `json:"kept,omitempty"`
	// SlackMessages counts the Slack messages that the records told of, also where nobody knew whether Slack had taken them, and
	// SlackLeft those of them that stay in Slack: by the settings, or since Slack did not let them go. After a crash one may
	// count twice.
	SlackMessages int `json:"slack_messages,omitempty"`
	SlackLeft     int `json:"slack_left,omitempty"`
	// PersonForgotten says that the request was closed by deleting what was kept of the person whom it names, and PersonRecords counts
	// that: after a crash too few.
	PersonForgotten bool `json:"person_forgotten,omitempty"`
	PersonRecords   int  `json:"person_records,omitempty"`
	// Residual is what remains elsewhere.
	Residual []Residual `json:"residual,omitempty"`
}

// IsStopped says whether the request stops its connection while it is held.
func (c Case) IsStopped() bool { return c.State == Held && c.Held == UnknownKeys }

// Stops says whether the request stops what happened up to its cutoff.
func (c Case) Stops() bool { return c.IsStopped() || c.State.IsOpen() || c.State == Finished }

// DueAt is when the purge is to run: on its date, or when a person asked for it.
func (c Case) DueAt() time.Time {
	switch {
	case !c.RepeatedAt.IsZero():
		return c.RepeatedAt
	case !c.BroughtForwardAt.IsZero():
		return c.BroughtForwardAt
	default:
		return c.Due
	}
}

// Connection is the connection whose data is to go.
func (c Case) Connection() record.Connection {
	return record.Connection{EventID: c.EventID, OrganizationID: c.OrganizationID}
}

// Entry is a case as it is stored.
type Entry = record.Entry[Case]

// cutoffLayout has one width, so that a connection's cases sort by time.
const cutoffLayout = "2006-01-02T15:04:05.000000000Z"

// request is an event of the deletion queue, with what it is about.
type request struct {
	handoff.Event
	subject subject.Subject
	// held is why a person has to look at it first, or "".
	held Reason
}

func newRequest(event handoff.Event, fields alert.FieldFilter) request {
	r := request{Event: event, subject: subject.Of(event.Body, fields)}
	switch {
	case event.Envelope.Type != revento.TypeDeletionRequired:
		r.held = UnknownType
	case event.Envelope.EventID == "":
		r.held = NoEvent
	case event.Envelope.OrganizationID == "":
		r.held = NoOrganization
	case r.subject.Kind == subject.Person:
		r.held = NamesPerson
	case r.subject.Kind != subject.Connection:
		r.held = UnknownKeys
	}
	return r
}

// key names the request's case: one for each connection and cutoff. A request that is held is a case of its own, since two may
// name two persons.
func (r request) key() record.Key {
	id := r.Order.OccurredAt.UTC().Format(cutoffLayout)
	if r.held != "" {
		id += "-" + revento.Hash(string(r.Identity), r.subject.Digest)
	}
	return record.Key{Connection: r.Connection, Kind: record.Deletion, ID: id}
}

// stop is what the request stops.
func (r request) stop() connection.Stop {
	return connection.Stop{Case: r.key().ID, Cutoff: r.Order.OccurredAt}
}

// stopOf is what a case stops.
func stopOf(entry Entry) connection.Stop {
	return connection.Stop{Case: entry.Key.ID, Cutoff: entry.Value.Cutoff}
}

// newCase is the request's case before anything was done.
func (r request) newCase(state State) Case {
	made := Case{
		EventID:        r.Envelope.EventID,
		OrganizationID: r.Envelope.OrganizationID,
		Cutoff:         r.Order.OccurredAt,
		State:          state,
		Held:           r.held,
		DeliveryID:     r.DeliveryID,
		RequestedAt:    r.ReceivedAt,
	}
	switch r.held {
	case UnknownKeys:
		made.Keys = r.subject.Keys
	case UnknownType:
		made.Type = clip.Runes(clip.Line(r.Envelope.Type), maxType)
	}
	return made
}

// maxType bounds what is kept of a type that nobody knows, in characters.
const maxType = 128

// idLength is the length of a case's id, in hex digits: enough for two of an installation's cases never to share one.
const idLength = 16

func idOf(key record.Key) string {
	return revento.Hash(key.Connection.EventID, key.Connection.OrganizationID, key.ID)[:idLength]
}

// all lists the cases, the latest request first.
func all(ctx context.Context, store Store) ([]Entry, error) {
	listed, err := store.List(ctx, record.Deletion)
	if err != nil {
		return nil, fmt.Errorf("list the deletions: %w", err)
	}
	entries := make([]Entry, len(listed))
	for i, stored := range listed {
		if entries[i], err = record.Decode[Case](stored); err != nil {
			return nil, err
		}
		entries[i].Key.Connection = entries[i].Value.Connection()
	}
	slices.SortFunc(entries, compare)
	return entries, nil
}

func compare(a, b Entry) int {
	return cmp.Or(b.Value.RequestedAt.Compare(a.Value.RequestedAt), cmp.Compare(a.Value.ID, b.Value.ID))
}

// Store is the store of deletions.
type Store interface {
	record.Store
	record.Lister
}
