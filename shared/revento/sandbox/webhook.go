package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/revento/sample"
)

// sendTimeout is how long Revento waits for a webhook's reply. (guide: /patterns/)
const sendTimeout = 10 * time.Second

// Treatment is what happens to a webhook on its way.
type Treatment string

// The treatments.
const (
	// Lost is never sent.
	Lost Treatment = "lose"
	// Delayed is sent later.
	Delayed Treatment = "delay"
	// Repeated is sent twice, under one delivery id.
	Repeated Treatment = "repeat"
	// Reordered is sent after the next one.
	Reordered Treatment = "reorder"
)

var treatmentNames = []Treatment{Lost, Delayed, Repeated, Reordered}

// treatment is for the next webhooks.
type treatment struct {
	what  Treatment
	times int
	delay time.Duration
}

// webhook is one that is to be sent.
type webhook struct {
	id, eventType, eventID string
	body                   []byte
	due                    time.Time
	// signed is when it was signed first, or zero.
	signed   time.Time
	attempts int
}

// Sent is an attempt to send a webhook, or what became of one that was not sent.
type Sent struct {
	At         time.Time `json:"at"`
	DeliveryID string    `json:"delivery_id"`
	Type       string    `json:"type"`
	EventID    string    `json:"event_id,omitempty"`
	Attempt    int       `json:"attempt,omitempty"`
	// Status is the reply's, or 0.
	Status int `json:"status,omitempty"`
	// Note says what happened where there was no reply: lose, no reply, given up.
	Note string `json:"note,omitempty"`
}

// Lose has the next webhooks never sent.
func (s *Sandbox) Lose(times int) error { return s.Treat(Lost, times, 0) }

// Delay has the next webhooks sent later.
func (s *Sandbox) Delay(times int, by time.Duration) error { return s.Treat(Delayed, times, by) }

// Repeat has the next webhooks sent twice.
func (s *Sandbox) Repeat(times int) error { return s.Treat(Repeated, times, 0) }

// Reorder has the next webhooks sent after the one that follows each.
func (s *Sandbox) Reorder(times int) error { return s.Treat(Reordered, times, 0) }

// Treat has something happen to the next webhooks that a change causes. Treatments follow one another. It returns an error
// that wraps ErrFault for one that cannot be.
func (s *Sandbox) Treat(what Treatment, times int, delay time.Duration) error {
	switch {
	case !slices.Contains(treatmentNames, what):
		return fmt.Errorf("%w: there is no %q, only %s", ErrFault, what, treatmentNames)
	case times < 1 || delay < 0:
		return fmt.Errorf("%w: say how many webhooks, and no delay less than 0", ErrFault)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.treatments) == maxFaults {
		return fmt.Errorf("%w: %d are waiting: mend them first", ErrFault, maxFaults)
	}
	s.treatments = append(s.treatments, treatment{what, times, delay})
	return nil
}

// nextTreatment takes one for a webhook.
func (s *Sandbox) nextTreatment() treatment {
	if len(s.treatments) == 0 {
		return treatment{}
	}
	next := s.treatments[0]
	if s.treatments[0].times--; s.treatments[0].times == 0 {
		s.treatments = slices.Delete(s.treatments, 0, 1)
	}
	return next
}

// envelope is a webhook's body. (guide: /webhooks/events/)
type envelope struct {
	ID             string  `json:"id"`
	Type           string  `json:"type"`
	OccurredAt     string  `json:"occurred_at"`
	EventID        *string `json:"event_id"`
	OrganizationID *string `json:"organization_id"`
	Data           object  `json:"data"`
}

// tell queues the webhook of something that has just happened; e is nil for what is about the integration.
func (s *Sandbox) tell(eventType string, e *event, data object) {
	now := s.now()
	content := envelope{ID: "evt_delivery_" + uuid.NewString(), Type: eventType, OccurredAt: s.moment(now), Data: data}
	w := &webhook{id: uuid.NewString(), eventType: eventType, due: now}
	if e != nil {
		w.eventID = e.ID
		content.EventID, content.OrganizationID = &e.ID, &e.Organization
	}
	body, err := json.Marshal(content)
	if err != nil {
		panic("sandbox: a webhook is not JSON: " + err.Error())
	}
	w.body = body
	s.queue(w, s.nextTreatment())
}

func (s *Sandbox) queue(w *webhook, how treatment) {
	next := []*webhook{w}
	switch how.what {
	case Lost:
		s.note(w, Sent{Note: string(Lost)})
		return
	case Reordered:
		s.heldBack = append(s.heldBack, w)
		return
	case Delayed:
		w.due = w.due.Add(how.delay)
	case Repeated:
		again := *w
		next = append(next, &again)
	}
	for _, held := range s.heldBack {
		held.due = w.due
		next = append(next, held)
	}
	s.heldBack = nil
	for _, w := range next {
		s.put(w)
	}
}

// put adds a webhook to those that wait, which stand in the order in which they are due.
func (s *Sandbox) put(w *webhook) {
	if len(s.outbox) == maxOutbox {
		s.note(s.outbox[0], Sent{Note: "given up: too many wait"})
		s.outbox = slices.Delete(s.outbox, 0, 1)
	}
	at := len(s.outbox)
	for at > 0 && s.outbox[at-1].due.After(w.due) {
		at--
	}
	s.outbox = slices.Insert(s.outbox, at, w)
	s.wake()
}

func (s *Sandbox) note(w *webhook, what Sent) {
	what.At, what.DeliveryID, what.Type, what.EventID, what.Attempt = s.now(), w.id, w.eventType, w.eventID, w.attempts
	s.sent = last(append(s.sent, what), maxSent)
}

// Sent returns the newest attempts to send webhooks, the oldest first.
func (s *Sandbox) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent{}, s.sent...)
}

// Waiting is how many webhooks are to be sent: now, later, or after the next one.
func (s *Sandbox) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outbox) + len(s.heldBack)
}

// Flush sends what is due by Revento's clock, one after the other. It returns an error only where ctx ends before that.
func (s *Sandbox) Flush(ctx context.Context) error {
	select {
	case s.sending <- struct{}{}:
		defer func() { <-s.sending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for ctx.Err() == nil {
		w := s.takeDue()
		if w == nil {
			return nil
		}
		status, err := s.post(ctx, w)
		s.sentOnce(ctx, w, status, err)
	}
	return ctx.Err()
}

func (s *Sandbox) takeDue() *webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.outbox) == 0 || s.outbox[0].due.After(now) {
		return nil
	}
	w := s.outbox[0]
	s.outbox = slices.Delete(s.outbox, 0, 1)
	if w.attempts++; w.signed.IsZero() || !s.rules.RetriesKeepTheTimestamp {
		w.signed = now
	}
	return w
}

// errNobody is what sending comes to where no sender was given.
var errNobody = errors.New("there is nobody to send to")

func (s *Sandbox) post(ctx context.Context, w *webhook) (status int, err error) {
	if s.send == nil {
		return 0, errNobody
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.send(ctx, sample.Sign(w.eventType, s.secret, w.id, w.signed, w.body))
}

// sentOnce notes an attempt. Only 200 is an answer; another is one to try again. (guide: /patterns/)
func (s *Sandbox) sentOnce(ctx context.Context, w *webhook, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	outcome := Sent{Status: status}
	if err != nil {
		outcome.Status, outcome.Note = 0, "no reply"
	}
	s.note(w, outcome)
	if outcome.Status == http.StatusOK || errors.Is(err, errNobody) {
		return
	}
	if ctx.Err() != nil { // the attempt was ours to end, and is no attempt
		w.attempts--
		s.put(w)
		return
	}
	if w.attempts <= s.rules.WebhookRetries {
		w.due = s.now().Add(s.rules.WebhookRetryAfter)
		s.put(w)
	}
}

// wake has Run look again.
func (s *Sandbox) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// Run sends webhooks as they fall due, until ctx ends.
func (s *Sandbox) Run(ctx context.Context) {
	for s.Flush(ctx) == nil {
		timer := time.NewTimer(s.untilDue())
		select {
		case <-ctx.Done():
		case <-s.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// longestWait is after how long Run looks again in any case.
const longestWait = time.Minute

func (s *Sandbox) untilDue() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.outbox) == 0 {
		return longestWait
	}
	return min(s.outbox[0].due.Sub(s.now()), longestWait)
}
