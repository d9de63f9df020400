package deletion

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/legible"
	"revento-alerts/shared/revento"
)

// Keeper is a place that keeps something of a connection: a table, a queue, a file, or what lies outside. Whatever keeps something
// is on the list of its installation (OnMachine, OnAWS), and says how it forgets it; a purge walks the list, and its statement
// is made of it.
type Keeper struct {
	// Place names it: "table record", "queue slack", "dead letters of slack", "file recorder.jsonl".
	Place string
	// Forget deletes what it keeps of the case's connection and is of up to the cutoff, and counts it. It is nil where the purge of
	// the records does it, and where the place forgets by itself or not at all.
	Forget func(ctx context.Context, c Case) (int, error)
	// First says that it forgets before the records are deleted, and once more at the end.
	First bool
	// Remains says what of the connection is left there once a purge has finished, in plain words; nil, or "", where nothing is.
	Remains func(c Case) string
	// Until is when that goes by itself; nil where Remains says who ends it.
	Until func(c Case) time.Time
	// Proviso is on what Until depends, or "".
	Proviso string
}

func always(text string) func(Case) string { return func(Case) string { return text } }

func afterEnd(d time.Duration) func(Case) time.Time {
	return func(c Case) time.Time { return c.FinishedAt.Add(d) }
}

func afterRequest(d time.Duration) func(Case) time.Time {
	return func(c Case) time.Time { return c.RequestedAt.Add(d) }
}

// residual is what remains of a case in the keepers, each once.
func residual(keepers []Keeper, c Case) []Residual {
	var list []Residual
	for _, k := range keepers {
		if k.Remains == nil || k.Remains(c) == "" {
			continue
		}
		rest := Residual{Where: k.Remains(c)}
		if k.Until != nil {
			rest.Until, rest.Proviso = k.Until(c), k.Proviso
		}
		if (k.Until == nil || rest.Until.After(c.FinishedAt)) && !slices.Contains(list, rest) {
			list = append(list, rest)
		}
	}
	return list
}

// Ledger is what a purge needs of a ledger that can be searched.
type Ledger interface {
	ingest.Forgetter
}

// Windows are how long things are kept by settings.
type Windows struct {
	// Deliveries is how long the ledger remembers a delivery, Records how long the record of a deletion is kept once it has ended.
	Deliveries, Records time.Duration
	// Logs is how long log lines are kept, on AWS.
	Logs time.Duration
}

// OnMachine lists the keepers of one machine.
func OnMachine(ledger Ledger, queues queue.Discarder, windows Windows) []Keeper {
	keepers := []Keeper{
		{Place: "table record"},
		{
			Place: "table delivery",
			Forget: func(ctx context.Context, c Case) (int, error) {
				return ledger.ForgetStories(ctx, c.Connection().Partition(), c.Cutoff)
			},
			Remains: always("ledger of deliveries: delivery ids, hashes of events and moments"), Until: afterEnd(windows.Deliveries),
		},
	}
	for _, name := range queue.Names {
		for _, place := range []queue.Name{name, name.DeadLetter()} {
			keepers = append(keepers, Keeper{Place: placeOf(place), Forget: func(ctx context.Context, c Case) (int, error) {
				return queues.Discard(ctx, place, func(m queue.Message) bool { return isOf(c, m) })
			}})
		}
	}
	keepers = append(keepers,
		Keeper{
			Place:   "table message",
			Remains: always("queues: data requests that were parked, notices of deletions, and digests, which leave the connection out when they are sent"),
			Until:   afterEnd(2 * queue.Retention), Proviso: whileServeRuns,
		},
		Keeper{
			Place: "table deduplication", Remains: always("hashes by which queues know repeated messages"), Until: afterEnd(queue.DeduplicationInterval),
		},
		proof("table deletion", windows.Records), schedules("table schedule"),
		Keeper{Place: "table probe"}, // of no connection
		Keeper{Place: "table clock"}, // of no connection
		Keeper{
			Place:   "file recorder.jsonl",
			Remains: always("the recorder: notices and digests, and what is older than " + legible.Days(alert.Retention) + ", as long as you keep its file"),
		},
		Keeper{Place: "log", Remains: always("log lines and backups of the data folder, as long as you keep them")},
		pagerDuty, slackAlerts, slackReplies)
	for i := range keepers {
		if keepers[i].Until != nil && keepers[i].Proviso == "" {
			keepers[i].Proviso = afterNextStart
		}
	}
	return keepers
}

// OnAWS lists the keepers of a stack.
func OnAWS(windows Windows) []Keeper {
	keepers := []Keeper{
		{Place: "table record"},
		{
			Place:   "table delivery",
			Remains: always("ledger of deliveries: delivery ids, event types, channels, hashes and moments; no ids of people, events or organizations"),
			Until:   afterEnd(windows.Deliveries),
		},
	}
	for _, name := range queue.Names {
		keepers = append(keepers,
			// What was queued before the tombstone stood waits in its queue, and then in the dead-letter queue, at the most.
			Keeper{
				Place:   placeOf(name),
				Remains: always("messages of the connection that wait in queues: each is dropped when it is received"),
				Until:   afterRequest(queue.Retention),
			},
			Keeper{
				Place:   placeOf(name.DeadLetter()),
				Remains: always("dead letters of the connection: a redrive drops them"),
				Until:   afterRequest(2 * queue.Retention),
			})
	}
	return append(keepers,
		proof("table deletion", windows.Records), schedules("schedules"),
		Keeper{Place: "backups", Remains: always("backups of the tables (point-in-time recovery)"), Until: afterEnd(BackupRetention)},
		Keeper{Place: "log", Remains: always("logs: delivery ids and hashes, no personal data"), Until: afterEnd(windows.Logs)},
		Keeper{Place: "traces", Remains: always("traces: names of calls, no content"), Until: afterEnd(traceRetention)},
		pagerDuty, slackAlerts, slackReplies)
}

// proof is the store of deletions.
func proof(place string, kept time.Duration) Keeper {
	return Keeper{Place: place, Remains: always("this record, with the ids of event and organization, as the proof"), Until: afterEnd(kept)}
}

// schedules is who keeps the date of a purge. One that was brought forward leaves its schedule, which does nothing then.
func schedules(place string) Keeper {
	return Keeper{
		Place: place, Remains: always("the schedule of the purge, with the ids of event and organization"), Until: func(c Case) time.Time { return c.Due },
	}
}

// What lies outside of the installation.
var (
	pagerDuty   = Keeper{Place: "PagerDuty", Remains: always("PagerDuty: the details of incidents, as long as your account keeps them")}
	slackAlerts = Keeper{Place: "Slack, alerts", Remains: func(c Case) string {
		if c.SlackLeft == 0 {
			return ""
		}
		return fmt.Sprintf("Slack: alerts that were posted (%d), until a person deletes them", c.SlackLeft)
	}}
	slackReplies = Keeper{
		Place: "Slack", Remains: always("Slack: replies that people wrote, and digests that mix connections, until a person deletes them"),
	}
)

func placeOf(name queue.Name) string {
	for _, of := range queue.Names {
		if of.DeadLetter() == name {
			return "dead letters of " + string(of)
		}
	}
	return "queue " + string(name)
}

// isOf says whether nothing would be left of a queue's message without what is of the case's connection and of up to its cutoff. A
// data request is never dropped, and what cannot be read may be anybody's, but where its group is the connection: it asks for a look at it,
// or is a marker, and where that consented anew meanwhile, both are sent again.
func isOf(c Case, m queue.Message) bool {
	if webhook, is := handoff.WebhookOf(m); is {
		return isHeardOf(c, webhook)
	}
	message, err := handoff.Decode(m.Body)
	if err != nil {
		return cmp.Or(m.Attributes[queue.AttributeGroup], m.Group) == c.Connection().Partition()
	}
	event, err := message.Open()
	if err != nil || revento.IsDataRequest(event.Envelope.Type) {
		return false
	}
	_, isLeft := event.After(map[string]time.Time{c.Connection().Partition(): c.Cutoff})
	return !isLeft
}

// isHeardOf is isOf for a webhook on its way to the mirror.
func isHeardOf(c Case, webhook handoff.Webhook) bool {
	envelope, err := webhook.Open()
	of := record.Connection{EventID: envelope.EventID, OrganizationID: envelope.OrganizationID}
	return err == nil && of.Equal(c.Connection()) && !envelope.HappenedAt(webhook.SignedAt).After(c.Cutoff)
}
