package pagerduty

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/ground/clip"
)

// PagerDuty's limits. https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
const (
	maxSummary = 1024 // runes
	// maxEvent is in bytes of JSON: "512 KB", read as the smaller of its meanings.
	maxEvent = 512_000
)

// What is sent of other parts, in runes, so that only the details can make an event too large.
const (
	maxText = 255
	maxURL  = 2000
)

const (
	actionTrigger = "trigger"
	actionResolve = "resolve"

	client = "revento-alerts"
)

// newEvent is a page in the Events API's form. Where it is too large, it goes without details.
func newEvent(page incident.Page, routingKey string) (*pagerduty.V2Event, error) {
	content := page.Content
	event := &pagerduty.V2Event{
		RoutingKey: routingKey,
		Action:     actionTrigger,
		DedupKey:   page.IncidentKey,
		Client:     client,
		Payload: &pagerduty.V2Payload{
			Summary:   summary(content),
			Source:    source(content),
			Severity:  string(content.Severity),
			Timestamp: content.HappenedAt.UTC().Format(time.RFC3339Nano),
			Component: line(strings.TrimSpace(content.Family + " " + content.ResourceID)),
			Group:     line(content.EventID),
			Class:     line(content.Type),
			Details:   details(page),
		},
	}
	if content.Resolves {
		event.Action = actionResolve
	}
	if link := content.Link; link != "" && utf8.RuneCountInString(link) <= maxURL {
		event.ClientURL = link
		event.Links = []any{map[string]string{"href": link, "text": "Open in Revento"}}
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	if len(encoded) > maxEvent {
		event.Payload.Details = map[string]any{"note": "The details are left out: with them, the event is larger than PagerDuty takes.",
			"delivery_id": line(content.DeliveryID)}
	}
	return event, nil
}

// summary is what a phone shows, and what is read aloud: "[production] Application flagged for revision: app_xyz (evt_abc123)".
// The ids are clipped first, so that none of them hides what follows.
func summary(content alert.Content) string {
	text := "[" + line(content.Environment) + "] "
	if content.Resolves {
		text += "Resolved: "
	}
	text += line(content.Title)
	if content.ResourceID != "" {
		text += ": " + line(content.ResourceID)
	}
	if content.EventID != "" {
		text += " (" + named(content.EventName) + line(content.EventID) + ")"
	}
	return clip.Runes(text, maxSummary)
}

// named is a name before the id of what it is the name of.
func named(name string) string {
	if name = line(name); name == "" {
		return ""
	}
	return name + ", "
}

// source is the unique place of the fault, which PagerDuty requires.
func source(content alert.Content) string {
	for _, id := range []string{content.EventID, content.OrganizationID} {
		if shown := line(id); shown != "" {
			return shown
		}
	}
	return "revento"
}

// details are what Slack shows as well, under the names that Revento uses.
func details(page incident.Page) map[string]any {
	content := page.Content
	details := map[string]any{}
	for name, value := range map[string]string{
		"type":            content.Type,
		"event_id":        content.EventID,
		"event_name":      line(content.EventName),
		"organization_id": content.OrganizationID,
		"resource_id":     content.ResourceID,
		"environment":     content.Environment,
		"delivery_id":     content.DeliveryID,
	} {
		if value != "" {
			details[name] = value
		}
	}
	if content.FoundBy != "" {
		details["found_by"] = content.FoundBy
	}
	if page.Lateness > 0 {
		details["told_late_by"] = page.Lateness.Round(time.Second).String()
	}
	for _, field := range content.Fields {
		name := field.Name
		if _, taken := details[name]; taken {
			name = "data." + name
		}
		details[name] = field.Value
	}
	return details
}

func line(text string) string { return clip.Runes(clip.Line(text), maxText) }
