package alert

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// What is shown of a tally.
const (
	maxCounts = 20
	maxNewest = 5
	maxCrowds = 10
)

// Tally is the events that a digest tells of, by connection and type. It holds no more of a connection than its partition key and
// the moments of its events: so much that what is deleted meanwhile can be left out when the digest is told.
type Tally struct {
	// At is when the events were counted, and Since when the first of them was received.
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	Lines []Line    `json:"lines"`
	// Newest are the newest few of the events, the newest first.
	Newest []Sighting `json:"newest"`
	// Crowds are who attends the events that the lines are of, where that is known.
	Crowds []Crowd `json:"crowds,omitempty"`
	// Waiting is how many more events wait for the next digest.
	Waiting int `json:"waiting,omitempty"`
}

// Line is the events of one type and connection, those apart that no webhook told.
type Line struct {
	// Partition is the connection's partition key.
	Partition string `json:"partition"`
	Type      string `json:"type"`
	EventID   string `json:"event_id,omitempty"`
	FoundBy   string `json:"found_by,omitempty"`
	// HappenedAt is a moment for each event.
	HappenedAt []time.Time `json:"happened_at"`
}

// Sighting is one of a connection's events.
type Sighting struct {
	// Partition is the connection's partition key.
	Partition string `json:"partition"`
	Occurrence
}

// Crowd is how many attend a connection's event, as of the tally's At.
type Crowd struct {
	// Partition is the connection's partition key.
	Partition string `json:"partition"`
	Attendance
}

// Partitions lists the partition keys of the connections that the tally is about, each once.
func (t Tally) Partitions() []string {
	var partitions []string
	for _, line := range t.Lines {
		partitions = append(partitions, line.Partition)
	}
	slices.Sort(partitions)
	return slices.Compact(partitions)
}

// After returns the tally without what did not happen after its connection's cutoff. Cutoffs are by partition key; a connection
// that is not among them has none.
func (t Tally) After(cutoffs map[string]time.Time) Tally {
	stays := func(partition string, happenedAt time.Time) bool {
		cutoff, deleted := cutoffs[partition]
		return !deleted || happenedAt.After(cutoff)
	}
	left := t
	left.Lines, left.Newest, left.Crowds = nil, nil, nil
	for _, line := range t.Lines {
		kept := line
		kept.HappenedAt = nil
		for _, happenedAt := range line.HappenedAt {
			if stays(line.Partition, happenedAt) {
				kept.HappenedAt = append(kept.HappenedAt, happenedAt)
			}
		}
		if len(kept.HappenedAt) > 0 {
			left.Lines = append(left.Lines, kept)
		}
	}
	for _, seen := range t.Newest {
		if stays(seen.Partition, seen.HappenedAt) {
			left.Newest = append(left.Newest, seen)
		}
	}
	for _, crowd := range t.Crowds {
		if stays(crowd.Partition, t.At) {
			left.Crowds = append(left.Crowds, crowd)
		}
	}
	return left
}

// Events is how many events the tally tells of.
func (t Tally) Events() int {
	events := 0
	for _, line := range t.Lines {
		events += len(line.HappenedAt)
	}
	return events
}

// Digest is the tally as it is shown: events by type and Revento event.
func (t Tally) Digest() Digest {
	shown := Digest{Events: t.Events(), Waiting: t.Waiting}
	counts := t.counts()
	for _, left := range counts[min(len(counts), maxCounts):] {
		shown.OtherCounts++
		shown.OtherEvents += left.Events
	}
	shown.Counts = counts[:min(len(counts), maxCounts)]
	for _, seen := range t.Newest[:min(len(t.Newest), maxNewest)] {
		shown.Newest = append(shown.Newest, seen.Occurrence)
	}
	for _, crowd := range t.Crowds[:min(len(t.Crowds), maxCrowds)] {
		shown.Attendance = append(shown.Attendance, crowd.Attendance)
	}
	return shown
}

// counts are the events by type and Revento event, the most frequent first.
func (t Tally) counts() []Count {
	events := map[Count]int{}
	for _, line := range t.Lines {
		events[Count{Type: line.Type, EventID: line.EventID, FoundBy: line.FoundBy}] += len(line.HappenedAt)
	}
	counts := make([]Count, 0, len(events))
	for count, number := range events {
		count.Events = number
		counts = append(counts, count)
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Type, b.Type), cmp.Compare(a.EventID, b.EventID),
			cmp.Compare(a.FoundBy, b.FoundBy))
	})
	return counts
}

// Title is "12 events in the last 15 minutes".
func (t Tally) Title() string {
	events := "events"
	if t.Events() == 1 {
		events = "event"
	}
	return fmt.Sprintf("%d %s in the last %s", t.Events(), events, words(t.At.Sub(t.Since)))
}

// words tells how long ago something was, in one unit.
func words(ago time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case ago < 90*time.Second:
		return "minute"
	case ago < 2*time.Hour:
		return fmt.Sprintf("%d minutes", ago.Round(time.Minute)/time.Minute)
	case ago < 2*day:
		return fmt.Sprintf("%d hours", ago.Round(time.Hour)/time.Hour)
	default:
		return fmt.Sprintf("%d days", ago.Round(day)/day)
	}
}
