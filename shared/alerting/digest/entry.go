// Package digest gathers what need not be told at once, and tells each Slack channel of it in one message on a schedule: how
// often what happened at which event, and the newest few.
//
//	hand-off -> entry, pending -----------------\
//	schedule -> run, for each channel: claimed (window, entries, summary) -> message to the slack queue -> entries told -> done
//
// An entry is there once, by its alert key, and a claim pins what it counts, so that every event is counted once and every
// message sent once, whatever comes again or stops in between.
package digest

import (
	"cmp"
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
)

// pendingEntries is the list of the entries that no digest has counted.
const pendingEntries = "digest"

// maxShown is how much of a text of strangers is kept to be shown, in runes.
const maxShown = 100

// maxIDBytes bounds each of the two ids of a connection, which are kept whole: Revento's have a few dozen characters, and a
// digest's claim must fit into a record.
const maxIDBytes = 1024

// reasonIDTooLong is the reason under which an event is parked whose ids are longer.
const reasonIDTooLong = "id_too_long"

// entry is what is kept of an event: nothing of its data but the resource's id.
type entry struct {
	Type           string    `json:"type"`
	EventID        string    `json:"event_id,omitempty"`
	OrganizationID string    `json:"organization_id,omitempty"`
	ResourceID     string    `json:"resource_id,omitempty"`
	OccurredAt     time.Time `json:"occurred_at"`
	ReceivedAt     time.Time `json:"received_at"`
	DeliveryID     string    `json:"delivery_id"`
	Channel        string    `json:"channel"`
	FoundBy        string    `json:"found_by,omitempty"`
	// Digest is the alert key of the digest that told of it; "" where none has, or where its connection's deletion came first.
	Digest string `json:"digest,omitempty"`
}

type entryRecord = record.Entry[entry]

func (e entry) connection() record.Connection {
	return record.Connection{EventID: e.EventID, OrganizationID: e.OrganizationID}
}

// ToldIn says what became of the record of an event that a digest is to tell of: it waits, or it was told, in the digest whose alert has
// the key returned. Neither means that its connection's deletion came first.
func ToldIn(stored record.Record) (alertKey string, waits bool, err error) {
	found, err := record.Decode[entry](stored)
	return found.Value.Digest, found.Pending != "", err
}

// later orders by what happened last.
func later(a, b entryRecord) int {
	return cmp.Or(b.Value.OccurredAt.Compare(a.Value.OccurredAt), b.Value.ReceivedAt.Compare(a.Value.ReceivedAt),
		cmp.Compare(a.Key.ID, b.Key.ID))
}

// Entries stores events until a digest tells of them.
type Entries struct {
	Records record.Store
}

var _ worker.Task = (*Entries)(nil)

// Work stores an event. It stays until a digest has told of it, however long that takes.
func (e *Entries) Work(ctx context.Context, event handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
	if max(len(event.Connection.EventID), len(event.Connection.OrganizationID)) > maxIDBytes {
		return "", &fault.Error{Class: fault.Permanent, Op: "store the event for the digest", Reason: reasonIDTooLong}
	}
	key := record.Key{Connection: event.Connection, Kind: record.Digest, ID: event.AlertKey}
	stored := record.Record{Key: key, OccurredAt: event.Order.OccurredAt, Pending: pendingEntries}
	_, err := record.Save(ctx, e.Records, entryRecord{Record: stored, Value: newEntry(event)})
	if errors.Is(err, record.ErrChanged) { // it is there
		return worker.Duplicate, nil
	}
	return worker.Noted, err
}

func newEntry(event handoff.Event) entry {
	return entry{
		Type:           clip.Runes(event.Envelope.Type, maxShown),
		EventID:        event.Connection.EventID,
		OrganizationID: event.Connection.OrganizationID,
		ResourceID:     clip.Runes(event.Envelope.ResourceID(), maxShown),
		OccurredAt:     event.Order.OccurredAt,
		ReceivedAt:     event.ReceivedAt,
		DeliveryID:     event.DeliveryID,
		Channel:        event.Channel,
		FoundBy:        event.FoundBy,
	}
}

// settle takes an entry out of the list of pending ones: a digest told of it, or its connection's deletion came first. An
// entry that is gone was purged, and one that another took out is out.
func (t *Task) settle(ctx context.Context, key record.Key, digest string) error {
	found, err := record.Load[entry](ctx, t.Records, key)
	if err != nil || found.Pending == "" {
		return err
	}
	found.Pending = ""
	found.Expires = t.Now().Add(alert.Retention)
	found.Value.Digest = digest
	_, err = record.Save(ctx, t.Records, found)
	if errors.Is(err, record.ErrChanged) {
		return nil
	}
	return err
}
