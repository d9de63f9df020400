package handoff

import (
	"time"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/record"
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
	// tell replaces what differs from what the envelope tells a person.
	tell(content *alert.Content)
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
	if deleted && !event.Order.OccurredAt.After(cutoff) {
		return event, false
	}
	event.Cutoff = cutoff
	return event, true
}

func (Alert) tell(*alert.Content) {}

func (Alert) write(encoded *encoded) { encoded.Form = formAlert }

// Notice is the form of a message that tells of a deletion. What it is about outlives the connection, and so does the notice.
type Notice struct {
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

func (n Notice) tell(content *alert.Content) { content.Title, content.Fields = n.Title, n.Facts }

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

func (d Digest) tell(content *alert.Content) {
	shown := d.Tally.Digest()
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

func (d olderDigest) tell(content *alert.Content) {
	shown := d.told.WithoutIDs()
	content.Title, content.Fields, content.Digest = d.title, nil, &shown
}

func (d olderDigest) write(encoded *encoded) {
	encoded.Schema, encoded.Notice = 2, &union{Notice: Notice{Title: d.title}, Digest: &d.told}
}
