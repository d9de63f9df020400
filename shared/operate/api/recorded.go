package api

import (
	"cmp"
	"encoding/json"
	"net/http"

	"revento-alerts/shared/provider/recorder"
)

// SlackRecord tells what Slack would show; *recorder.Recorder does.
type SlackRecord interface {
	// Messages returns the messages in the order of their posting.
	Messages() []recorder.Message
}

// PagerDutyRecord tells what PagerDuty would show; *recorder.Recorder does.
type PagerDutyRecord interface {
	// Incidents returns the incidents in the order of their opening.
	Incidents() []recorder.Incident
}

// Channels is the answer to GET /api/slack.
type Channels struct {
	// Channels are in the order of their first messages.
	Channels []Channel `json:"channels"`
}

// Channel is a Slack channel.
type Channel struct {
	ID string `json:"id"`
	// Messages are in the order of their posting; replies name the root of their thread.
	Messages []Message `json:"messages"`
}

// Message is a Slack message as it now stands. Blocks and attachments are Slack's JSON, and not looked at.
type Message struct {
	TS          string          `json:"ts"`
	Thread      string          `json:"thread_ts,omitempty"`
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Updated     bool            `json:"updated"`
	Deleted     bool            `json:"deleted"`
}

func (b Backend) listSlack(*http.Request) (any, error) {
	if b.Slack == nil {
		return nil, unavailable("Slack's messages are in Slack: here they are kept only where a recorder stands in for it")
	}
	shown := Channels{Channels: []Channel{}}
	place := map[string]int{}
	for _, m := range b.Slack.Messages() {
		at, known := place[m.Channel]
		if !known {
			at = len(shown.Channels)
			place[m.Channel] = at
			shown.Channels = append(shown.Channels, Channel{ID: m.Channel})
		}
		channel := &shown.Channels[at]
		channel.Messages = append(channel.Messages, Message{
			TS: m.TS, Thread: m.Thread, Text: m.Text, Blocks: m.Blocks, Attachments: m.Attachments,
			Updated: m.Updates > 0, Deleted: m.Deleted,
		})
	}
	return shown, nil
}

// Incidents is the answer to GET /api/pagerduty.
type Incidents struct {
	// Incidents are the newest first.
	Incidents []Incident `json:"incidents"`
}

// The states of an incident. Nobody acknowledges what only a recorder has.
const (
	stateTriggered = "triggered"
	stateResolved  = "resolved"
)

// Incident is a PagerDuty incident as its newest trigger shows it.
type Incident struct {
	DedupKey  string `json:"dedup_key"`
	State     string `json:"state"`
	Severity  string `json:"severity"`
	Summary   string `json:"summary"`
	Source    string `json:"source"`
	Component string `json:"component,omitempty"`
	Group     string `json:"group,omitempty"`
	Class     string `json:"class,omitempty"`
	// Details are the custom details, as they were sent.
	Details json.RawMessage `json:"details,omitempty"`
	// Triggers counts the triggers; the first alone pages somebody.
	Triggers int `json:"triggers"`
	// OpenedAt is when the newest trigger's event happened, ResolvedAt when that did which resolved the incident: as they were
	// sent, in RFC 3339 where the product sent them.
	OpenedAt   string `json:"opened_at,omitempty"`
	ResolvedAt string `json:"resolved_at,omitempty"`
	// Resolution is the summary of what resolved the incident.
	Resolution string `json:"resolution,omitempty"`
	Link       string `json:"link,omitempty"`
}

func (b Backend) listPagerDuty(*http.Request) (any, error) {
	if b.PagerDuty == nil {
		return nil, unavailable("PagerDuty's incidents are in PagerDuty: here they are kept only where a recorder stands in for it")
	}
	recorded := b.PagerDuty.Incidents()
	shown := Incidents{Incidents: make([]Incident, len(recorded))}
	for i, incident := range recorded {
		shown.Incidents[len(recorded)-1-i] = incidentOf(incident)
	}
	return shown, nil
}

func incidentOf(recorded recorder.Incident) Incident {
	trigger := readEvent(recorded.Event)
	payload := trigger.Payload
	shown := Incident{
		DedupKey: recorded.DedupKey, State: stateTriggered, Severity: payload.Severity, Summary: payload.Summary, Source: payload.Source,
		Component: payload.Component, Group: payload.Group, Class: payload.Class, Details: payload.Details,
		Triggers: recorded.Triggers, OpenedAt: payload.Timestamp, Link: linkOf(trigger),
	}
	if recorded.Resolved {
		resolution := readEvent(recorded.Resolution).Payload
		shown.State, shown.ResolvedAt, shown.Resolution = stateResolved, resolution.Timestamp, resolution.Summary
	}
	return shown
}

// readEvent returns what can be read: the recorder has looked at the fields that PagerDuty asks for, and at no other.
func readEvent(encoded json.RawMessage) recorder.Event {
	var event recorder.Event
	_ = json.Unmarshal(encoded, &event)
	return event
}

func linkOf(e recorder.Event) string {
	if len(e.Links) > 0 {
		return cmp.Or(e.ClientURL, e.Links[0].Address)
	}
	return e.ClientURL
}
