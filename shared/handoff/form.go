package handoff

import (
	"revento-alerts/shared/alert"
	"revento-alerts/shared/record"
)

// Form is what a message is. There are three, Alert, Notice and Digest, and each answers itself wherever they differ.
type Form interface {
	// Store chooses the store that keeps what is known of the message: that of connections, or that of deletions.
	Store(records, deletions record.Store) record.Store
	// IsStopped says whether a tombstone of the message's connection stops it.
	IsStopped() bool
	// IsNews says whether the message tells of one thing that just happened, so that it can be said how long telling took.
	IsNews() bool
	// EndsIncident says whether the message resolves an incident of its connection that is known to be open.
	EndsIncident() bool

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

// IsStopped implements Form.
func (Alert) IsStopped() bool { return true }

// IsNews implements Form.
func (Alert) IsNews() bool { return true }

// EndsIncident implements Form.
func (Alert) EndsIncident() bool { return false }

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

// IsStopped implements Form.
func (Notice) IsStopped() bool { return false }

// IsNews implements Form: some notices tell of what is due, and of nothing that just happened.
func (Notice) IsNews() bool { return false }

// EndsIncident implements Form.
func (n Notice) EndsIncident() bool { return n.Ends }

func (n Notice) tell(content *alert.Content) { content.Title, content.Fields = n.Title, n.Facts }

func (n Notice) write(encoded *encoded) { encoded.Form, encoded.Notice = formNotice, &union{Notice: n} }

// Digest is the form of a message that tells of many events. It is of no connection.
type Digest struct {
	// Title is how much happened, in plain words.
	Title string `json:"title"`
	// Summary is what happened.
	Summary alert.Digest `json:"summary"`
}

var _ Form = Digest{}

// Store implements Form.
func (Digest) Store(records, _ record.Store) record.Store { return records }

// IsStopped implements Form.
func (Digest) IsStopped() bool { return false }

// IsNews implements Form.
func (Digest) IsNews() bool { return false }

// EndsIncident implements Form.
func (Digest) EndsIncident() bool { return false }

func (d Digest) tell(content *alert.Content) {
	content.Title, content.Fields, content.Digest = d.Title, nil, &d.Summary
}

func (d Digest) write(encoded *encoded) { encoded.Form, encoded.Digest = formDigest, &d }
