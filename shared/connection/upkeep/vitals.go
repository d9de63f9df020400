package upkeep

import (
	"context"
	"slices"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
)

// vitals is what is kept of a connection's health. Of another life it counts as absent.
type vitals struct {
	EventID        string          `json:"event_id"`
	OrganizationID string          `json:"organization_id"`
	Life           connection.Life `json:"life"`
	Health         health.State    `json:"health"`
	// Due is when it is to be probed; zero where it is at once, as in what a former version kept.
	Due time.Time `json:"due,omitzero"`
}

type vitalsEntry = record.Entry[vitals]

// listOpen holds the connections that are ill, or of which something is to be told or to be sent.
const listOpen = "health"

func vitalsKey(of record.Connection) record.Key {
	return record.Key{Connection: of, Kind: record.Health}
}

func (v vitals) connection() record.Connection {
	return record.Connection{EventID: v.EventID, OrganizationID: v.OrganizationID}
}

// isDue says whether the connection is to be probed: its time has come, or no probe was made since the organizer consented.
func (v vitals) isDue(s connection.Standing, now time.Time) bool {
	return !v.Due.After(now) || v.Health.Grant != grantOf(s)
}

func (u *Upkeep) loadVitals(ctx context.Context, s connection.Standing) (vitalsEntry, error) {
	entry, err := record.Load[vitals](ctx, u.Records, vitalsKey(s.Connection))
	if err != nil {
		return entry, err
	}
	if entry.Value.Life != s.Life {
		entry.Value.Health, entry.Value.Due = health.State{}, time.Time{}
	}
	entry.Value.EventID, entry.Value.OrganizationID, entry.Value.Life = s.EventID, s.OrganizationID, s.Life
	entry.OccurredAt = s.ConnectedAt
	return entry, nil
}

// listed returns the entry in the list where it belongs.
func listed(entry vitalsEntry) vitalsEntry {
	entry.Pending = ""
	if entry.Value.Health.IsOpen() {
		entry.Pending = listOpen
	}
	return entry
}

func same(a, b health.State) bool {
	return a.Number == b.Number && a.Told == b.Told && a.Flapping == b.Flapping && a.Status == b.Status &&
		slices.Equal(a.Changes, b.Changes) && len(a.Outbox) == len(b.Outbox)
}
