package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/ingest"
	"revento-alerts/shared/record"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/route"
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
	keys := t.incidentKeys(event, organization, resource)
	found, err := t.recorded(ctx, record.Connection{EventID: event, OrganizationID: organization}, keys)
	if err != nil {
		return nil, err
	}
	if err := t.journaled(ctx, keys, found); err != nil {
		return nil, err
	}
	stories := []Story{}
	for id, known := range found {
		told, err := t.deliveryOf(ctx, id, keys)
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
			"deleted it ('revento-alerts deletions list'); its delivery id, which Revento's console shows, tells more", ErrNotFound, resource, event, organization)
	}
	slices.SortFunc(stories, func(a, b Story) int { return began(b).Compare(began(a)) })
	return stories[:min(len(stories), resourceLimit)], nil
}

// deliveryOf tells what came under a delivery id and is of the incidents named, or not known to be of another.
func (t *Tracer) deliveryOf(ctx context.Context, id string, keys map[string]bool) ([]Story, error) {
	entries, err := t.entries(ctx, id)
	if err != nil {
		return nil, err
	}
	var stories []Story
	for _, entry := range entries {
		if key := entry.Story.IncidentKey; key != "" && !keys[key] {
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

// incidentKeys are those of a resource in each family that the routes name.
func (t *Tracer) incidentKeys(event, organization, resource string) map[string]bool {
	keys := map[string]bool{}
	id, _ := json.Marshal(resource) // cannot fail: a text
	for _, trigger := range route.Triggers {
		envelope := revento.Envelope{
			Type: trigger.Pattern, EventID: event, OrganizationID: organization, Data: map[string]json.RawMessage{"id": id},
		}
		keys[alert.IncidentKey(t.Stack, envelope, "")] = true
	}
	return keys
}

// recorded finds the alerts by the deliveries that brought them.
func (t *Tracer) recorded(ctx context.Context, connection record.Connection, keys map[string]bool) (map[string]remnant, error) {
	found := map[string]remnant{}
	asked := &inquiry{Tracer: t}
	err := walk(ctx, t.Records, connection, func(key string, r alert.Record) {
		if !keys[r.IncidentKey] {
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
func (t *Tracer) journaled(ctx context.Context, keys map[string]bool, found map[string]remnant) error {
	journal, ok := t.Ledger.(ingest.Journal)
	cursor := ""
	for seen := 0; ok && seen < journalLimit; seen += journalPage {
		entries, next, err := journal.Recent(ctx, t.Now(), journalPage, cursor)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if _, known := found[entry.DeliveryID]; !known && keys[entry.Story.IncidentKey] {
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
		DeliveryID: id, Type: r.eventType, Alerts: r.alerts, Others: []Story{},
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
