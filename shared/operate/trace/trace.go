// Package trace tells a delivery's story to a person who asks why somebody was told, or was not: from the ledger, the records of
// its alerts, the deletions and the dead letters. It changes nothing.
package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/operate/deadletter"
)

// Records reads a store of records.
type Records interface {
	// Get is record.Store's.
	Get(ctx context.Context, key record.Key) (record.Record, error)
	// Query is record.Purger's.
	Query(ctx context.Context, connection record.Connection, after string) ([]record.Record, error)
}

// Tracer tells stories.
type Tracer struct {
	Stack string
	// Ledger has the deliveries of the last Window. Where it is an ingest.Journal, those of a resource that alerted nobody are
	// found too.
	Ledger ingest.Finder
	Window time.Duration
	// Records is what is kept of connections, Deletions the store of deletions, and Cases the requests for deletion.
	Records   Records
	Deletions Records
	Cases     func(context.Context) ([]deletion.Entry, error)
	// Letters are the dead letters.
	Letters *deadletter.Desk
	// Routes are those in force now.
	Routes route.Table
	// Refusals are the last ones of a delivery id, the newest first; nil where they are not kept. Refused says where to look then.
	Refusals func(deliveryID string) []ingest.Refusal
	Refused  string
	// Installation is what the commands need that a story tells people to type.
	Installation installation.Name
	// SlackRecorded says that a recorder stands in for Slack: its messages have no links.
	SlackRecorded bool
	Now           func() time.Time
}

// Story is what became of a delivery. Moments that are not known are zero.
type Story struct {
	DeliveryID string    `json:"delivery_id"`
	Type       string    `json:"type"`
	ReceivedAt time.Time `json:"received_at,omitzero"`
	// Secret is the number of the webhook secret that signed it, from 1, the newest.
	Secret int `json:"secret,omitempty"`
	// FoundBy is what found it, where no webhook told of it that should have, and OccurredAt when it happened then.
	FoundBy    string    `json:"found_by,omitempty"`
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	// State is the ledger's, or "" for a delivery that the ledger has forgotten.
	State       ingest.State `json:"state,omitempty"`
	ClaimedAt   time.Time    `json:"claimed_at,omitzero"`
	HandedOffAt time.Time    `json:"handed_off_at,omitzero"`
	// Why says why it paged somebody, or did not.
	Why   string `json:"why"`
	Steps []Step `json:"steps"`
	// EventName is what its event is called, on one line; "" where that is not known.
	EventName string `json:"event_name,omitempty"`
	// Mirrored says that it went to the mirror too.
	Mirrored bool `json:"mirrored,omitempty"`
	// Alerts are empty where its route was off.
	Alerts []Alert `json:"alerts"`
	// Others are the stories of other events that came under the delivery id.
	Others []Story `json:"others"`
}

// Step is something that happened, in the order of time.
type Step struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Detail string    `json:"detail,omitempty"`
}

// The states of an alert that its record does not tell, beside those that it does. An alert of a deletion request is in the
// state of the deletion.
const (
	Waiting   alert.State = "waiting"   // in its queue, or on its way there
	Parked    alert.State = "parked"    // among the dead letters
	Moved     alert.State = "moved"     // a redrive found another channel for it
	Dropped   alert.State = "dropped"   // by a person, from among the dead letters
	Deleted   alert.State = "deleted"   // stopped for a deletion request, and so never told
	Erased    alert.State = "erased"    // its record was deleted for a deletion request: whether it was told is not known any more
	Forgotten alert.State = "forgotten" // older than records are kept
)

// Alert is what became of a delivery at one destination.
type Alert struct {
	Kind     route.Kind `json:"kind"`
	Channel  string     `json:"channel,omitempty"`
	AlertKey string     `json:"alert_key"`
	// Resolves says that it ends an incident or a thread.
	Resolves bool        `json:"resolves,omitempty"`
	State    alert.State `json:"state"`
	// Note says in plain words what the state means here.
	Note         string    `json:"note"`
	Attempts     int       `json:"attempts"`
	FirstAttempt time.Time `json:"first_attempt,omitzero"`
	LastAttempt  time.Time `json:"last_attempt,omitzero"`
	// Answer is the reason of the last failure, as the provider names it.
	Answer string `json:"answer,omitempty"`
	// Link leads to the Slack message, and TS is Slack's id of it within its channel.
	Link string `json:"link,omitempty"`
	TS   string `json:"ts,omitempty"`
	// DedupKey is PagerDuty's of the incident.
	DedupKey         string `json:"dedup_key,omitempty"`
	PossiblyRepeated bool   `json:"possibly_repeated,omitempty"`
	// Letter is the dead letter's id, and ParkedAt when it was parked.
	Letter   string    `json:"letter,omitempty"`
	ParkedAt time.Time `json:"parked_at,omitzero"`
	// Deeds are what people did with it, the newest last.
	Deeds []ingest.Deed `json:"deeds,omitempty"`
}

// place names the destination for people.
func (a Alert) place() string {
	if a.Channel == "" {
		return cmp.Or(string(a.Kind), "destination not known")
	}
	return string(a.Kind) + " " + a.Channel
}

// ErrNotFound is returned for a delivery that the ledger does not know; what wraps it says where else to look.
var ErrNotFound = errors.New("no such delivery")

// Delivery tells a delivery's story, and those of other events that came under its id. It returns ErrNotFound.
func (t *Tracer) Delivery(ctx context.Context, id string) (Story, error) {
	entries, err := t.entries(ctx, id)
	if err != nil {
		return Story{}, err
	}
	if len(entries) == 0 {
		return Story{}, t.unknown(id)
	}
	story, err := t.tell(ctx, &inquiry{Tracer: t, whole: true}, entries[0])
	for _, entry := range entries[1:] {
		if err == nil {
			var other Story
			other, err = t.tell(ctx, &inquiry{Tracer: t, whole: true}, entry)
			story.Others = append(story.Others, other)
		}
	}
	for _, refusal := range t.refusals(id) {
		story.Steps = append(story.Steps, Step{At: refusal.At, What: "refused", Detail: refusal.String()})
	}
	slices.SortStableFunc(story.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return story, err
}

func (t *Tracer) refusals(id string) []ingest.Refusal {
	if t.Refusals == nil {
		return nil
	}
	return t.Refusals(id)
}

// unknown says what may have become of a delivery that the ledger does not know.
func (t *Tracer) unknown(id string) error {
	if refused := t.refusals(id); len(refused) > 0 {
		newest := refused[0]
		return fmt.Errorf("%w in the ledger: %q was refused %s, at last at %s: %s", ErrNotFound, id, times(len(refused)), legible.Time(newest.At), newest)
	}
	lookedUp := "the log's line with this delivery_id tells its status and reason"
	if t.Refused != "" {
		lookedUp = t.Refused
	}
	return fmt.Errorf("%w: %q never came, was refused (%s), was answered 503 and not sent again yet, or came more than %s ago, which is "+
		"as long as the ledger remembers", ErrNotFound, id, lookedUp, t.Window)
}

// entries are those of a delivery id, the one that has it first.
func (t *Tracer) entries(ctx context.Context, id string) ([]ingest.Entry, error) {
	now := t.Now()
	entry, err := t.Ledger.Find(ctx, id, now)
	if err != nil && !errors.Is(err, ingest.ErrNotFound) {
		return nil, err
	}
	var entries []ingest.Entry
	if err == nil {
		entries = append(entries, entry)
	}
	apart, err := t.Ledger.FindApart(ctx, id, now)
	return append(entries, apart...), err
}

// Recent tells the stories of a page of the journal, newest received first, and what the next page begins behind, as
// ingest.Journal.Recent does. They leave out what only a look at all of a connection's records would tell.
func (t *Tracer) Recent(ctx context.Context, journal ingest.Journal, limit int, before string) (stories []Story, next string, err error) {
	entries, next, err := journal.Recent(ctx, t.Now(), limit, before)
	if err != nil {
		return nil, "", err
	}
	asked := &inquiry{Tracer: t}
	for _, entry := range entries {
		story, err := t.tell(ctx, asked, entry)
		if err != nil {
			return nil, "", err
		}
		stories = append(stories, story)
	}
	return stories, next, nil
}

func (t *Tracer) tell(ctx context.Context, asked *inquiry, entry ingest.Entry) (Story, error) {
	alerts, err := asked.alerts(ctx, entry)
	if err != nil {
		return Story{}, err
	}
	story := Story{
		DeliveryID:  entry.DeliveryID,
		Type:        entry.Story.Type,
		ReceivedAt:  entry.ReceivedAt,
		Secret:      entry.Story.Secret,
		EventName:   asked.nameOf(ctx, entry),
		Mirrored:    entry.Story.Mirrored,
		State:       entry.State,
		ClaimedAt:   entry.ClaimedAt,
		HandedOffAt: entry.HandedOffAt,
		Alerts:      alerts,
		Others:      []Story{},
	}
	if story.FoundBy = entry.Story.FoundBy; story.FoundBy != "" {
		story.OccurredAt = entry.Story.OccurredAt
	}
	story.Steps = steps(story)
	story.Why = t.why(story, entry.Ends)
	if entry.Story.Deleted {
		story.Why = "What it was and where it went is deleted: its connection's data had to go (see " + t.command("deletions list") + ")."
	}
	return story, nil
}
