package alert

import (
	"cmp"
	"slices"
	"time"
)

// Digest is what a digest tells of many events. Types and ids are as strangers wrote them, clipped.
type Digest struct {
	// Events is how many events it tells of.
	Events int `json:"events"`
	// Counts are the events by type and Revento event, the most frequent first.
	Counts []Count `json:"counts"`
	// OtherCounts says how many counts are left out of Counts, and OtherEvents how many events those are.
	OtherCounts int `json:"other_counts,omitempty"`
	OtherEvents int `json:"other_events,omitempty"`
	// Newest are the newest few of the events, the newest first.
	Newest []Occurrence `json:"newest"`
	// Attendance is how many attend the events, where that is known.
	Attendance []Attendance `json:"attendance,omitempty"`
	// Waiting is how many more events at least wait for the next digest.
	Waiting int `json:"waiting,omitempty"`
}

// WithoutIDs returns the digest by type alone.
func (d Digest) WithoutIDs() Digest {
	bare := d
	bare.Counts, bare.Newest, bare.Attendance = nil, nil, nil
	for _, count := range d.Counts {
		same := func(other Count) bool { return other.Type == count.Type }
		if i := slices.IndexFunc(bare.Counts, same); i >= 0 {
			bare.Counts[i].Events += count.Events
			continue
		}
		bare.Counts = append(bare.Counts, Count{Type: count.Type, Events: count.Events})
	}
	slices.SortStableFunc(bare.Counts, func(a, b Count) int { return cmp.Compare(b.Events, a.Events) })
	return bare
}

// Attendance is how many attend a Revento event.
type Attendance struct {
	EventID string `json:"event_id"`
	// Name is the event's, as its organizer wrote it, clipped; "" where not known.
	Name       string `json:"name,omitempty"`
	Registered int    `json:"registered"`
	// CancelledToday is how many came to be cancelled on this day, in UTC.
	CancelledToday int `json:"cancelled_today,omitempty"`
}

// Named returns the digest with what events are called, by their ids.
func (d Digest) Named(names map[string]string) Digest {
	d.Counts, d.Newest = slices.Clone(d.Counts), slices.Clone(d.Newest)
	for i := range d.Counts {
		d.Counts[i].EventName = names[d.Counts[i].EventID]
	}
	for i := range d.Newest {
		d.Newest[i].EventName = names[d.Newest[i].EventID]
	}
	return d
}

// Count is how often something happened at a Revento event.
type Count struct {
	Type    string `json:"type"`
	EventID string `json:"event_id,omitempty"`
	// EventName is Content's. It is found when the digest is told.
	EventName string `json:"-"`
	// FoundBy is Content's.
	FoundBy string `json:"found_by,omitempty"`
	Events  int    `json:"events"`
}

// Occurrence is something that happened.
type Occurrence struct {
	Type       string    `json:"type"`
	EventID    string    `json:"event_id,omitempty"`
	EventName  string    `json:"-"`
	ResourceID string    `json:"resource_id,omitempty"`
	FoundBy    string    `json:"found_by,omitempty"`
	HappenedAt time.Time `json:"happened_at"`
}
