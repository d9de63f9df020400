package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

const (
	// resourceLimit is how many stories Resource tells, the newest.
	resourceLimit = 50
	// journalLimit is how many of the journal's newest entries Resource looks through.
	journalLimit = 2000
	journalPage  = 100
)

// Resource tells the stories of a resource's deliveries, the newest first, 50 at the most. They are found by their alerts, so
// that one whose route was off, or whose event came before under another delivery id, is found only where the ledger is an
// ingest.Journal, among its newest 2,000 entries; by its id, Delivery finds each. It returns ErrNotFound where there is none.
func (t *Tracer) Resource(ctx context.Context, event, organization, resource string) ([]Story, error) {
	isOf := t.matcher(event, organization, resource)
	found, err := t.recorded(ctx, record.Connection{EventID: event, OrganizationID: organization}, isOf)
	if err != nil {
		return nil, err
	}
	if err := t.journaled(ctx, isOf, found); err != nil {
		return nil, err
	}
	stories := []Story{}
	for id, known := range found {
		told, err := t.deliveryOf(ctx, id, isOf)
		if err != nil {
			return nil, err
		}
		if len(told) == 0 {
			told = []Story{known.story(id)}
		}
		stories = append(stories, told...)
	}
	if len(stories) == 0 {
		return nil, fmt.Errorf("%w: no alert is known of %s of event %s and organization %s: its routes may be off, or a deletion may have "+
			"deleted it (%s); its delivery id, which Revento's console shows, tells more", ErrNotFound, resource, event, organization,
			t.command("deletions list"))
	}
	slices.SortFunc(stories, func(a, b Story) int { return began(b).Compare(began(a)) })
	return stories[:min(len(stories), resourceLimit)], nil
}

// deliveryOf tells what came under a delivery id and is of the incidents named, or not known to be of another.
func (t *Tracer) deliveryOf(ctx context.Context, id string, isOf matcher) ([]Story, error) {
	entries, err := t.entries(ctx, id)
	if err != nil {
		return nil, err
	}
	var stories []Story
	for _, entry := range entries {
		if entry.Story.IncidentKey != "" && !isOf(entry.Story.Type, entry.Story.IncidentKey) {
			continue
		}
		story, err := t.tell(ctx, &inquiry{Tracer: t, whole: true}, entry)
		if err != nil {
			return nil, err
		}
		stories = append(stories, story)
	}
	return stories, nil
}

// matcher says whether an incident is the resource's in the family of an event type. The key alone does not tell: which families there
// are, nobody knows.
type matcher func(eventType, incidentKey string) bool

func (t *Tracer) matcher(event, organization, resource string) matcher {
	id, _ := json.Marshal(resource) // cannot fail: a text
	keys := map[string]string{}     // of the event types that were asked for: a connection has many alerts of few types
	keyOf := func(eventType string) string {
		key, known := keys[eventType]
		if !known {
			key = alert.IncidentKey(t.Stack, revento.Envelope{
				Type: eventType, EventID: event, OrganizationID: organization, Data: map[string]json.RawMessage{"id": id},
			}, "")
			keys[eventType] = key
		}
		return key
	}
	return func(eventType, incidentKey string) bool {
		types := []string{eventType}
		if eventType == "" { // recorded by a version that did not keep it
			for _, trigger := range route.Triggers {
				types = append(types, trigger.Pattern)
			}
		}
		return slices.ContainsFunc(types, func(eventType string) bool { return keyOf(eventType) == incidentKey })
	}
}

// recorded finds the alerts by the deliveries that brought them.
func (t *Tracer) recorded(ctx context.Context, connection record.Connection, isOf matcher) (map[string]remnant, error) {
	found := map[string]remnant{}
	asked := &inquiry{Tracer: t}
	err := walk(ctx, t.Records, connection, func(key string, r alert.Record) {
		if !isOf(r.Type, r.IncidentKey) {
			return
		}
		a := Alert{Kind: kindOf(r), AlertKey: key, Channel: r.Channel}
		if a.Kind == route.PagerDuty {
			a.DedupKey = r.IncidentKey
		}
		asked.fill(&a, record.Entry[alert.Record]{Value: r, Known: true})
		a.Note = noteOf(a, t.Now())
		found[r.DeliveryID] = remnant{eventType: r.Type, alerts: append(found[r.DeliveryID].alerts, a)}
	})
	return found, err
}

// kindOf is what a record tells of its destination: only a Slack message has an id.
func kindOf(r alert.Record) route.Kind {
	switch {
	case r.TS != "":
		return route.Slack
	case r.State == alert.Sent:
		return route.PagerDuty
	}
	return ""
}

// journaled adds the deliveries that the journal knows.
func (t *Tracer) journaled(ctx context.Context, isOf matcher, found map[string]remnant) error {
	journal, ok := t.Ledger.(ingest.Journal)
	cursor := ""
	for seen := 0; ok && seen < journalLimit; seen += journalPage {
		entries, next, err := journal.Recent(ctx, t.Now(), journalPage, cursor)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if _, known := found[entry.DeliveryID]; !known && isOf(entry.Story.Type, entry.Story.IncidentKey) {
				found[entry.DeliveryID] = remnant{}
			}
		}
		cursor, ok = next, next != ""
	}
	return nil
}

// remnant is what the records tell of a delivery.
type remnant struct {
	eventType string
	alerts    []Alert
}

// story is all that is known where the ledger has forgotten the delivery.
func (r remnant) story(id string) Story {
	story := Story{
		DeliveryID: id, Type: r.eventType, Alerts: append([]Alert{}, r.alerts...), Others: []Story{},
		Why: "The ledger has forgotten the delivery; this is what is known of its alerts.",
	}
	story.Steps = steps(story)
	return story
}

// began is the first moment that is known of a story.
func began(s Story) time.Time {
	if s.ReceivedAt.IsZero() && len(s.Steps) > 0 {
		return s.Steps[0].At
	}
	return s.ReceivedAt
}
