package alert

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// Content is what an alert tells a person, whatever shows it.
type Content struct {
	Type string
	// Title is what happened, in plain words.
	Title string
	// Family is the kind of resource, such as "application".
	Family      string
	Severity    route.Severity
	Resolves    bool
	Environment string
	EventID     string
	// EventName is what the event is called, as strangers wrote it; "" where it is not known.
	EventName      string
	OrganizationID string
	ResourceID     string
	HappenedAt     time.Time
	// Fields are the data's fields that the settings let through.
	Fields []Field
	// Link leads to the resource, or is "".
	Link       string
	DeliveryID string
	// FoundBy is what found it, where no webhook told of it that should have (handoff.Own); "" elsewhere.
	FoundBy string
	// Digest is what a digest tells in place of the fields; nil elsewhere.
	Digest *Digest
}

// Field is one of the data's fields.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// lateAfter is how old an event may be before its alert says so: a person on call reads "now" otherwise.
const lateAfter = 2 * time.Minute

// Lateness is how long after its event an alert is told, or 0 where that is not worth a word.
func (c Content) Lateness(now time.Time) time.Duration {
	if late := now.Sub(c.HappenedAt); late >= lateAfter {
		return late
	}
	return 0
}

// titles are the plain words for the types that the guide names (guide: /patterns/), and for those of our own.
var titles = map[string]string{
	"application.submitted":           "New application",
	"application.approved":            "Application approved",
	"application.rejected":            "Application rejected",
	"application.revision_requested":  "Application flagged for revision",
	"participant.registered":          "Participant registered",
	"participant.profile_updated":     "Participant profile updated",
	"activity.updated":                "Activity updated",
	"activity.capacity_state_changed": "Activity capacity changed",
	"event.unpublished":               "Event unpublished",
	"integration.suspended":           "Integration suspended by Revento",
	revento.TypeDeletionRequired:      "Data deletion required",
	revento.TypeParticipantCancelled:  "Participant gone from the event",
	revento.TypeConnectionBroken:      "Connection to Revento broken",
	revento.TypeConnectionRestored:    "Connection to Revento restored",
	revento.TypeConnectionExpiring:    "Connection to Revento is about to end",
	revento.TypeSyncHeld:              "A person has to look at what vanished",
	revento.TypeReventoUnreachable:    "Revento answers nobody",
}

// TitleOf is what a type means in plain words; a type that nobody knew of is spelled out.
func TitleOf(eventType string) string {
	if title, known := titles[eventType]; known {
		return title
	}
	words := strings.Join(strings.FieldsFunc(eventType, func(r rune) bool { return r == '.' || r == '_' || unicode.IsSpace(r) }), " ")
	first, size := utf8.DecodeRuneInString(words)
	if size == 0 {
		return "Event of an unnamed type"
	}
	return string(unicode.ToUpper(first)) + words[size:]
}

// Display is what the settings say of how alerts look.
type Display struct {
	Environment string
	Fields      FieldFilter
	Link        LinkTemplate
}

// Describe makes the content for an event.
func (d Display) Describe(envelope revento.Envelope, happenedAt time.Time, severity route.Severity, resolves bool, deliveryID string) Content {
	return Content{
		Type:           envelope.Type,
		Title:          TitleOf(envelope.Type),
		Family:         envelope.Family(),
		Severity:       severity,
		Resolves:       resolves,
		Environment:    d.Environment,
		EventID:        envelope.EventID,
		OrganizationID: envelope.OrganizationID,
		ResourceID:     envelope.ResourceID(),
		HappenedAt:     happenedAt,
		Fields:         d.fieldsOf(envelope.Type).Select(envelope.Data),
		Link:           d.Link.Fill(envelope),
		DeliveryID:     deliveryID,
	}
}

// fieldsOf is what is shown of a type's data. What we say of a connection holds no personal data, and is shown whole.
func (d Display) fieldsOf(eventType string) FieldFilter {
	if revento.IsOwn(eventType) && eventType != revento.TypeParticipantCancelled {
		return NewFieldFilter([]string{"*"})
	}
	return d.Fields
}

// FieldFilter is the names of data's fields that alerts show. Fields may hold personal data, so nothing else is shown.
type FieldFilter struct {
	patterns []string
}

// NewFieldFilter takes names in which "*" may stand at either end for anything.
func NewFieldFilter(patterns []string) FieldFilter { return FieldFilter{patterns: patterns} }

// Select returns the fields that are let through and have a value, sorted by name with status first: it is what a person
// looks for. The resource's id is left out, since every alert shows it anyway.
func (f FieldFilter) Select(data map[string]json.RawMessage) []Field {
	var fields []Field
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if name == "id" || !f.Admits(name) {
			continue
		}
		if value := displayed(data[name]); value != "" {
			fields = append(fields, Field{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(fields, func(a, b Field) int { return compareBool(b.Name == "status", a.Name == "status") })
	return fields
}

// Admits says whether a field of this name is let through.
func (f FieldFilter) Admits(name string) bool {
	return slices.ContainsFunc(f.patterns, func(pattern string) bool { return matches(pattern, name) })
}

func matches(pattern, name string) bool {
	stem, anyEnd := strings.CutSuffix(pattern, "*")
	stem, anyStart := strings.CutPrefix(stem, "*")
	switch {
	case anyStart && anyEnd:
		return strings.Contains(name, stem)
	case anyStart:
		return strings.HasSuffix(name, stem)
	case anyEnd:
		return strings.HasPrefix(name, stem)
	default:
		return name == stem
	}
}

// displayed is a JSON value as a person reads it: text without quotes, nothing for null and what is empty, else JSON.
func displayed(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) != nil {
		return ""
	}
	switch shown := compact.String(); shown {
	case "null", "{}", "[]":
		return ""
	default:
		return shown
	}
}

// LinkTemplate is a URL with placeholders, or "".
type LinkTemplate string

// Placeholders are what a LinkTemplate may hold.
var Placeholders = []string{"{event_id}", "{organization_id}", "{resource_id}", "{type}"}

// Fill returns the link for an event, or "" where the template is empty or names an id that the event lacks: a link that
// leads nowhere is worse than none.
func (t LinkTemplate) Fill(envelope revento.Envelope) string {
	values := []string{envelope.EventID, envelope.OrganizationID, envelope.ResourceID(), envelope.Type}
	link := string(t)
	for i, placeholder := range Placeholders {
		if values[i] == "" && strings.Contains(link, placeholder) {
			return ""
		}
		link = strings.ReplaceAll(link, placeholder, escape(values[i]))
	}
	return link
}

// escape makes a value fit for any part of a URL: PathEscape would leave "&" and "=" as they are, and a "+", which is
// QueryEscape's space, stays a plus in a path.
func escape(value string) string { return strings.ReplaceAll(url.QueryEscape(value), "+", "%20") }
