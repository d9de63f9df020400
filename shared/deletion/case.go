// Package deletion meets Revento's data.deletion_required: it stops what is done for the connection at once, deletes what is
// kept of it when the time of grace is over, and keeps a record that proves it.
//
//	request -> tombstone (cutoff) -> case: requested -> scheduled -> started -> finished
//	                                       \-> superseded: a newer request has a later cutoff
//	                                       \-> held: it names a user, or no connection -> closed, by a person with a note
//
// Nothing that happened up to the cutoff is stored or alerted any more, however late it comes. What happened later shows that
// the connection is back; it is kept. (guide: /patterns/, /webhooks/)
package deletion

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/handoff"
	"revento-alerts/shared/record"
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
	Held       State = "held"       // nothing is stopped or deleted until a person has looked
	Closed     State = "closed"     // a person ended a held request
)

// IsOpen says whether something is left to be done without a person.
func (s State) IsOpen() bool { return s == Requested || s == Scheduled || s == Started }

// Reason is why a request is held for a person.
type Reason string

// The reasons.
const (
	NamesUser      Reason = "it names a user: what is kept is not kept by user"
	NoEvent        Reason = "its event_id is null: what it is about is not known"
	NoOrganization Reason = "its organization_id is null: what it is about is not known"
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
	// Held is why a person has to look, or "".
	Held       Reason `json:"held,omitempty"`
	DeliveryID string `json:"delivery_id"`
	// RequestedAt is when the request was received, Due when the purge is to run.
	RequestedAt time.Time `json:"requested_at"`
	Due         time.Time `json:"due,omitzero"`
	// BroughtForward says that a person asked for the deletion before it was due.
	BroughtForward bool      `json:"brought_forward,omitempty"`
	ScheduledAt    time.Time `json:"scheduled_at,omitzero"`
	StartedAt      time.Time `json:"started_at,omitzero"`
	FinishedAt     time.Time `json:"finished_at,omitzero"`
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
	// Kept counts the records of after the cutoff, which stay.
	Kept int `json:"kept,omitempty"`
	// SlackMessages counts the Slack messages that the records told of, also where nobody knew whether Slack had taken them, and
	// SlackLeft those of them that stay in Slack: by the settings, or since Slack did not let them go. After a crash one may
	// count twice.
	SlackMessages int `json:"slack_messages,omitempty"`
	SlackLeft     int `json:"slack_left,omitempty"`
	// Residual is what remains elsewhere.
	Residual []Residual `json:"residual,omitempty"`
}

// Connection is the connection whose data is to go.
func (c Case) Connection() record.Connection {
	return record.Connection{EventID: c.EventID, OrganizationID: c.OrganizationID}
}

// Entry is a case as it is stored.
type Entry = record.Entry[Case]

// cutoffLayout has one width, so that a connection's cases sort by time.
const cutoffLayout = "2006-01-02T15:04:05.000000000Z"

// caseKey names the case of a connection and a cutoff. A held request is a case of its own, since two may name two users.
func caseKey(event handoff.Event, held Reason) record.Key {
	id := event.Order.OccurredAt.UTC().Format(cutoffLayout)
	if held != "" {
		id += "-" + revento.Hash(string(event.Identity), string(event.Envelope.Data[userID]))
	}
	return record.Key{Connection: event.Connection, Kind: record.Deletion, ID: id}
}

// idLength is the length of a case's id, in hex digits: enough for two of an installation's cases never to share one.
const idLength = 16

func idOf(key record.Key) string {
	return revento.Hash(key.Connection.EventID, key.Connection.OrganizationID, key.ID)[:idLength]
}

// tombstone is what is kept beside a connection's cutoff.
type tombstone struct {
	// Returned says that something of after the cutoff came, and that it was announced.
	Returned bool `json:"returned,omitempty"`
	// Case is the key's id of the case whose cutoff it is.
	Case string `json:"case"`
}

func loadTombstone(ctx context.Context, store record.Store, connection record.Connection) (record.Entry[tombstone], error) {
	return record.Load[tombstone](ctx, store, record.TombstoneKey(connection))
}

// held says whether a person has to look at the request first, and why.
func held(event handoff.Event) Reason {
	switch {
	case event.Envelope.EventID == "":
		return NoEvent
	case event.Envelope.OrganizationID == "":
		return NoOrganization
	case namesUser(event.Envelope.Data[userID]):
		return NamesUser
	default:
		return ""
	}
}

// userID is the field of the request's data that names a user.
const userID = "user_id"

// namesUser takes whatever form the id has for a user: to delete all of the connection by mistake cannot be undone.
func namesUser(id json.RawMessage) bool {
	text := string(id)
	return text != "" && text != "null" && text != `""`
}

// newCase is the request's case before anything was done.
func newCase(event handoff.Event, held Reason, state State) Case {
	return Case{
		EventID:        event.Envelope.EventID,
		OrganizationID: event.Envelope.OrganizationID,
		Cutoff:         event.Order.OccurredAt,
		State:          state,
		Held:           held,
		DeliveryID:     event.DeliveryID,
		RequestedAt:    event.ReceivedAt,
	}
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
