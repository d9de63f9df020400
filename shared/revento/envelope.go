package revento

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"strconv"
	"strings"
	"time"
)

// Refusals of ParseEnvelope. They carry nothing of what was received.
var (
	ErrNotObject = errors.New("the body is not one JSON object")
	ErrNoType    = errors.New("the body has no type that is a non-empty string")
)

// Envelope is a delivery's body, read tolerantly: only Type is sure to be there. Field names are matched to the letter,
// unlike encoding/json does for structs. (guide: /webhooks/events/)
type Envelope struct {
	// ID is the envelope's own id. How it relates to the delivery id is not known, so no rule relies on it.
	ID string
	// Type is the event type, such as "application.approved". It is never empty.
	Type string
	// OccurredAt is when it happened, or zero where that is missing or not an RFC 3339 time.
	OccurredAt time.Time
	// EventID is the Revento event (the convention); empty on the integration's own events.
	EventID string
	// OrganizationID is the organizer; empty on the integration's own events.
	OrganizationID string
	// Data is the snapshot of the resource, or nil where it is missing or not an object.
	Data map[string]json.RawMessage
}

// ParseEnvelope reads a body. It returns ErrNotObject or ErrNoType, and forgives everything else.
func ParseEnvelope(body []byte) (Envelope, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		return Envelope{}, ErrNotObject
	}
	var eventType string
	if err := json.Unmarshal(fields["type"], &eventType); err != nil || eventType == "" {
		return Envelope{}, ErrNoType
	}
	envelope := Envelope{
		ID:             Text(fields["id"]),
		Type:           eventType,
		EventID:        Text(fields["event_id"]),
		OrganizationID: Text(fields["organization_id"]),
	}
	envelope.OccurredAt = moment(Text(fields["occurred_at"]))
	// Data that is not an object stays nil: its fields are not known anyway.
	_ = json.Unmarshal(fields["data"], &envelope.Data)
	return envelope, nil
}

// moment returns an RFC 3339 time in UTC, or zero for what is none. The RFC allows its letters in lower case (section 5.6),
// which package time does not; a moment before the first year could not be stored as JSON.
func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil || at.Before(time.Time{}) {
		return time.Time{}
	}
	return at.UTC()
}

// Text returns a JSON string's or number's text, and "" for everything else: ids are strings in all known samples, and a
// number would do as well.
func Text(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		return number.String()
	}
	return ""
}

// ResourceID is the id of the resource that the event is about (data.id), or "" where there is none.
func (e Envelope) ResourceID() string { return Text(e.Data["id"]) }

// Family is the part of the type before its first dot: "application" of "application.approved".
func (e Envelope) Family() string { return FamilyOf(e.Type) }

// timestampUnit is what the signed timestamp counts in: an event of its second's last fraction is no later than it.
// (guide: /webhooks/events/)
const timestampUnit = time.Second

// HappenedAt is the event's moment for ordering. A time that is missing, unreadable or a second or more later than the signature
// counts as the signature's, so that a sender's wrong clock cannot make one event outlive all others. Within the signature's own
// second, fractions stay: two events of one second keep their order, and a deletion's cutoff what it covers.
func (e Envelope) HappenedAt(signedAt time.Time) time.Time {
	if e.OccurredAt.IsZero() || !e.OccurredAt.Before(signedAt.Add(timestampUnit)) {
		return signedAt.UTC()
	}
	return e.OccurredAt
}

// TypeDeletionRequired is the one type of the family "data" that the guide names. (guide: /patterns/)
const TypeDeletionRequired = "data.deletion_required"

// IsDataRequest says whether an event of the type asks for something that has to be done with data. No such event is dropped,
// whatever the routes say: the guide names one of the family, and another is for a person to look at.
func IsDataRequest(eventType string) bool {
	const family = "data."
	return len(eventType) >= len(family) && strings.EqualFold(eventType[:len(family)], family)
}

// Identity is the signed identity of a delivery: 64 hex digits that are equal for two deliveries of one event, whatever
// their unsigned delivery ids say.
type Identity string

// Identity hashes type, event, organization, resource and moment, or the body where one of the last two is missing: it is
// then all that tells two events apart. A deletion request needs no resource id, since it is about the connection; should it
// name a user, it is about that user.
func (e Envelope) Identity(body []byte) Identity {
	resource := e.ResourceID()
	if e.Type == TypeDeletionRequired {
		resource = cmp.Or(resource, Text(e.Data["user_id"]))
	}
	if e.OccurredAt.IsZero() || (resource == "" && e.Type != TypeDeletionRequired) {
		digest := sha256.Sum256(body)
		return Identity(hex.EncodeToString(digest[:]))
	}
	return Identity(Hash(e.Type, e.EventID, e.OrganizationID, resource, e.OccurredAt.Format(time.RFC3339Nano)))
}

// Hash returns 64 hex digits for a list of texts. Lengths are hashed along, so that no two lists run together.
func Hash(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		writePart(h, part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writePart(h hash.Hash, part string) {
	h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
	h.Write([]byte{':'})
	h.Write([]byte(part))
}

// FamilyOf is the part of an event type before its first dot.
func FamilyOf(eventType string) string {
	family, _, _ := strings.Cut(eventType, ".")
	return family
}
