package meeting_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/meeting"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

const flagged = "application.revision_requested"

var (
	noon       = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	connection = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
)

// telling is a destination: it tells each event once, by its alert's record, as every task does.
type telling struct {
	records record.Store
	plan    *mishap.Plan
	told    []string
}

func (d *telling) Work(ctx context.Context, event handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
	key := record.Key{Connection: event.Connection, Kind: record.Alert, ID: event.AlertKey}
	known, err := record.Load[alert.Record](ctx, d.records, key)
	if err != nil || known.Value.State.IsFinal() {
		return worker.Duplicate, err
	}
	known.Value.Begin(noon)
	known.OccurredAt = event.Order.OccurredAt
	if known, err = record.Save(ctx, d.records, known); err != nil {
		return "", err
	}
	err = d.plan.Do("tell", func() error {
		if told := event.DeliveryID; len(d.told) == 0 || d.told[len(d.told)-1] != told { // as one that takes an answer that was lost for what it is
			d.told = append(d.told, told)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	known.Value.End(alert.Sent)
	_, err = record.Save(ctx, d.records, known)
	return worker.Sent, err
}

// bench is a destination behind its meetings.
type bench struct {
	*testing.T
	meeting.Task
	telling *telling
	records record.Store
}

func newBench(t *testing.T, records record.Store, plan *mishap.Plan) *bench {
	planned := mishap.Records{Store: records, Plan: plan}
	d := &telling{records: planned, plan: plan}
	return &bench{T: t, telling: d, records: records, Task: meeting.Task{Task: d, Records: planned, Now: func() time.Time { return noon.Add(24 * time.Hour) }}}
}

// comes has an event worked on until its message is done with.
func (b *bench) comes(e handoff.Event) (outcome worker.Outcome) {
	b.Helper()
	story.Delivered(b, e.DeliveryID, func() (err error) {
		outcome, err = b.Work(b.Context(), e, telemetry.New(io.Discard, telemetry.Options{}).Begin("alert"))
		return err
	})
	return outcome
}

// ids are those by which a delivery names its person: "" for one that it lacks.
type ids struct{ application, participant string }

var (
	both            = ids{"app_1", "ptp_1"}
	onlyParticipant = ids{"", "ptp_1"}
	onlyApplication = ids{"app_1", ""}
)

// webhook is Revento's event of a type, of so long after noon.
func webhook(t testing.TB, eventType string, named ids, after time.Duration) handoff.Event {
	t.Helper()
	at := noon.Add(after)
	id := named.application
	if revento.FamilyOf(eventType) == "participant" {
		id = named.participant
	}
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":"evt_1","organization_id":"org_1","data":{"id":%q,"participant_id":%q}}`,
		eventType, at.Format(time.RFC3339), id, named.participant)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, handoff.Delivery{
		ID: "webhook of " + after.String(), Envelope: envelope, Identity: envelope.Identity(body), SignedAt: at, ReceivedAt: at, Body: body, Mirrored: true,
	})
}

// own is what a pass found of the same.
func own(t testing.TB, eventType string, named ids, after time.Duration) handoff.Event {
	t.Helper()
	id := named.application
	if id == "" || revento.FamilyOf(eventType) == "participant" {
		id = named.participant
	}
	delivery, err := handoff.Own{
		Type: eventType, Connection: connection, Identity: []string{named.participant, after.String()}, ResourceID: id, OccurredAt: noon.Add(after),
		FoundBy: handoff.Reconcile, Fields: map[string]string{"participant_id": named.participant},
	}.Delivery(noon.Add(24 * time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	delivery.ID = "own of " + after.String()
	return opened(t, delivery)
}

func opened(t testing.TB, delivery handoff.Delivery) handoff.Event {
	t.Helper()
	event, err := handoff.New("prod", delivery, route.Destination{Kind: route.PagerDuty, Severity: route.Error}, noon).Open()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// engines are those on which everything is played.
var engines = map[string]func(t *testing.T) record.Store{
	"memory": func(*testing.T) record.Store { return memory.NewRecords() },
	"SQLite": func(t *testing.T) record.Store {
		kept, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = kept.Close() })
		return kept.Records
	},
}

// meetings are an event and its twin that came the other way, and how each is named.
var meetings = map[string]struct{ webhook, own ids }{
	"with the application's id":                    {both, both},
	"where the list does not name the application": {both, onlyParticipant},
	"where the webhook names no participant":       {onlyApplication, both},
}

// of are the ids of another person, of whom a run tells.
func (i ids) of(person int) ids {
	named := func(id string) string {
		if id == "" {
			return ""
		}
		return fmt.Sprintf("%s_%d", id, person)
	}
	return ids{named(i.application), named(i.participant)}
}

// Promise 8: whichever comes first is told, and the other tells nobody anything, wherever the process dies.
func TestAWebhookAndItsStandInAreToldOnceWhicheverComesFirst(t *testing.T) {
	for engine, open := range engines {
		records, person := open(t), 0
		for name, named := range meetings {
			for _, lateOriginal := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/late original %t", engine, name, lateOriginal), func(t *testing.T) {
					mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
						person++
						first, second := own(t, flagged, named.own.of(person), time.Minute), webhook(t, flagged, named.webhook.of(person), 0)
						if !lateOriginal {
							first, second = second, first
						}
						b := newBench(t, records, plan)
						b.comes(first)
						b.comes(second)
						b.comes(first) // again, as a queue may send it
						b.comes(second)
						if diff := cmp.Diff([]string{first.DeliveryID}, b.telling.told); diff != "" {
							t.Error(diff)
						}
						if kept := story.AlertRecord(t, b.records, second).Value; kept.State != alert.Met || kept.DeliveryID != second.DeliveryID {
							t.Errorf("the second is %+v", kept)
						}
					})
				})
			}
		}
	}
}

// What is told of one person, whichever way it came: W and O are a webhook and our own, with minutes after noon; what is met is in brackets.
func TestWhoTellsAndWhoHasNothingToTell(t *testing.T) {
	for name, sequence := range map[string]string{
		"a late original":                                  "O10 (W10)",
		"an original of within the margin, later":          "O10 (W12)",
		"an original of beyond the margin is news":         "O10 W13",
		"an original of long before":                       "O10 (W1)",
		"our own, and the original was told":               "W10 (O10)",
		"our own, which a later webhook covers":            "W10 (O1)",
		"our own of within the margin":                     "W10 (O12)",
		"our own of beyond the margin":                     "W10 O13",
		"two webhooks are two events":                      "W10 W11",
		"an older webhook":                                 "W10 W5",
		"what a newer webhook told hides no late original": "O10 W20 (W10)",
		"two of our own of one review":                     "O10 (O11)",
		"two of our own of two reviews":                    "O10 O20",
		"an older one of our own":                          "O20 (O10)",
		"what an older webhook told after a newer one":     "W20 W5 (O20)",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, memory.NewRecords(), nil)
			for _, step := range strings.Fields(sequence) {
				bare := strings.Trim(step, "()")
				after, err := time.ParseDuration(bare[1:] + "m")
				if err != nil {
					t.Fatal(err)
				}
				e := webhook(t, flagged, both, after)
				if bare[0] == 'O' {
					e = own(t, flagged, both, after)
				}
				want := worker.Sent
				if bare != step {
					want = worker.Met
				}
				if got := b.comes(e); got != want {
					t.Errorf("%s is %s, want %s", step, got, want)
				}
			}
		})
	}
}

// Whoever is of another type, person, channel or connection meets nobody.
func TestOnlyTheSameMeet(t *testing.T) {
	moved := func(e handoff.Event, change func(*handoff.Event)) handoff.Event {
		change(&e)
		return e
	}
	first := own(t, flagged, both, 0)
	for name, e := range map[string]handoff.Event{
		"another type":        webhook(t, "application.rejected", both, 0),
		"another family":      webhook(t, "participant.registered", both, 0),
		"another person":      webhook(t, flagged, ids{"app_2", "ptp_2"}, 0),
		"another channel":     moved(webhook(t, flagged, both, 0), func(e *handoff.Event) { e.Channel = "C0222" }),
		"another destination": moved(webhook(t, flagged, both, 0), func(e *handoff.Event) { e.Kind = route.Slack }),
		"another connection":  moved(webhook(t, flagged, both, 0), func(e *handoff.Event) { e.Connection.EventID = "evt_2" }),
		"nobody named":        webhook(t, flagged, ids{}, 0),
		"an application that is called as the participant": webhook(t, flagged, ids{"ptp_1", ""}, 0),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, memory.NewRecords(), nil)
			b.comes(first)
			if got := b.comes(e); got != worker.Sent {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestARegistrationMeetsByItsParticipant(t *testing.T) {
	b := newBench(t, memory.NewRecords(), nil)
	b.comes(own(t, "participant.registered", both, 30*time.Minute))
	if got := b.comes(webhook(t, "participant.registered", onlyParticipant, 0)); got != worker.Met {
		t.Errorf("the late original is %s", got)
	}
}

// Where connections are off nothing is read or written for it, nor of a type that no list shows.
func TestWhatMeetsNobodyCostsNothing(t *testing.T) {
	withoutMirror := webhook(t, flagged, both, 0)
	withoutMirror.Mirrored = false
	for name, e := range map[string]handoff.Event{"connections are off": withoutMirror, "an activity": webhook(t, "activity.updated", both, 0)} {
		t.Run(name, func(t *testing.T) {
			records := memory.NewRecords()
			b := newBench(t, records, nil)
			if got := b.comes(e); got != worker.Sent {
				t.Errorf("it is %s", got)
			}
			if kept, err := records.QueryKind(t.Context(), e.Connection, record.Meeting, ""); err != nil || len(kept) > 0 {
				t.Errorf("%d meetings: %v", len(kept), err)
			}
		})
	}
}

// What was told of a connection before its deletion counts for nothing after it.
func TestAMeetingOfBeforeTheCutoffIsForgotten(t *testing.T) {
	b := newBench(t, memory.NewRecords(), nil)
	b.comes(own(t, flagged, both, 0))
	late := webhook(t, flagged, both, time.Minute)
	late.Cutoff = noon.Add(30 * time.Second)
	if got := b.comes(late); got != worker.Sent {
		t.Errorf("it is %s", got)
	}
}

// Two workers that come at the same moment, each with a key of its own: one tells.
func TestTwoAtTheSameMomentAreToldOnce(t *testing.T) {
	records := memory.NewRecords()
	first, second := own(t, flagged, both, 0), webhook(t, flagged, both, 0)
	b := newBench(t, records, nil)
	between := mishap.Through(func(operation string, call func() error) error {
		if strings.HasPrefix(operation, "records.PutAll") && len(b.telling.told) == 0 {
			b.comes(second)
		}
		return call()
	})
	racing := newBench(t, records, between)
	racing.telling = b.telling
	if got := racing.comes(first); got != worker.Met || len(b.telling.told) != 1 {
		t.Errorf("the first is %s, and %v are told", got, b.telling.told)
	}
}

func TestWhoNeverGetsATurnComesAgain(t *testing.T) {
	busy := mishap.Through(func(operation string, call func() error) error {
		if strings.HasPrefix(operation, "records.PutAll") {
			return record.ErrChanged
		}
		return call()
	})
	b := newBench(t, memory.NewRecords(), busy)
	_, err := b.Work(t.Context(), own(t, flagged, both, 0), telemetry.New(io.Discard, telemetry.Options{}).Begin("alert"))
	if !fault.Has(err, fault.Transient) {
		t.Errorf("%v", err)
	}
}
