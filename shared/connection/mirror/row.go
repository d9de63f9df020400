package mirror

import (
	"encoding/json"
	"time"

	"revento-alerts/shared/alerting/record"
)

// Thing is what a row is of.
type Thing string

// The things.
const (
	Participant Thing = "participant"
	Activity    Thing = "activity"
	Thread      Thing = "thread"
	Location    Thing = "location"
	Wave        Thing = "wave"
	Program     Thing = "program" // an entry of the program
	Event       Thing = "event"
)

// Part is what of a row comes in one document. The parts of a row are merged apart.
type Part string

// The parts. A row of another thing than these has one part, which is named like the thing.
const (
	ApplicationPart Part = "application" // a participant's, which application webhooks bring
	ParticipantPart Part = "participant" // a participant's, which the list and participant webhooks bring
	CapacityPart    Part = "capacity"    // an activity's, which activity.capacity_state_changed brings: a state, never a step
)

// Presence is whether Revento still lists a row.
//
//	present --not in a complete pass--> missing once --nor in the next--> cancelled
//	either --listed, or told of by a webhook that is newer than the start of the first of those passes--> present
type Presence string

// The presences.
const (
	Present     Presence = "present"
	MissingOnce Presence = "missing_once"
	Cancelled   Presence = "cancelled"
)

// Seen is a pass that a row was in, or was not.
type Seen struct {
	// Pass is the pass's number; 0 for none.
	Pass int64 `json:"pass,omitempty"`
	// At is the moment in question: of a pass that saw the row, when it asked for the page; of one that missed it, when it started.
	At time.Time `json:"at,omitzero"`
}

// Pass names a full pass.
type Pass struct {
	// Number rises by one with each pass of a life; the first is 1.
	Number int64 `json:"number"`
	// StartedAt is when it began.
	StartedAt time.Time `json:"started_at"`
}

// Opened is a part as it is read.
type Opened struct {
	// Document is what Revento sent, with all its fields.
	Document json.RawMessage `json:"document"`
	Stamp
}

// Turn is the last change of a participant's status.
type Turn struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Stamp Stamp  `json:"stamp"`
}

// Row is a row as it is read, opened.
type Row struct {
	Connection record.Connection
	Thing      Thing
	// ID is Revento's id; for a document without one, of which only a list's of the program can be, its hash.
	ID    string
	Parts map[Part]Opened

	// Status is a participant's application status, of whichever part is newer, and Registration its own status beside that
	// ("registered"); "" where no document named one. Status names what comes of both.
	Application  string
	Registration string
	// ApplicationOf and RegistrationOf say where they come from, and whether they are to be verified.
	ApplicationOf, RegistrationOf Stamp
	// Turned is the last change of Status; zero where it never changed since it was first known.
	Turned Turn

	Presence Presence
	// FirstSeen and LastSeen are passes that saw the row; zero where none did yet.
	FirstSeen, LastSeen Seen
	// MissingSince is the pass that first missed it, with that pass's start; zero where it is present.
	MissingSince Seen
	// KnownSince is when the row was first written, by our clock.
	KnownSince time.Time
	// Heard is the newest occurred_at of the webhooks of each type, applied or not, and HeardAt the newest of all.
	Heard   map[string]time.Time
	HeardAt time.Time
	// Told are the moments of what was told of the row, by names that the teller chooses.
	Told map[string]time.Time

	// ApplicationID, UserID and Name are what a document last named; "". Name is a person's display name, or a thing's name.
	ApplicationID, UserID, Name string

	version int64
}

// Status is what a participant counts as: "registered" while the application is approved or its status is not known, since a
// registration is paid and approved (guide: /patterns/); otherwise the application's status; "" where nothing is known.
func (r Row) Status() string {
	switch {
	case r.Registration != "" && (r.Application == "" || r.Application == statusApproved):
		return r.Registration
	case r.Application != "":
		return r.Application
	default:
		return ""
	}
}

// The statuses that rules know. All others are taken as they come. (guide: /sandbox/, /patterns/)
const (
	statusApproved   = "approved"
	statusRegistered = "registered"
)

// IsMarked says whether something of the row waits to be verified by the next list.
func (r Row) IsMarked() bool {
	for _, part := range r.Parts {
		if part.IsMarked() {
			return true
		}
	}
	return r.ApplicationOf.IsMarked() || r.RegistrationOf.IsMarked()
}

// Cursor names the row for RowsAfter.
func (r Row) Cursor() string { return rowID(r.Connection, r.Thing, r.ID) }

func keyOf(connection record.Connection, thing Thing, id string) record.Key {
	return record.Key{Connection: connection, Kind: record.Row, ID: rowID(connection, thing, id)}
}
