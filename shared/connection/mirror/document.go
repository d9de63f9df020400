package mirror

import (
	"bytes"
	"encoding/json"
	"strings"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/revento"
)

// Fields are a document's fields, as they came.
type Fields map[string]json.RawMessage

// fieldsOf reads a document; nil where it is no object.
func fieldsOf(document json.RawMessage) Fields {
	var fields Fields
	if json.Unmarshal(document, &fields) != nil {
		return nil
	}
	return fields
}

// Text is the first of the fields named that holds a text that is not empty, or a number; "" where none does.
func (f Fields) Text(names ...string) string {
	for _, name := range names {
		raw := bytes.TrimSpace(f[name])
		var text string
		if json.Unmarshal(raw, &text) == nil && text != "" {
			return text
		}
		var number json.Number
		if json.Unmarshal(raw, &number) == nil && number != "" {
			return number.String()
		}
	}
	return ""
}

// maxDocument is what a document may take as JSON, in bytes: two of a participant, sealed, fit into a record. An item of DynamoDB holds
// 400 KB. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxDocument = 96 << 10

// document is the fields as they are kept. Of one that is too large its largest fields are left out.
func (f Fields) document() json.RawMessage {
	for {
		document, err := json.Marshal(f)
		if err != nil { // a field that is no JSON, which no reader of JSON makes
			return json.RawMessage("{}")
		}
		if len(document) <= maxDocument {
			return document
		}
		f = f.withoutLargest()
	}
}

func (f Fields) withoutLargest() Fields {
	largest, size := "", -1
	for name, value := range f {
		if of := len(name) + len(value); of > size || of == size && name < largest {
			largest, size = name, of
		}
	}
	left := Fields{}
	for name, value := range f {
		if name != largest {
			left[name] = value
		}
	}
	return left
}

// maxName bounds what is kept of a name, and maxID of an id, in characters.
const (
	maxName = 200
	maxID   = 256
)

func nameIn(fields Fields) string {
	return clip.Runes(clip.Line(fields.Text("display_name", "name", "title")), maxName)
}

func lineIn(fields Fields, name string) string {
	return clip.Runes(clip.Line(fields.Text(name)), maxName)
}

func idIn(fields Fields, names ...string) string { return clip.Runes(fields.Text(names...), maxID) }

// statusIn is a status as it is counted by, which is kept unsealed: what has not the form of one is none of Revento's.
func statusIn(fields Fields, name string) string {
	status := fields.Text(name)
	if len(status) > maxStatus || strings.Trim(status, statusCharacters) != "" {
		return ""
	}
	return status
}

const (
	maxStatus        = 40
	statusCharacters = "abcdefghijklmnopqrstuvwxyz_0123456789"
)

// subject is what a document is about.
type subject struct {
	thing Thing
	part  Part
	id    string
	// registers says that a webhook tells of a registration, whatever its document names.
	registers bool
}

// statusField is the field of a participant's document that holds the application's status. (guide: /api/, /webhooks/)
func (s subject) statusField() string {
	if s.part == ApplicationPart {
		return "status"
	}
	return "application_status"
}

// registration is the status of a participant beside the application's, and whether a document tells of it.
func (s subject) registration(fields Fields) (status string, named bool) {
	if s.part != ParticipantPart {
		return "", false
	}
	_, named = fields["status"]
	status = statusIn(fields, "status")
	if s.registers && status == "" {
		return statusRegistered, true
	}
	return status, named
}

// things are the families of webhook types, by what is before the dot, that rows come of.
var things = map[string]Thing{
	"application": Participant, "participant": Participant, "activity": Activity, "thread": Thread, "location": Location, "event": Event,
}

// TypeCapacity is the type of the debounced snapshots of an activity's signups. (guide: /patterns/)
const TypeCapacity = "activity.capacity_state_changed"

// typeUnpublished tells that the event is not public any more. (guide: /patterns/)
const typeUnpublished = "event.unpublished"

// typeRegistered tells that a participant has reached the status registered. (guide: /patterns/)
const typeRegistered = "participant.registered"

// subjectOf is what a webhook is about; its id is "" where the webhook does not name it, and its thing where no row comes of its type.
func subjectOf(w Webhook) subject {
	family, _, _ := strings.Cut(w.Type, ".")
	of := subject{thing: things[family]}
	of.part, of.registers = Part(of.thing), w.Type == typeRegistered
	switch {
	case family == "application":
		of.part, of.id = ApplicationPart, idIn(w.Data, "participant_id")
	case w.Type == TypeCapacity:
		of.part, of.id = CapacityPart, idIn(w.Data, "activity_id", "id")
	case of.thing == Event:
		of.id = w.Connection.EventID
	default:
		of.id = idIn(w.Data, "id")
	}
	return of
}

// Mirrors says whether a webhook's type is one that rows come of.
func Mirrors(eventType string) bool {
	family, _, _ := strings.Cut(eventType, ".")
	return things[family] != ""
}

// listed is a document of a list, and what it is about.
type listed struct {
	subject
	fields Fields
}

// listedIn are a page's documents, of each row the last, and how many name nothing.
func listedIn(p Page) (rows []listed, unidentified int) {
	at := map[string]int{}
	for _, document := range p.Documents {
		row := listed{fields: fieldsOf(document)}
		row.subject = subject{thing: p.Thing, part: Part(p.Thing), id: idIn(row.fields, "id")}
		switch {
		case row.fields == nil:
		case p.Thing == Event:
			row.id = p.Connection.EventID
		case row.id == "" && p.Thing == Program: // it is not known whether an entry has an id
			row.id = revento.Hash(string(row.fields.document()))
		}
		if row.id == "" {
			unidentified++
			continue
		}
		if i, twice := at[row.id]; twice {
			rows[i] = row
			continue
		}
		at[row.id] = len(rows)
		rows = append(rows, row)
	}
	return rows, unidentified
}
