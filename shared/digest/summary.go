package digest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/clip"
	"revento-alerts/shared/handoff"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/route"
)

// What a digest shows.
const (
	maxCounts = 20
	maxNewest = 5
)

// eventType is the type of a digest's own envelope.
const eventType = "digest"

// summarise counts by type and event.
func summarise(members []entryRecord) alert.Digest {
	events := map[alert.Count]int{}
	for _, counted := range members {
		events[alert.Count{Type: counted.Value.Type, EventID: counted.Value.EventID}]++
	}
	counts := make([]alert.Count, 0, len(events))
	for count, number := range events {
		counts = append(counts, alert.Count{Type: count.Type, EventID: count.EventID, Events: number})
	}
	slices.SortFunc(counts, func(a, b alert.Count) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Type, b.Type), cmp.Compare(a.EventID, b.EventID))
	})
	summary := alert.Digest{Events: len(members), Newest: newest(members)}
	for _, left := range counts[min(len(counts), maxCounts):] {
		summary.OtherCounts++
		summary.OtherEvents += left.Events
	}
	for _, count := range counts[:min(len(counts), maxCounts)] {
		count.EventID = clip.Runes(count.EventID, maxShown)
		summary.Counts = append(summary.Counts, count)
	}
	return summary
}

func newest(members []entryRecord) []alert.Occurrence {
	sorted := slices.SortedFunc(slices.Values(members), later)
	occurrences := make([]alert.Occurrence, min(len(sorted), maxNewest))
	for i := range occurrences {
		shown := sorted[i].Value
		occurrences[i] = alert.Occurrence{
			Type: shown.Type, EventID: clip.Runes(shown.EventID, maxShown), ResourceID: shown.ResourceID, HappenedAt: shown.OccurredAt,
		}
	}
	return occurrences
}

// since is when the first of the events was received.
func since(members []entryRecord) time.Time {
	first := slices.MinFunc(members, func(a, b entryRecord) int { return a.Value.ReceivedAt.Compare(b.Value.ReceivedAt) })
	return first.Value.ReceivedAt
}

// message is the digest on its way to Slack: a root of its own. The same claim makes the same message.
func (t *Task) message(latest runRecord) handoff.Message {
	claim, channel := latest.Value, latest.Key.ID
	return handoff.Message{
		DeliveryID:  fmt.Sprintf("digest-%s-%s", channel, claim.Window.Format(time.RFC3339)),
		Identity:    revento.Identity(claim.AlertKey),
		AlertKey:    claim.AlertKey,
		IncidentKey: claim.AlertKey,
		Kind:        route.Slack,
		Channel:     channel,
		Severity:    route.Info,
		SignedAt:    claim.At,
		ReceivedAt:  claim.At,
		QueuedAt:    t.Now().UTC(),
		Form:        handoff.Digest{Title: title(claim), Summary: *claim.Summary},
		Body:        envelope(claim),
	}
}

func envelope(claim run) []byte {
	text, err := json.Marshal(map[string]string{"type": eventType, "occurred_at": claim.At.Format(time.RFC3339Nano)})
	if err != nil {
		panic("digest: an envelope of plain strings cannot fail to encode: " + err.Error())
	}
	return text
}

// title is "12 events in the last 15 minutes".
func title(claim run) string {
	events := "events"
	if claim.Summary.Events == 1 {
		events = "event"
	}
	return fmt.Sprintf("%d %s in the last %s", claim.Summary.Events, events, words(claim.At.Sub(claim.Since)))
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
