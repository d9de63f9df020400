package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/operate/deadletter"
)

// lettersTimeout bounds the look at the dead letters, of which there may be many.
const lettersTimeout = 10 * time.Second

// inquiry is one question, and what was read for it.
type inquiry struct {
	*Tracer
	// whole says to look at all of the connection's records for what a redrive sent elsewhere.
	whole bool

	listed  map[queue.Name]bool
	letters []deadletter.Letter
	// unseen says why some letters may not be among them, or "".
	unseen string
	cases  []deletion.Entry
	asked  bool // cases were read
	// names are what events are called, by their connections' partition keys.
	names map[string]string
}

// nameOf is what a delivery's event is called. It is left out where it cannot be read, or is to go.
func (q *inquiry) nameOf(ctx context.Context, entry ingest.Entry) string {
	partition := entry.Story.Connection
	if partition == "" || entry.Story.Deleted {
		return ""
	}
	if name, known := q.names[partition]; known {
		return name
	}
	if q.names == nil {
		q.names = map[string]string{}
	}
	names := connection.Names{Records: q.Records}
	if found, err := names.Of(ctx, []record.Connection{connectionOf(entry)}); err == nil {
		q.names[partition] = found[0].Text
	}
	return q.names[partition]
}

// alerts tells what became of a delivery at each of its destinations.
func (q *inquiry) alerts(ctx context.Context, entry ingest.Entry) ([]Alert, error) {
	alerts := []Alert{}
	for _, destination := range entry.Story.Destinations {
		told, err := q.alert(ctx, entry, destination)
		if err != nil {
			return nil, err
		}
		alerts = append(alerts, told)
	}
	if !q.whole || !slices.ContainsFunc(alerts, mayHaveMoved) {
		return alerts, nil
	}
	return q.withMoved(ctx, entry, alerts)
}

// mayHaveMoved says whether a redrive may have sent the alert elsewhere: only a Slack message finds its channel anew.
func mayHaveMoved(a Alert) bool {
	return a.Kind == route.Slack && (a.State == Waiting || a.State == alert.Retrying || a.State == alert.Sending)
}

func (q *inquiry) alert(ctx context.Context, entry ingest.Entry, destination ingest.Destination) (Alert, error) {
	a := Alert{Kind: destination.Kind, Channel: destination.Channel, AlertKey: destination.AlertKey, Resolves: destination.Resolves}
	a.Deeds = deedsOf(entry.Story, a.AlertKey)
	if a.Kind == route.PagerDuty {
		a.DedupKey = entry.Story.IncidentKey
	}
	known, err := q.record(ctx, connectionOf(entry), a.AlertKey)
	if err != nil {
		return a, err
	}
	q.fill(&a, known)
	if known.Known && known.Value.State.IsFinal() {
		a.Note = finalNote(a)
		if first := known.Value.DeliveryID; first != entry.DeliveryID {
			a.Note = fmt.Sprintf("the same event came first as delivery %s, and is alerted once: %s", first, a.Note)
		}
		return a, nil
	}
	return a, q.unfinished(ctx, entry, &a, known)
}

// unfinished tells of an alert that has no final record.
func (q *inquiry) unfinished(ctx context.Context, entry ingest.Entry, a *Alert, known record.Entry[alert.Record]) error {
	letter, parked := q.letter(ctx, entry.DeliveryID, *a)
	if parked {
		a.State, a.Letter, a.Note = Parked, letter.ID, q.parkedNote(letter)
		a.ParkedAt = notBefore(letter.ParkedAt, entry.HandedOffAt, a.LastAttempt)
		return nil
	}
	if deed, done := a.lastDeed(); done && deed.What == string(deadletter.Dropped) {
		a.State, a.Note = Dropped, droppedNote(deed)
		return nil
	}
	if a.Kind == route.Deletion {
		return q.deletion(ctx, entry, a)
	}
	if a.Kind == route.Digest {
		if known, err := q.gathered(ctx, entry, a); known || err != nil {
			return err
		}
	}
	stopped, err := q.stopped(ctx, entry, a)
	switch {
	case err != nil || stopped:
		return err
	case known.Known:
		a.Note = triedNote(*a, q.Now())
	default:
		a.State, a.Note = q.untried(entry, a.Kind)
	}
	if deed, done := a.lastDeed(); done {
		a.State, a.Note = redriven(deed, q.Now())
	}
	if q.unseen != "" {
		a.Note += ", " + q.unseen
	}
	return nil
}

// gathered tells of an event that is, or was, to be told in a digest; known is false where nothing is kept of it.
func (q *inquiry) gathered(ctx context.Context, entry ingest.Entry, a *Alert) (known bool, err error) {
	stored, err := q.Records.Get(ctx, record.Key{Connection: connectionOf(entry), Kind: record.Digest, ID: a.AlertKey})
	if errors.Is(err, record.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what the next digest tells: %w", err)
	}
	digestKey, waits, err := digest.ToldIn(stored)
	switch {
	case err != nil:
		return false, err
	case waits:
		a.State, a.Note = Waiting, "it is counted in its channel's next digest"
		return true, nil
	case digestKey == "":
		return false, nil // its connection's deletion came first
	}
	message, err := q.record(ctx, record.Connection{}, digestKey)
	if err != nil {
		return false, err
	}
	q.fill(a, message)
	letter, parked := q.letter(ctx, "", Alert{Kind: route.Slack, AlertKey: digestKey})
	switch {
	case a.State == alert.Sent:
		a.Note = "it was told in a digest: " + finalNote(*a)
	case parked:
		a.State, a.Letter, a.ParkedAt, a.Note = Parked, letter.ID, letter.ParkedAt, "it was counted in a digest: "+q.parkedNote(letter)
	case message.Known:
		a.Note = "it was counted in a digest, which is not told yet: " + noteOf(*a, q.Now())
	default:
		a.State, a.Note = Waiting, "it was counted in a digest, whose message waits for its turn"
	}
	return true, nil
}

// untried tells of an alert without a record.
func (q *inquiry) untried(entry ingest.Entry, kind route.Kind) (alert.State, string) {
	switch now := q.Now(); {
	case entry.State == ingest.Claimed && entry.IsHeld(now):
		return Waiting, "it is being handed off"
	case entry.State == ingest.Claimed:
		return Waiting, "whether it was handed off is not known"
	case now.Sub(entry.HandedOffAt) > queue.Retention:
		return Forgotten, fmt.Sprintf("nothing is known of it any more: queues keep a message for %s, and records are kept for %s",
			legible.Days(queue.Retention), legible.Days(alert.Retention))
	case kind == route.Digest:
		return Waiting, "it waits to be counted in its channel's next digest"
	}
	return Waiting, "it waits in its queue, and was not tried yet: another of its channel or incident may be tried before it"
}

// stopped says whether a deletion stopped the alert, or deleted what was known of it.
func (q *inquiry) stopped(ctx context.Context, entry ingest.Entry, a *Alert) (bool, error) {
	connection := connectionOf(entry)
	stone, err := q.Deletions.Get(ctx, record.TombstoneKey(connection))
	if errors.Is(err, record.ErrNotFound) || err == nil && entry.Story.OccurredAt.After(stone.OccurredAt) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the tombstone: %w", err)
	}
	c, err := q.find(ctx, func(c deletion.Case) bool {
		return c.Connection().Equal(connection) && c.Cutoff.Equal(stone.OccurredAt) && c.Stops()
	})
	a.State = Deleted
	a.Note = fmt.Sprintf("a deletion request covers its connection up to %s, and it happened at %s: it is told no more, and %s",
		legible.Time(stone.OccurredAt), legible.Time(entry.Story.OccurredAt), goes(c))
	if c != nil && mayHaveBeenTold(entry, *c) {
		a.State = Erased
		a.Note = fmt.Sprintf("whether it was told is not known any more: it was handed off before the deletion request came at %s, and what was "+
			"kept of it is deleted", legible.Time(c.RequestedAt))
	}
	if c != nil && c.IsStopped() {
		a.Note = fmt.Sprintf("a deletion request that is held for a person stops its connection up to %s, and it happened at %s: it is told "+
			"no more, and nothing of it is deleted yet", legible.Time(stone.OccurredAt), legible.Time(entry.Story.OccurredAt))
	}
	if c != nil {
		a.Note += fmt.Sprintf(" (deletion %s, delivery %s)", c.ID, c.DeliveryID)
	}
	return true, err
}

// goes says when what is kept goes, by the case that stops it.
func goes(c *deletion.Case) string {
	if c == nil || !c.State.IsOpen() {
		return "what was kept of it is deleted"
	}
	return "what is kept of it is deleted at " + legible.Time(c.DueAt())
}

// mayHaveBeenTold says whether the purge may have deleted the record of an alert that was told before the request came.
func mayHaveBeenTold(entry ingest.Entry, c deletion.Case) bool {
	return !c.StartedAt.IsZero() && !entry.HandedOffAt.IsZero() && entry.HandedOffAt.Before(c.RequestedAt)
}

// deletion tells of a deletion request itself.
func (q *inquiry) deletion(ctx context.Context, entry ingest.Entry, a *Alert) error {
	c, err := q.find(ctx, func(c deletion.Case) bool {
		return c.DeliveryID == entry.DeliveryID || c.Connection().Equal(connectionOf(entry)) && c.Cutoff.Equal(entry.Story.OccurredAt)
	})
	if err != nil {
		return err
	}
	if c == nil {
		a.State, a.Note = q.untried(entry, a.Kind)
		return nil
	}
	a.State = alert.State(c.State)
	a.Note = fmt.Sprintf("it is deletion %s, which is %s: %s tells the rest", c.ID, c.State, q.command("deletions show "+c.ID))
	return nil
}

// find returns the latest case that is meant, or nil.
func (q *inquiry) find(ctx context.Context, meant func(deletion.Case) bool) (*deletion.Case, error) {
	if !q.asked {
		var err error
		if q.cases, err = q.Cases(ctx); err != nil {
			return nil, err
		}
		q.asked = true
	}
	i := slices.IndexFunc(q.cases, func(entry deletion.Entry) bool { return meant(entry.Value) })
	if i < 0 {
		return nil, nil
	}
	return &q.cases[i].Value, nil
}

// deedsOf are what people did with an alert.
func deedsOf(story ingest.Story, alertKey string) []ingest.Deed {
	var deeds []ingest.Deed
	for _, deed := range story.Deeds {
		if deed.AlertKey == alertKey {
			deeds = append(deeds, deed)
		}
	}
	return deeds
}

// lastDeed is the newest of them that nothing is known to have come after.
func (a Alert) lastDeed() (ingest.Deed, bool) {
	if len(a.Deeds) == 0 {
		return ingest.Deed{}, false
	}
	last := a.Deeds[len(a.Deeds)-1]
	return last, !a.LastAttempt.After(last.At)
}

// notBefore is the moment at which a letter was parked. A worker writes whole seconds, in which what it did before may come later.
func notBefore(parkedAt time.Time, earlier ...time.Time) time.Time {
	at := parkedAt
	for _, moment := range earlier {
		if moment.Sub(parkedAt) < time.Second && moment.After(at) {
			at = moment
		}
	}
	return at
}

// withMoved adds the alerts that a redrive sent to another channel than the delivery's.
func (q *inquiry) withMoved(ctx context.Context, entry ingest.Entry, alerts []Alert) ([]Alert, error) {
	var moved []Alert
	err := walk(ctx, q.Records, connectionOf(entry), func(key string, r alert.Record) {
		isKnown := slices.ContainsFunc(alerts, func(a Alert) bool { return a.AlertKey == key })
		isOthers := r.IncidentKey != "" && r.IncidentKey != entry.Story.IncidentKey // that came under the same delivery id
		if r.DeliveryID != entry.DeliveryID || isOthers || isKnown {
			return
		}
		a := Alert{Kind: route.Slack, Channel: r.Channel, AlertKey: key}
		q.fill(&a, record.Entry[alert.Record]{Value: r, Known: true})
		a.Note = "a redrive sent it here: " + noteOf(a, q.Now())
		moved = append(moved, a)
	})
	for i := range alerts {
		if len(moved) > 0 && mayHaveMoved(alerts[i]) {
			alerts[i].State, alerts[i].Note = Moved, "a redrive found another channel for it"
		}
	}
	return append(alerts, moved...), err
}

// fill takes what an alert's record tells.
func (q *inquiry) fill(a *Alert, known record.Entry[alert.Record]) {
	r := known.Value
	a.State, a.Attempts, a.FirstAttempt, a.LastAttempt = r.State, r.Attempts, r.FirstAttempt, r.LastAttempt
	a.Answer, a.TS, a.PossiblyRepeated = r.Answer, r.TS, r.PossiblyRepeated
	if r.TS != "" && !q.SlackRecorded {
		a.Link = link(r.Channel, r.TS)
	}
}

// link leads to a Slack message. Slack leads on from slack.com to the workspace of whoever is signed in; a link to the workspace
// itself would need a call of chat.getPermalink for each message.
// https://docs.slack.dev/reference/methods/assistant.search.context shows the form.
func link(channel, ts string) string {
	return "https://slack.com/archives/" + channel + "/p" + strings.Replace(ts, ".", "", 1)
}

// letter returns the alert's dead letter. A letter that cannot be read tells only its delivery.
func (q *inquiry) letter(ctx context.Context, deliveryID string, a Alert) (deadletter.Letter, bool) {
	name := queue.Name(a.Kind)
	if !q.listed[name] {
		q.list(ctx, name)
	}
	i := slices.IndexFunc(q.letters, func(letter deadletter.Letter) bool {
		isItsOwn := letter.Queue == name && !letter.Readable && deliveryID != "" && letter.DeliveryID == deliveryID
		return letter.AlertKey == a.AlertKey || isItsOwn
	})
	if i < 0 {
		return deadletter.Letter{}, false
	}
	return q.letters[i], true
}

// list looks at a queue's dead letters. What it cannot see is told with the alerts: the rest of the story does not need it.
func (q *inquiry) list(ctx context.Context, name queue.Name) {
	ctx, cancel := context.WithTimeout(ctx, lettersTimeout)
	defer cancel()
	if q.listed == nil {
		q.listed = map[queue.Name]bool{}
	}
	q.listed[name] = true
	listing, err := q.Letters.List(ctx, name)
	q.letters = append(q.letters, listing.Letters...)
	switch {
	case err != nil:
		q.unseen = "unless it is a dead letter: they could not all be read: " + err.Error()
	case !listing.Whole:
		q.unseen = "unless it is a dead letter: not all of them are in sight"
	}
}

func (q *inquiry) record(ctx context.Context, connection record.Connection, alertKey string) (record.Entry[alert.Record], error) {
	stored, err := q.Records.Get(ctx, record.Key{Connection: connection, Kind: record.Alert, ID: alertKey})
	if errors.Is(err, record.ErrNotFound) {
		return record.Entry[alert.Record]{}, nil
	}
	if err != nil {
		return record.Entry[alert.Record]{}, fmt.Errorf("read the alert record: %w", err)
	}
	return record.Decode[alert.Record](stored)
}

// walk calls f with the key and the content of each alert's record of a connection.
func walk(ctx context.Context, records Records, connection record.Connection, f func(key string, r alert.Record)) error {
	after := record.Key{Kind: record.Alert}.Sort()
	for {
		page, err := records.Query(ctx, connection, after)
		if err != nil {
			return fmt.Errorf("read the connection's alerts: %w", err)
		}
		for _, stored := range page {
			if stored.Key.Kind != record.Alert {
				return nil
			}
			entry, err := record.Decode[alert.Record](stored)
			if err != nil {
				return err
			}
			f(stored.Key.ID, entry.Value)
			after = stored.Key.Sort()
		}
		if len(page) == 0 {
			return nil
		}
	}
}

func connectionOf(entry ingest.Entry) record.Connection {
	return record.ConnectionOfPartition(entry.Story.Connection)
}
