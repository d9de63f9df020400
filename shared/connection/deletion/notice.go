package deletion

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/ground/together"
	"revento-alerts/shared/revento"
)

// Notifier tells people of deletions by the route of data.deletion_required. Each notice is told once, however often it is
// sent: what is kept of it stands in the store of deletions.
type Notifier struct {
	Stack  string
	Routes route.Table
	Queues queue.Sender
	// Copies is how many incidents are resolved at the same time; 0 means one.
	Copies int
	// Installation is what the commands need that a notice tells people to type.
	Installation installation.Name
	Now          func() time.Time
}

// notice is something to tell of a case.
type notice struct {
	kind  string
	title string
	facts []alert.Field
	at    time.Time
	// incident names the incident within the case: that of the case itself, or one beside it.
	incident string
	resolves bool
	// slack says that the notice goes to Slack, pager that it goes to PagerDuty.
	slack, pager bool
	// urgent makes an incident at least of severity error.
	urgent bool
}

// incidentOverdue is the incident of a purge that is late: it pages though the case's own incident is open.
const incidentOverdue = "overdue"

func requestedNotice(entry Entry) notice {
	return notice{
		kind: "requested", at: entry.Value.RequestedAt, slack: true, pager: true,
		title: "Data deletion required: the connection is stopped",
		facts: []alert.Field{{Name: "will be deleted at", Value: legible.Time(entry.Value.Due)}, {Name: "deletion", Value: entry.Value.ID}},
	}
}

func (n *Notifier) heldNotice(entry Entry) notice {
	told := notice{
		kind: "held", at: entry.Value.RequestedAt, slack: true, pager: true, urgent: true,
		title: "Data deletion required: a person has to look",
		facts: n.heldFacts(entry),
	}
	switch entry.Value.Held {
	case UnknownKeys:
		told.title = "Data deletion required: the connection is stopped, and a person has to look"
	case UnknownType:
		told.title = "A data request that nobody knew of: a person has to look"
	}
	return told
}

// reminder is told once on each day.
func (n *Notifier) reminder(entry Entry, now time.Time) notice {
	told := n.heldNotice(entry)
	told.kind, told.at = "still held on "+now.Format(time.DateOnly), now
	told.title = "Still waiting for a person. " + told.title
	told.facts = append([]alert.Field{{Name: "requested at", Value: legible.Time(entry.Value.RequestedAt)}}, told.facts...)
	return told
}

// heldFacts say why a request is held and what a person can do.
func (n *Notifier) heldFacts(entry Entry) []alert.Field {
	c := entry.Value
	facts := []alert.Field{{Name: "held because", Value: string(c.Held)}}
	if len(c.Keys) > 0 {
		facts = append(facts, alert.Field{Name: "keys", Value: strings.Join(c.Keys, ", ")})
	}
	if c.Type != "" {
		facts = append(facts, alert.Field{Name: "type", Value: c.Type})
	}
	if c.IsStopped() {
		facts = append(facts,
			alert.Field{Name: "to have it deleted", Value: n.Installation.Command("deletions now " + c.ID)},
			alert.Field{Name: "to let its data flow again", Value: n.Installation.Command("deletions close " + c.ID + ` --note "..."`)})
	}
	return append(facts, alert.Field{Name: "deletion", Value: c.ID})
}

func overdueNotice(entry Entry) notice {
	return notice{
		kind: "overdue", at: entry.Value.OverdueAt, slack: true, pager: true, urgent: true, incident: incidentOverdue,
		title: "Data deletion is overdue",
		facts: []alert.Field{{Name: "was due at", Value: legible.Time(entry.Value.Due)}, {Name: "deletion", Value: entry.Value.ID}},
	}
}

func finishedNotices(entry Entry) []notice {
	told := notice{
		kind: "finished" + strings.Repeat(" again", entry.Value.Repeats), at: endOf(entry.Value.RequestedAt, entry.Value.FinishedAt),
		slack: true, pager: true, resolves: true,
		title: "Data deleted",
		facts: []alert.Field{
			{Name: "records deleted", Value: strconv.Itoa(total(entry.Value.Found))}, {Name: "deletion", Value: entry.Value.ID},
		},
	}
	if entry.Value.OverdueAt.IsZero() {
		return []notice{told}
	}
	late := told
	late.kind, late.incident, late.slack = "finished late", incidentOverdue, false
	late.at = endOf(entry.Value.OverdueAt, entry.Value.FinishedAt)
	return []notice{told, late}
}

func closedNotice(entry Entry) notice {
	told := notice{
		kind: "closed", at: endOf(entry.Value.RequestedAt, entry.Value.ClosedAt), slack: true, pager: true, resolves: true,
		title: "Data deletion closed by a person",
		facts: []alert.Field{{Name: "note", Value: entry.Value.Note}, {Name: "deletion", Value: entry.Value.ID}},
	}
	if entry.Value.PersonForgotten {
		deleted := alert.Field{Name: "records of the person deleted", Value: strconv.Itoa(entry.Value.PersonRecords)}
		told.facts = append(told.facts, deleted)
	}
	return told
}

// returnedNotice is one notice of a case, whichever of both shows it.
func returnedNotice(entry Entry, news returned) notice {
	what := "still to be deleted"
	if entry.Value.IsStopped() {
		what = "stopped, and not deleted until a person confirms it"
	}
	title := "The connection is back: it sends data again"
	if news.Consented {
		title = "The connection is back: an organizer has consented again"
	}
	return notice{
		kind: "returned", at: news.OccurredAt, slack: true, title: title,
		facts: []alert.Field{
			{Name: what, Value: "what happened until " + legible.Exact(entry.Value.Cutoff)}, {Name: "deletion", Value: entry.Value.ID},
		},
	}
}

// endOf is the moment of an end, which comes after its beginning whatever the clock says: an end of the same moment ends nothing.
func endOf(begun, ended time.Time) time.Time {
	if ended.After(begun) {
		return ended
	}
	return begun.Add(1)
}

// tell sends notices of a case to where its route leads.
func (n *Notifier) tell(ctx context.Context, entry Entry, notices ...notice) error {
	for _, told := range notices {
		for _, destination := range n.Routes.Notices(entry.Value.EventID) {
			if destination.Kind == route.Slack && !told.slack || destination.Kind == route.PagerDuty && !told.pager {
				continue
			}
			if err := n.send(ctx, n.message(entry, told, destination)); err != nil {
				return fmt.Errorf("tell that a deletion is %s: %w", told.kind, err)
			}
		}
	}
	return nil
}

func (n *Notifier) message(entry Entry, told notice, destination route.Destination) handoff.Message {
	message := n.blank(entry, told.at)
	form := handoff.Notice{Deletion: entry.Value.ID, Kind: told.kind, Title: told.title, Facts: told.facts}
	message.Form, message.AlertKey = form, form.Key(n.Stack, destination)
	message.IncidentKey = revento.Hash(n.Stack, entry.Value.ID, told.incident)
	message.Kind, message.Channel, message.Severity = destination.Kind, destination.Channel, destination.Severity
	if told.urgent && (destination.Severity == route.Info || destination.Severity == route.Warning) {
		message.Severity = route.Error
	}
	message.Resolves = told.resolves
	return message
}

// resolveAll ends the incidents of a case's connection that are open, and counts them.
func (n *Notifier) resolveAll(ctx context.Context, records record.Purger, entry Entry) (resolved int, err error) {
	var open []string
	err = walk(ctx, incidentsOf(records, entry.Key.Connection), func(stored record.Record) error {
		if stored.OccurredAt.After(entry.Value.Cutoff) {
			return nil
		}
		isOpen, err := incident.IsOpen(stored)
		if isOpen {
			open = append(open, stored.Key.ID)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for keys := range slices.Chunk(open, max(n.Copies, 1)) {
		if err := together.Do(len(keys), func(i int) error { return n.resolve(ctx, entry, keys[i]) }); err != nil {
			return 0, err
		}
	}
	return len(open), nil
}

// resolve ends an incident of the connection.
func (n *Notifier) resolve(ctx context.Context, entry Entry, incidentKey string) error {
	message := n.blank(entry, entry.Value.Cutoff)
	message.AlertKey = revento.Hash(n.Stack, entry.Value.ID, "resolve", incidentKey)
	message.IncidentKey = incidentKey
	message.Kind, message.Severity, message.Resolves = route.PagerDuty, route.Info, true
	message.Form = handoff.Notice{
		Deletion: entry.Value.ID, Kind: "resolve", Title: "The connection has ended and its data must go", Ends: true,
	}
	if err := n.send(ctx, message); err != nil {
		return fmt.Errorf("resolve an incident of the connection: %w", err)
	}
	return nil
}

// blank is a message about a case at a moment. Its body is an envelope of our own: the request's may hold more than is to be
// kept.
func (n *Notifier) blank(entry Entry, at time.Time) handoff.Message {
	return handoff.Message{
		DeliveryID: entry.Value.DeliveryID,
		Identity:   revento.Identity(revento.Hash(entry.Value.ID)),
		SignedAt:   at.UTC(),
		ReceivedAt: at.UTC(),
		QueuedAt:   n.Now().UTC(),
		Body:       envelope(entry.Value, at),
	}
}

func envelope(c Case, at time.Time) []byte {
	text, err := json.Marshal(map[string]string{
		"type": revento.TypeDeletionRequired, "occurred_at": at.UTC().Format(time.RFC3339Nano),
		"event_id": c.EventID, "organization_id": c.OrganizationID,
	})
	if err != nil {
		panic("deletion: an envelope of plain strings cannot fail to encode: " + err.Error())
	}
	return text
}

func (n *Notifier) send(ctx context.Context, message handoff.Message) error {
	encoded, err := message.Encode()
	if err != nil {
		return err
	}
	return n.Queues.Send(ctx, message.Queue(), encoded)
}

func total(counts map[record.Kind]int) int {
	sum := 0
	for _, count := range counts {
		sum += count
	}
	return sum
}
