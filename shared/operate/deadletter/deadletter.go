// Package deadletter is what a person does with dead letters, the messages that their queues gave up on: looks at them, has
// them tried again, or drops them. A worker parks a message with its reason; SQS moves one that was received too often.
package deadletter

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/revento"
)

// ReasonMaxReceives is the reason of what the queue itself moved, after queue.MaxReceives receipts. Such a message has no
// attribute that says so.
const ReasonMaxReceives = "max_receives"

// Letter is a dead letter as people see it. It holds no personal data.
type Letter struct {
	// ID is short, for people, and the same at each look.
	ID string `json:"id"`
	// Queue is the queue that gave the message up.
	Queue queue.Name `json:"queue"`
	// Reason is why it did; it may go on after a colon, as in "max_alert_age: timeout".
	Reason string `json:"reason"`
	// Detail is more of that, in the words of others; it may be "".
	Detail string `json:"detail,omitempty"`
	// ParkedAt is when a worker parked the message; zero for what the queue itself moved.
	ParkedAt time.Time `json:"parked_at,omitzero"`
	// SentAt is when the dead-letter queue took the message. For what a standard queue itself moved it is when that queue
	// took it: SQS counts its retention on.
	SentAt time.Time `json:"sent_at"`
	// DeliveryID is "" where neither the body nor an attribute names it.
	DeliveryID string `json:"delivery_id,omitempty"`
	// Readable says whether the body is a hand-off, from which the fields below are.
	Readable  bool       `json:"readable"`
	EventType string     `json:"event_type,omitempty"`
	Kind      route.Kind `json:"destination,omitempty"`
	Channel   string     `json:"channel,omitempty"`
	AlertKey  string     `json:"alert_key,omitempty"`
}

// idLength is how many hex digits an ID has. Of a thousand letters, two have the same ID once in two million times.
const idLength = 10

func letterOf(name queue.Name, received queue.Received) Letter {
	letter := Letter{
		ID:         revento.Hash(string(name), originOf(received))[:idLength],
		Queue:      name,
		Reason:     received.Attributes[queue.AttributeReason],
		SentAt:     received.SentAt,
		DeliveryID: received.Attributes[handoff.AttributeDeliveryID],
	}
	letter.ParkedAt, _ = time.Parse(time.RFC3339, received.Attributes[queue.AttributeParkedAt]) // zero where it says nothing
	if since, err := time.Parse(time.RFC3339, received.Attributes[attributeSince]); err == nil {
		letter.SentAt = since
	}
	if isScheduled(received) {
		letter.Reason, letter.Detail = scheduledReason(received), scheduledDetail(received)
	}
	letter.Reason = cmp.Or(letter.Reason, ReasonMaxReceives)
	if event, err := open(bodyOf(received)); err == nil {
		letter.Readable = true
		letter.DeliveryID = event.DeliveryID
		letter.EventType = event.Envelope.Type
		letter.Kind, letter.Channel, letter.AlertKey = event.Kind, event.Channel, event.AlertKey
	}
	return letter
}

func open(body string) (handoff.Event, error) {
	message, err := handoff.Decode(body)
	if err != nil {
		return handoff.Event{}, err
	}
	return message.Open()
}

// Selection chooses letters: those that meet all of its conditions.
type Selection struct {
	// IDs are letters' IDs; empty means any.
	IDs []string
	// Reason is a letter's whole reason, or what comes before its colon; "" means any.
	Reason string
	// Queues are the queues to look in; empty means all that the installation has.
	Queues []queue.Name
	// All confirms that there is no condition.
	All bool
	// By is what the person uses who chooses, for the log and the story: "command", "api".
	By string
	// Told, if set, is called with each result as soon as it is known.
	Told func(Result)
}

func (s Selection) tell(result Result) {
	if s.Told != nil {
		s.Told(result)
	}
}

// ErrNothingSelected is returned for a Selection without a condition that does not say All.
var ErrNothingSelected = errors.New("no dead letters are selected: name ids, a reason or a queue, or say all")

func (s Selection) check() error {
	if len(s.IDs) == 0 && s.Reason == "" && len(s.Queues) == 0 && !s.All {
		return ErrNothingSelected
	}
	return nil
}

// Of returns those of the letters that it chooses, in their order. It returns ErrNothingSelected.
func (s Selection) Of(letters []Letter) ([]Letter, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var chosen []Letter
	chooses := s.chooser()
	for _, letter := range letters {
		if chooses(letter) && (len(s.Queues) == 0 || slices.Contains(s.Queues, letter.Queue)) {
			chosen = append(chosen, letter)
		}
	}
	return chosen, nil
}

// chooser says whether a letter of its queues is chosen.
func (s Selection) chooser() func(Letter) bool {
	ids := setOf(s.IDs)
	return func(letter Letter) bool {
		return (ids == nil || ids[letter.ID]) &&
			(s.Reason == "" || s.Reason == letter.Reason || strings.HasPrefix(letter.Reason, s.Reason+":"))
	}
}

// setOf is nil where there are none.
func setOf(ids []string) map[string]bool {
	if len(ids) == 0 {
		return nil
	}
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// Outcome is what became of a letter.
type Outcome string

// The outcomes.
const (
	Redriven Outcome = "redriven" // it is in its queue again
	Dropped  Outcome = "dropped"  // it is gone for good
	Kept     Outcome = "kept"     // it is a dead letter still
	Missing  Outcome = "missing"  // nothing but its ID is known
)

// Result is what became of a letter, and what a person should know of that; Note may be "" unless the letter was kept.
type Result struct {
	Letter  Letter  `json:"letter"`
	Outcome Outcome `json:"outcome"`
	Note    string  `json:"note,omitempty"`
}
