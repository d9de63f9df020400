// Package incident opens and resolves incidents with a pager: each event at most once, and never against the order in which
// things happened.
package incident

import (
	"context"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/telemetry"
)

// CallTimeout bounds one call of the pager, inside the function's time limit (queue.Table).
const CallTimeout = 5 * time.Second

// retention is how long the record of a resolved incident is kept: an older event that comes after it is then still known
// to be older. The record of an open one is kept until it is resolved.
const retention = 180 * 24 * time.Hour

// Page is one change of an incident.
type Page struct {
	// IncidentKey is the dedup key: while the incident is open, another trigger under it is the same page.
	IncidentKey string
	Content     alert.Content
	// Lateness is how long after its event the page comes, or 0.
	Lateness time.Duration
}

// Pager sends pages.
type Pager interface {
	// Enqueue returns once the pager has taken the page. Repeating it changes nothing while the incident is open, so a lost
	// answer is a transient failure.
	Enqueue(ctx context.Context, page Page) error
}

// applied is what is kept of an incident.
type applied struct {
	Order alert.Order `json:"order"`
}

// Task is the rules of the pagerduty queue. The queue's groups are the incidents, so that one incident's events come one
// after another.
type Task struct {
	Pager   Pager
	Records record.Store
	// Deletions keeps what is known of notices.
	Deletions record.Store
	Display   alert.Display
	Now       func() time.Time
}

var _ worker.Task = (*Task)(nil)

// Work deals with an event.
//
//	mine <= applied        -> superseded, nothing is sent
//	a resolve, none stored -> noted, so that an older trigger is superseded; nothing is sent
//	mine is newer          -> sent, and applied
func (t *Task) Work(ctx context.Context, event handoff.Event, line *telemetry.Line) (worker.Outcome, error) {
	sending, err := record.Load[alert.Record](ctx, t.store(event), key(event, record.Alert, event.AlertKey))
	if err != nil {
		return "", err
	}
	if sending.Value.State.IsFinal() {
		return worker.Duplicate, nil
	}
	incident, err := t.incident(ctx, event)
	if err != nil {
		return "", err
	}
	switch place := event.Order.Compare(incident.Value.Order); {
	case incident.Known && place == 0:
		return t.finish(ctx, sending, event)
	case incident.Known && place < 0:
		return worker.Superseded, t.end(ctx, sending, event, alert.Superseded)
	case event.Resolves && !mayBeOpen(incident, event):
		if err := t.apply(ctx, incident, event); err != nil {
			return "", err
		}
		return worker.Noted, t.end(ctx, sending, event, alert.Noted)
	}
	if incident, err = t.open(ctx, incident, event); err != nil {
		return "", err
	}
	if sending, err = t.send(ctx, sending, event); err != nil {
		return "", worker.Since(sending.Value.TriedSince, err)
	}
	worker.Told(event, t.Now(), line)
	if err := t.apply(ctx, incident, event); err != nil {
		return "", err
	}
	return worker.Sent, t.end(ctx, sending, event, alert.Sent)
}

// store is where the event's records are kept.
func (t *Task) store(event handoff.Event) record.Store {
	return event.Form.Store(t.Records, t.Deletions)
}

// incident returns what is known of the event's incident. A notice that ends one of the connection's incidents is held
// against that incident too: a later event may have opened it again. A later end does not stand in its way, since where nothing
// was known any more that end was only noted.
func (t *Task) incident(ctx context.Context, event handoff.Event) (record.Entry[applied], error) {
	known, err := record.LoadAfter[applied](ctx, t.store(event), key(event, record.Incident, event.IncidentKey), event.Cutoff)
	if err != nil || !event.Form.EndsIncident() {
		return known, err
	}
	reopened, err := record.Load[applied](ctx, t.Records, key(event, record.Incident, event.IncidentKey))
	if order := reopened.Value.Order; err == nil && !order.Resolves && order.OccurredAt.After(event.Order.OccurredAt) {
		known.Known, known.Value = true, reopened.Value
	}
	return known, err
}

// mayBeOpen says whether there may be an incident to resolve. What is stored of before the connection's cutoff counts as not
// known, but the pager may still have it open.
func mayBeOpen(incident record.Entry[applied], event handoff.Event) bool {
	return incident.Known || incident.Version > 0 || event.Form.EndsIncident()
}

// finish records what a stop between applying and recording left open.
func (t *Task) finish(ctx context.Context, sending record.Entry[alert.Record], event handoff.Event) (worker.Outcome, error) {
	if sending.Value.OutcomeUnknown() {
		return worker.Sent, t.end(ctx, sending, event, alert.Sent)
	}
	return worker.Noted, t.end(ctx, sending, event, alert.Noted)
}

// open makes the incident known before the first attempt to trigger it: should every answer be lost and the alert be parked,
// the pager may have opened it all the same, and a resolve that comes later must be sent.
func (t *Task) open(ctx context.Context, incident record.Entry[applied], event handoff.Event) (record.Entry[applied], error) {
	if incident.Known {
		return incident, nil
	}
	incident.OccurredAt = event.Order.OccurredAt
	return record.Save(ctx, t.store(event), incident)
}

// send makes one attempt, which is recorded before and, where it fails, after. A stop in between repeats it under the same
// incident key.
func (t *Task) send(ctx context.Context, sending record.Entry[alert.Record], event handoff.Event) (record.Entry[alert.Record], error) {
	if err := sending.Value.Resume(t.Now(), event.Generation); err != nil {
		return sending, err
	}
	sending.Value.Begin(t.Now())
	sending, err := t.save(ctx, sending, event)
	if err != nil {
		return sending, err
	}
	content := event.Content(t.Display)
	err = t.enqueue(ctx, Page{IncidentKey: event.IncidentKey, Content: content, Lateness: content.Lateness(t.Now())})
	if err == nil {
		return sending, nil
	}
	sending.Value.Fail(t.Now(), err)
	if _, recordErr := t.save(ctx, sending, event); recordErr != nil {
		return sending, fmt.Errorf("%w (and its answer was not recorded: %w)", err, recordErr)
	}
	return sending, err
}

func (t *Task) enqueue(ctx context.Context, page Page) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return t.Pager.Enqueue(ctx, page)
}

// apply makes the event the newest known of its incident.
func (t *Task) apply(ctx context.Context, incident record.Entry[applied], event handoff.Event) error {
	incident.Value.Order = event.Order
	incident.OccurredAt = event.Order.OccurredAt
	incident.Expires = time.Time{}
	if event.Resolves {
		incident.Expires = t.Now().Add(retention)
	}
	_, err := record.Save(ctx, t.store(event), incident)
	return err
}

func (t *Task) end(ctx context.Context, sending record.Entry[alert.Record], event handoff.Event, state alert.State) error {
	sending.Value.End(state)
	_, err := t.save(ctx, sending, event)
	return err
}

func (t *Task) save(ctx context.Context, sending record.Entry[alert.Record], event handoff.Event) (record.Entry[alert.Record], error) {
	if sending.Version == 0 {
		sending.Value.DeliveryID, sending.Value.Type, sending.Value.IncidentKey = event.DeliveryID, event.Envelope.Type, event.IncidentKey
	}
	sending.OccurredAt = event.Order.OccurredAt
	sending.Expires = t.Now().Add(alert.Retention)
	return record.Save(ctx, t.store(event), sending)
}

func key(event handoff.Event, kind record.Kind, id string) record.Key {
	return record.Key{Connection: event.Connection, Kind: kind, ID: id}
}

// IsOpen says whether a stored incident is open, as far as is known: what may have been triggered counts.
func IsOpen(stored record.Record) (bool, error) {
	incident, err := record.Decode[applied](stored)
	return err == nil && !incident.Value.Order.Resolves, err
}
