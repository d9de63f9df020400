// Package meeting has a webhook and the delivery of our own that stands in for it alert once: whichever comes first to a destination is told
// there, and the other sends nothing.
//
//	webhook ----\
//	             >-- meeting of (person, type, destination): who came first? --first--> the destination's task
//	our own ----/                                                           \--second-> met: recorded, nothing sent
//
// They do not share a signed identity: what a list shows of a review is not what the webhook told of it. They share whom they are about, what
// happened and, within a margin, when.
package meeting

import (
	"context"
	"errors"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// Margin is how far apart the moments may be that a webhook and a list tell of the same: a review's moment and the webhook's occurred_at are
// not known to be one.
const Margin = 2 * time.Minute

// told is what came first to a destination.
type told struct {
	// Identity is the delivery's, and At its moment.
	Identity revento.Identity `json:"identity"`
	At       time.Time        `json:"at"`
}

// meeting is what is kept of a person, a type and a destination: the newest of each side that went on.
type meeting struct {
	Webhook *told `json:"webhook,omitempty"`
	Own     *told `json:"own,omitempty"`
}

type entry = record.Entry[meeting]

// Task stands before a destination's task.
type Task struct {
	Task    worker.Task
	Records record.Store
	Now     func() time.Time
}

var _ worker.Task = (*Task)(nil)

// attempts is how often a meeting is read again where the other comes at the same time.
const attempts = 5

// Work lets an event go on that comes first, and notes that the other has nothing to send. What meets nothing, since connections are off or
// no list shows its like, costs nothing.
func (t *Task) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	if !meets(event) {
		return t.Task.Work(ctx, event, line)
	}
	var goesOn bool
	var err error
	for range attempts {
		if goesOn, err = t.enter(ctx, event); !errors.Is(err, record.ErrChanged) {
			break
		}
	}
	switch {
	case errors.Is(err, record.ErrChanged):
		return "", &fault.Error{Class: fault.Transient, Op: "see who comes first", Reason: "others_write", Err: err}
	case err != nil:
		return "", err
	case goesOn:
		return t.Task.Work(ctx, event, line)
	}
	return t.met(ctx, event, line)
}

// meets says whether another delivery may tell the same.
func meets(event handoff.Event) bool {
	return (event.Mirrored || event.FoundBy != "") && slices.Contains(route.MayBeMissed, event.Envelope.Type) && len(subjects(event.Envelope)) > 0
}

// enter notes an event that comes first with all that it may be known by, and says whether it goes on.
func (t *Task) enter(ctx context.Context, event handoff.Event) (goesOn bool, err error) {
	var entries []entry
	for _, key := range keys(event) {
		known, err := record.LoadAfter[meeting](ctx, t.Records, key, event.Cutoff)
		if err != nil {
			return false, err
		}
		entries = append(entries, known)
	}
	mine := told{Identity: event.Identity, At: event.Order.OccurredAt}
	own := event.FoundBy != ""
	if slices.ContainsFunc(entries, func(e entry) bool { return e.Value.has(mine, own) }) { // it went on before, and comes again
		return true, nil
	}
	if slices.ContainsFunc(entries, func(e entry) bool { return e.Value.precedes(mine, own) }) {
		return false, nil
	}
	return true, t.note(ctx, entries, mine, own)
}

// note stores what goes on under all that it may be known by, or under none.
func (t *Task) note(ctx context.Context, entries []entry, mine told, own bool) error {
	var changed []record.Record
	for _, known := range entries {
		known.Value = known.Value.with(mine, own)
		known.OccurredAt = known.Value.newest()
		known.Expires = t.Now().Add(alert.Retention)
		encoded, err := record.Encode(known)
		if err != nil {
			return err
		}
		changed = append(changed, encoded)
	}
	return t.Records.PutAll(ctx, changed...)
}

// met records that the event's alert has nothing to send. What was begun before is brought to its end.
func (t *Task) met(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	key := record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey}
	known, err := record.Load[alert.Record](ctx, t.Records, key)
	switch {
	case err != nil:
		return "", err
	case known.Value.State == alert.Met:
		return worker.Duplicate, nil
	case known.Known:
		return t.Task.Work(ctx, event, line)
	}
	known.Value.DeliveryID, known.Value.Type, known.Value.IncidentKey = event.DeliveryID, event.Envelope.Type, event.IncidentKey
	known.Value.End(alert.Met)
	known.OccurredAt = event.Order.OccurredAt
	known.Expires = t.Now().Add(alert.Retention)
	_, err = record.Save(ctx, t.Records, known)
	return worker.Met, err
}

// side is what is known of webhooks, or of our own.
func (m meeting) side(own bool) *told {
	if own {
		return m.Own
	}
	return m.Webhook
}

// has says whether the delivery went on before.
func (m meeting) has(mine told, own bool) bool {
	known := m.side(own)
	return known != nil && known.Identity == mine.Identity
}

// precedes says whether the delivery has nothing to tell any more. A webhook is told whatever other webhooks told, and not where our own
// delivery told the same or something later; our own is not told where anything did.
func (m meeting) precedes(mine told, own bool) bool {
	if m.Own.covers(mine) {
		return true
	}
	return own && m.Webhook.covers(mine)
}

// covers says whether what was told is the same or later.
func (t *told) covers(mine told) bool { return t != nil && !mine.At.After(t.At.Add(Margin)) }

// with is the meeting with the delivery that goes on. An older webhook does not hide what the newest one covers.
func (m meeting) with(mine told, own bool) meeting {
	switch {
	case own:
		m.Own = &mine
	case m.Webhook == nil || mine.At.After(m.Webhook.At):
		m.Webhook = &mine
	}
	return m
}

func (m meeting) newest() time.Time {
	var newest time.Time
	for _, side := range []*told{m.Webhook, m.Own} {
		if side != nil && side.At.After(newest) {
			newest = side.At
		}
	}
	return newest
}

// subjects are those by which an event names the person whom it is about: the application, the participant, or both. A webhook may lack the
// participant's id, and our own the application's.
func subjects(envelope revento.Envelope) []string {
	own, participant := envelope.ResourceID(), revento.Text(envelope.Data["participant_id"])
	if envelope.Family() == "participant" {
		participant, own = own, ""
	}
	var named []string
	if own != "" && own != participant {
		named = append(named, revento.Hash("application", own))
	}
	if participant != "" {
		named = append(named, revento.Hash("participant", participant))
	}
	return named
}

// keys name the event's meetings, one for each subject.
func keys(event handoff.Event) []record.Key {
	var keys []record.Key
	for _, subject := range subjects(event.Envelope) {
		id := revento.Hash(subject, event.Envelope.Type, string(event.Kind), event.Channel)
		keys = append(keys, record.Key{Connection: event.Connection, Kind: record.Meeting, ID: id})
	}
	return keys
}
