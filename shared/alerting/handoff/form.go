package handoff

import (
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// Form is what a message is. There are three, Alert, Notice and Digest, and each answers itself wherever they differ.
type Form interface {
	// Store chooses the store that keeps what is known of the message: that of connections, or that of deletions.
	Store(records, deletions record.Store) record.Store
	// IsNews says whether the message tells of one thing that just happened, so that it can be said how long telling took.
	IsNews() bool
	// EndsIncident says whether the message resolves an incident of its connection that is known to be open.
	EndsIncident() bool

	// subjects are the connections whose deletion stops the event, or a part of it.
	subjects(event Event) []record.Connection
	// after returns the event as it is told where its subjects have these cutoffs, by partition key; false where nothing is left.
	after(event Event, cutoffs map[string]time.Time) (Event, bool)
	// channels are the Slack channels that the routes lead the event to.
	channels(event Event, routes route.Table) []string
	// alertKey is the message's alert key for the channel that it names.
	alertKey(message Message, stack string) string
	// named are the connections whose events are shown, by the events' ids.
	named(event Event) map[string]record.Connection
	// tell replaces what differs from what the envelope tells a person. names are what events are called, by their ids.
	tell(content *alert.Content, names map[string]string)
	// write puts the form into an encoded message.
	write(encoded *encoded)
}

// Alert is the form of a delivery on its way to a destination. All that it tells is in the signed body.
type Alert struct{}

var _ Form = Alert{}

// Store implements Form: an alert goes with its connection.
func (Alert) Store(records, _ record.Store) record.Store { return records }

// IsNews implements Form.
func (Alert) IsNews() bool { return true }

// EndsIncident implements Form.
func (Alert) EndsIncident() bool { return false }

func (Alert) subjects(event Event) []record.Connection { return []record.Connection{event.Connection} }

func (Alert) after(event Event, cutoffs map[string]time.Time) (Event, bool) {
	cutoff, deleted := cutoffs[event.Connection.Partition()]
	if deleted && !event.standsOn().After(cutoff) {
		return event, false
	}
	event.Cutoff = cutoff
	return event, true
}

func (Alert) channels(event Event, routes route.Table) []string {
	return channelsOf(route.Slack, routes.Destinations(event.Envelope.Type, event.Envelope.EventID))
}

func (Alert) alertKey(message Message, stack string) string {
	return alert.Key(stack, message.Identity, message.destination())
}

func (Alert) named(event Event) map[string]record.Connection {
	if event.Envelope.EventID == "" {
		return nil
	}
	return map[string]record.Connection{event.Envelope.EventID: event.Connection}
}

func (Alert) tell(content *alert.Content, names map[string]string) {
	content.EventName = names[content.EventID]
}

func (Alert) write(encoded *encoded) { encoded.Form = formAlert }

// Notice is the form of a message that tells of a deletion. What it is about outlives the connection, and so does the notice.
type Notice struct {
	// Deletion is the id of the deletion's case, and Kind what is told of it: together they name the notice. Version 2 had
	// neither.
	Deletion string `json:"deletion,omitempty"`
	Kind     string `json:"kind,omitempty"`
	// Title is what happened, in plain words.
	Title string `json:"title"`
	// Facts are shown in place of the data's fields.
	Facts []alert.Field `json:"facts,omitempty"`
	// Ends says that the message resolves an incident of the connection, which is open.
	Ends bool `json:"ends,omitempty"`
}

var _ Form = Notice{}

// Store implements Form: a notice stays with its deletion.
func (Notice) Store(_, deletions record.Store) record.Store { return deletions }

// IsNews implements Form: some notices tell of what is due, and of nothing that just happened.
func (Notice) IsNews() bool { return false }

// EndsIncident implements Form.
func (n Notice) EndsIncident() bool { return n.Ends }

func (Notice) subjects(Event) []record.Connection { return nil }

func (Notice) after(event Event, _ map[string]time.Time) (Event, bool) { return event, true }

func (Notice) channels(event Event, routes route.Table) []string {
	return channelsOf(route.Slack, routes.Notices(event.Envelope.EventID))
}

// Key is the alert key of the notice at a destination.
func (n Notice) Key(stack string, destination route.Destination) string {
	return revento.Hash(stack, n.Deletion, n.Kind, string(destination.Kind), destination.Channel)
}

func (n Notice) alertKey(message Message, stack string) string {
	if n.Kind == "" { // of version 2: all that tells it from the case's other notices is the key that it had
		return revento.Hash(message.AlertKey, message.Channel)
	}
	return n.Key(stack, message.destination())
}

// A notice of a deletion does without a name: it is among what is to go.
func (Notice) named(Event) map[string]record.Connection { return nil }

func (n Notice) tell(content *alert.Content, _ map[string]string) {
	content.Title, content.Fields = n.Title, n.Facts
}

func (n Notice) write(encoded *encoded) { encoded.Form, encoded.Notice = formNotice, &union{Notice: n} }

// Digest is the form of a message that tells of many events, of any number of connections. It is kept with none of them.
type Digest struct {
	alert.Tally
}

var _ Form = Digest{}

// Store implements Form.
func (Digest) Store(records, _ record.Store) record.Store { return records }

// IsNews implements Form.
func (Digest) IsNews() bool { return false }

// EndsIncident implements Form.
func (Digest) EndsIncident() bool { return false }

func (d Digest) subjects(Event) []record.Connection {
	var connections []record.Connection
	for _, partition := range d.Partitions() {
		connections = append(connections, record.ConnectionOfPartition(partition))
	}
	return connections
}

func (d Digest) after(event Event, cutoffs map[string]time.Time) (Event, bool) {
	left := Digest{d.Tally.After(cutoffs)}
	event.Form = left
	return event, len(left.Lines) > 0
}

func (d Digest) channels(_ Event, routes route.Table) []string {
	var channels []string
	for _, line := range d.Lines {
		channels = append(channels, channelsOf(route.Digest, routes.Destinations(line.Type, line.EventID))...)
	}
	return once(channels)
}

// A digest's identity is the key that it was first sent under.
func (Digest) alertKey(message Message, stack string) string {
	return alert.Key(stack, message.Identity, message.destination())
}

func (d Digest) named(Event) map[string]record.Connection {
	shown := d.Tally.Digest()
	ids := map[string]bool{}
	for _, count := range shown.Counts {
		ids[count.EventID] = true
	}
	for _, occurrence := range shown.Newest {
		ids[occurrence.EventID] = true
	}
	delete(ids, "")
	named := map[string]record.Connection{}
	for _, line := range d.Lines {
		if ids[line.EventID] {
			named[line.EventID] = record.ConnectionOfPartition(line.Partition)
		}
	}
	return named
}

func (d Digest) tell(content *alert.Content, names map[string]string) {
	shown := d.Tally.Digest().Named(names)
	content.Title, content.Fields, content.Digest = d.Title(), nil, &shown
}

func (d Digest) write(encoded *encoded) { encoded.Form, encoded.Digest = formDigest, &d }

// olderDigest is a digest of version 2. It does not say of which connections it tells, and one of them may be deleted by the
// time at which it is sent, or sent again: it tells how much happened of which type, and shows no id.
type olderDigest struct {
	Digest // empty: what is known is below
	title  string
	told   alert.Digest
}

func (olderDigest) after(event Event, _ map[string]time.Time) (Event, bool) { return event, true }

func (d olderDigest) channels(_ Event, routes route.Table) []string {
	var channels []string
	for _, count := range d.told.Counts {
		channels = append(channels, channelsOf(route.Digest, routes.Destinations(count.Type, count.EventID))...)
	}
	return once(channels)
}

func (d olderDigest) tell(content *alert.Content, _ map[string]string) {
	shown := d.told.WithoutIDs()
	content.Title, content.Fields, content.Digest = d.title, nil, &shown
}

func (d olderDigest) write(encoded *encoded) {
	encoded.Schema, encoded.Notice = 2, &union{Notice: Notice{Title: d.title}, Digest: &d.told}
}

// channelsOf are the channels of the destinations of a kind. One without a channel has no setting that names one.
func channelsOf(kind route.Kind, destinations []route.Destination) []string {
	var channels []string
	for _, destination := range destinations {
		if destination.Kind == kind && destination.Channel != "" {
			channels = append(channels, destination.Channel)
		}
	}
	return channels
}

func once(channels []string) []string {
	slices.Sort(channels)
	return slices.Compact(channels)
}
