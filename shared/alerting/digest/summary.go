package digest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/revento"
)

// maxNewest is how many of the newest events a digest names.
const maxNewest = 5

// eventType is the type of a digest's own envelope.
const eventType = "digest"

// lineKey is what the events of a tally's line have in common.
type lineKey struct {
	connection record.Connection
	eventType  string
	foundBy    string
}

func (e entry) lineKey() lineKey { return lineKey{e.connection(), e.Type, e.FoundBy} }

// tally counts by type and connection.
func tally(members []entryRecord, claim run) alert.Tally {
	counted := alert.Tally{At: claim.At, Since: since(members), Newest: newest(members), Waiting: claim.Waiting}
	lines := map[lineKey]int{}
	for _, member := range members {
		seen := sightingOf(member)
		i, known := lines[member.Value.lineKey()]
		if !known {
			i = len(counted.Lines)
			lines[member.Value.lineKey()] = i
			counted.Lines = append(counted.Lines, alert.Line{
				Partition: seen.Partition, Type: seen.Type, EventID: seen.EventID, FoundBy: seen.FoundBy,
			})
		}
		counted.Lines[i].HappenedAt = append(counted.Lines[i].HappenedAt, seen.HappenedAt)
	}
	return counted
}

func newest(members []entryRecord) []alert.Sighting {
	sorted := slices.SortedFunc(slices.Values(members), later)
	seen := make([]alert.Sighting, min(len(sorted), maxNewest))
	for i := range seen {
		seen[i] = sightingOf(sorted[i])
	}
	return seen
}

func sightingOf(member entryRecord) alert.Sighting {
	shown := member.Value
	return alert.Sighting{
		Partition: shown.connection().Partition(),
		Occurrence: alert.Occurrence{
			Type: shown.Type, EventID: clip.Runes(shown.EventID, maxShown), ResourceID: shown.ResourceID, FoundBy: shown.FoundBy,
			HappenedAt: shown.OccurredAt,
		},
	}
}

// since is when the first of the events was received.
func since(members []entryRecord) time.Time {
	first := slices.MinFunc(members, func(a, b entryRecord) int { return a.Value.ReceivedAt.Compare(b.Value.ReceivedAt) })
	return first.Value.ReceivedAt
}

// maxCrowds is of how many events a digest tells who attends.
const maxCrowds = 10

// crowds are who attends the events that a digest tells of, the most frequent first.
func (t *Task) crowds(ctx context.Context, members []entryRecord) []alert.Crowd {
	if t.Attends == nil {
		return nil
	}
	events := map[record.Connection]int{}
	for _, member := range members {
		events[member.Value.connection()]++
	}
	frequent := slices.SortedFunc(maps.Keys(events), func(a, b record.Connection) int {
		return cmp.Or(cmp.Compare(events[b], events[a]), cmp.Compare(a.EventID, b.EventID))
	})
	var crowds []alert.Crowd
	for _, of := range frequent[:min(len(frequent), maxCrowds)] {
		attends, known, err := t.Attends(ctx, of)
		if err != nil || !known {
			continue
		}
		attends.EventID, attends.Name = clip.Runes(of.EventID, maxShown), clip.Runes(attends.Name, maxShown)
		crowds = append(crowds, alert.Crowd{Partition: of.Partition(), Attendance: attends})
	}
	return crowds
}

// message is the digest on its way to Slack: a root of its own, known by the claim's alert key.
func (t *Task) message(ctx context.Context, latest runRecord, members []entryRecord) handoff.Message {
	claim, channel := latest.Value, latest.Key.ID
	counted := tally(members, claim)
	counted.Crowds = t.crowds(ctx, members)
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
		Form:        handoff.Digest{Tally: counted},
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
