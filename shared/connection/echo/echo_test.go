package echo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/echo"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

var (
	noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	ours = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
)

// store is what is kept of connections.
type store interface {
	connection.Records
	echo.Records
}

// bench is the queue with its worker, on a store. The mirror and the judge are its own.
type bench struct {
	*testing.T
	echo.Echo
	worker   *worker.Worker
	registry *connection.Registry
	queues   *memory.Queues
	clock    time.Time

	heard  []mirror.Webhook
	judged []echo.Marker
	// failing is what hearing fails with, and unfinished how often judging does not come to its end.
	failing    error
	unfinished int
	asked      int
}

// onEngines runs the same cases on memory and on SQLite.
func onEngines(t *testing.T, test func(b *bench)) {
	t.Run("memory", func(t *testing.T) {
		records := memory.NewRecords()
		test(newBench(t, records, records.Deletions))
	})
	t.Run("SQLite", func(t *testing.T) {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close()
		test(newBench(t, engine.Records, engine.Deletions))
	})
}

func newBench(t *testing.T, records store, deletions record.Store) *bench {
	b := &bench{T: t, clock: noon}
	now := func() time.Time { return b.clock }
	b.queues = memory.NewQueues(now)
	b.registry = &connection.Registry{Records: records, Deletions: deletions}
	b.Echo = echo.Echo{
		Mirror: b, Judge: b, Marks: &echo.Marks{Registry: b.registry, Records: records, Now: now},
		Lookups: &echo.Lookups{Registry: b.registry, Records: records, Ask: b.ask, Now: now},
		Now:     now,
	}
	b.worker = &worker.Worker{
		Queue: queue.Mirror, Unit: "mirror", Chore: &b.Echo, Queues: b.queues, MaxAge: queue.Mirror.Entry().MaxAge,
		Log: telemetry.New(io.Discard, telemetry.Options{}), Now: now,
	}
	return b
}

// Hear implements echo.Mirror.
func (b *bench) Hear(_ context.Context, webhook mirror.Webhook) (mirror.Outcome, error) {
	if b.failing != nil {
		return "", b.failing
	}
	b.heard = append(b.heard, webhook)
	return mirror.Applied, nil
}

// Judge implements echo.Judge.
func (b *bench) Judge(_ context.Context, marker echo.Marker, until time.Time) (bool, error) {
	if !until.After(b.clock) {
		b.Errorf("it is to judge until %s", until)
	}
	b.judged = append(b.judged, marker)
	b.unfinished--
	return b.unfinished < 0, nil
}

func (b *bench) ask(context.Context, record.Connection) error {
	b.asked++
	return nil
}

func (b *bench) connects() connection.Life {
	b.Helper()
	info, err := b.registry.Change(b.Context(), ours, func(s connection.Standing) (connection.Info, []record.Record, error) {
		next, err := s.Consented(connection.Consent{At: b.clock})
		return next, nil, err
	})
	if err != nil {
		b.Fatal(err)
	}
	return info.Life
}

func webhook(t testing.TB, eventType, data string) queue.Message {
	t.Helper()
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":"2026-11-25T11:59:00Z","event_id":"evt_1","organization_id":"org_1","data":%s}`, eventType, data)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	message, err := handoff.Delivery{ID: "d-1", Envelope: envelope, SignedAt: noon, ReceivedAt: noon.Add(time.Second), Body: body}.Mirror()
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func marker(pass int) queue.Message {
	return queue.Message{
		Body:  fmt.Sprintf(`{"schema":1,"marker":{"event_id":"evt_1","organization_id":"org_1","pass":%d}}`, pass),
		Group: ours.Partition(), DeduplicationID: fmt.Sprint("marker-", pass),
	}
}

func (b *bench) send(messages ...queue.Message) {
	b.Helper()
	for _, message := range messages {
		if err := b.queues.Send(b.Context(), queue.Mirror, message); err != nil {
			b.Fatal(err)
		}
	}
}

// works has the worker work on what the queue shows until it shows nothing.
func (b *bench) works() {
	b.Helper()
	for {
		received, ok, err := b.queues.Receive(b.Context(), queue.Mirror, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return
		}
		if b.worker.Handle(b.Context(), received) {
			if err := b.queues.Delete(b.Context(), queue.Mirror, received.Handle); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// dead takes a dead letter out.
func (b *bench) dead() queue.Message {
	b.Helper()
	received, ok, err := b.queues.Receive(b.Context(), queue.Mirror.DeadLetter(), time.Minute)
	if err != nil || !ok {
		b.Fatalf("no dead letter: %v", err)
	}
	if err := b.queues.Delete(b.Context(), queue.Mirror.DeadLetter(), received.Handle); err != nil {
		b.Fatal(err)
	}
	return received.Message
}

func (b *bench) wantBlocked(life connection.Life, want map[string]bool) {
	b.Helper()
	blocked, err := b.Marks.Blocked(b.Context(), ours, life)
	if err != nil {
		b.Fatal(err)
	}
	for id, blocks := range want {
		if blocked.Has(id) != blocks {
			b.Errorf("%s is blocked: %t", id, !blocks)
		}
	}
}

var permanent = &fault.Error{Class: fault.Permanent, Op: "hear", Reason: "broken"}

const application = `{"id":"app_1","participant_id":"ptp_1","status":"approved"}`

func TestAWebhookIsHeardAsItIsOrdered(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.send(webhook(b.T, "application.approved", application))
		b.works()
		if len(b.heard) != 1 {
			b.Fatalf("heard %+v", b.heard)
		}
		heard := b.heard[0]
		if heard.Connection != ours || heard.Type != "application.approved" || !heard.OccurredAt.Equal(noon.Add(-time.Minute)) ||
			!heard.ArrivedAt.Equal(noon.Add(time.Second)) || revento.Text(heard.Data["status"]) != "approved" {
			b.Errorf("%+v", heard)
		}
	})
}

// The marker's turn comes when all that was accepted before has been applied: also what failed at first.
func TestAMarkerWaitsForWhatWasAcceptedBefore(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.failing = errors.New("down")
		b.send(webhook(b.T, "application.approved", application), marker(3))
		b.works()
		if len(b.judged) != 0 {
			b.Fatalf("judged at %+v", b.judged)
		}
		b.failing, b.clock = nil, b.clock.Add(time.Minute)
		b.works()
		if len(b.heard) != 1 || len(b.judged) != 1 || b.judged[0] != (echo.Marker{Connection: ours, Pass: 3}) {
			b.Errorf("heard %d, judged at %+v", len(b.heard), b.judged)
		}
	})
}

func TestJudgingThatIsNotDoneComesAgainBeforeWhatCameLater(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.unfinished = 2
		b.send(marker(3), webhook(b.T, "application.approved", application))
		for range 3 {
			if len(b.heard) != 0 {
				b.Error("what came later was heard in between")
			}
			received, ok, err := b.queues.Receive(b.Context(), queue.Mirror, time.Minute)
			if err != nil || !ok {
				b.Fatalf("it did not come again: %v", err)
			}
			if b.worker.Handle(b.Context(), received) {
				_ = b.queues.Delete(b.Context(), queue.Mirror, received.Handle)
			}
		}
		b.works()
		if len(b.judged) != 3 || len(b.heard) != 1 {
			b.Errorf("judged %d times, heard %d", len(b.judged), len(b.heard))
		}
	})
}

func TestWhatHasNoConnectionIsDropped(t *testing.T) {
	for _, reason := range []error{mirror.ErrNotMirrored, record.ErrDeleted} {
		onEngines(t, func(b *bench) {
			b.failing = fmt.Errorf("hear: %w", reason)
			b.send(webhook(b.T, "application.approved", application))
			b.works()
			if waiting, inFlight, _ := b.queues.Depth(b.Context(), queue.Mirror); waiting+inFlight != 0 {
				b.Errorf("%v: it is still there", reason)
			}
			if dead, _, _ := b.queues.Depth(b.Context(), queue.Mirror.DeadLetter()); dead != 0 {
				b.Errorf("%v: it is a dead letter", reason)
			}
		})
	}
}

func TestAParkedMessageBlocksItsParticipantUntilItIsApplied(t *testing.T) {
	for name, message := range map[string]queue.Message{
		"application": webhook(t, "application.approved", application),
		"participant": webhook(t, "participant.registered", `{"id":"ptp_1"}`),
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(b *bench) {
				life := b.connects()
				b.failing = permanent
				b.send(message)
				b.works()
				b.wantBlocked(life, map[string]bool{"ptp_1": true, "ptp_2": false})
				b.wantBlocked("another", map[string]bool{"ptp_1": false})
				letter := b.dead()
				b.failing = nil
				b.send(queue.Message{Body: letter.Body, Group: letter.Attributes[queue.AttributeGroup], DeduplicationID: "redriven"})
				b.works()
				b.wantBlocked(life, map[string]bool{"ptp_1": false})
			})
		})
	}
}

func TestAMarkEndsWhereItsMessageIsDropped(t *testing.T) {
	onEngines(t, func(b *bench) {
		life := b.connects()
		b.failing = permanent
		b.send(webhook(b.T, "application.approved", application), webhook(b.T, "application.rejected", application))
		b.works()
		for _, blocked := range []bool{true, false} {
			letter := b.dead()
			for _, name := range []queue.Name{queue.Sync, queue.Mirror} { // the first is another's
				if err := b.Marks.Gone(b.Context(), name, letter); err != nil {
					b.Fatal(err)
				}
			}
			b.wantBlocked(life, map[string]bool{"ptp_1": blocked})
		}
	})
}

func TestAMarkEndsWithItsDeadLetter(t *testing.T) {
	onEngines(t, func(b *bench) {
		life := b.connects()
		b.failing = permanent
		b.send(webhook(b.T, "application.approved", application))
		b.works()
		b.clock = b.clock.Add(queue.Retention - time.Second)
		b.wantBlocked(life, map[string]bool{"ptp_1": true})
		b.clock = b.clock.Add(time.Second)
		b.wantBlocked(life, map[string]bool{"ptp_1": false})
	})
}

// What nobody can read may be about anyone of its connection, which its group names.
func TestAParkedMessageThatCannotBeReadBlocksEverybody(t *testing.T) {
	onEngines(t, func(b *bench) {
		life := b.connects()
		b.send(queue.Message{Body: "rubbish", Group: ours.Partition(), DeduplicationID: "1"})
		b.works()
		b.wantBlocked(life, map[string]bool{"ptp_1": true, "ptp_2": true})
		if err := b.Marks.End(b.Context(), b.dead()); err != nil {
			b.Fatal(err)
		}
		b.wantBlocked(life, map[string]bool{"ptp_1": false})
	})
}

func TestWhatNothingIsJudgedByLeavesNoMark(t *testing.T) {
	onEngines(t, func(b *bench) {
		life := b.connects()
		b.failing = permanent
		b.send(webhook(b.T, "activity.updated", `{"id":"act_1"}`), webhook(b.T, "application.approved", `{"id":"app_1"}`))
		b.works()
		b.wantBlocked(life, map[string]bool{"": false, "act_1": false, "ptp_1": false})
	})
}

// Nothing is kept of an event that nobody connected.
func TestWhatHasNoConnectionLeavesNoMark(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.failing = permanent
		b.send(webhook(b.T, "application.approved", application))
		b.works()
		b.wantBlocked("", map[string]bool{"ptp_1": false})
	})
}

func TestWhatASnapshotLacksIsLookedUpOnceInAWindow(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects()
		wants := func(asked int, eventType, data string) {
			b.Helper()
			b.send(webhook(b.T, eventType, data))
			b.works()
			if b.asked != asked {
				b.Errorf("after %s: asked %d times, want %d", eventType, b.asked, asked)
			}
		}
		wants(0, "event.updated", `{"id":"evt_1","name":"Summit"}`)
		wants(0, "event.updated", `{"id":"evt_1","title":"Summit"}`)
		wants(0, "activity.updated", `{"id":"act_1"}`)
		wants(1, "event.unpublished", `{"id":"evt_1"}`)
		wants(1, "event.updated", `{"id":"evt_1","dates":1}`)
		b.clock = b.clock.Add(echo.LookupWindow)
		wants(2, "event.updated", `{"id":"evt_1","dates":2}`)
	})
}

// Each message on its own is what is stored in queues across versions.
func TestOnlyKnownMessagesAreRead(t *testing.T) {
	known := webhook(t, "application.approved", application).Body
	var e echo.Echo
	line := telemetry.New(io.Discard, telemetry.Options{}).Begin("mirror")
	for text, want := range map[string]bool{
		known:          true,
		marker(3).Body: true,
		`{"schema":1}`: false, `{"schema":0,"marker":{}}`: false, `[]`: false, ``: false,
		`{"schema":1,"webhook":{"body":"e30="}}`: false, // {}
		`{"schema":1,"marker":{},"webhook":{}}`:  false,
	} {
		if _, err := e.Open(queue.Message{Body: text}, line); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := e.Open(queue.Message{Body: `{"schema":2,"tomorrow":{}}`}, line); !errors.Is(err, queue.ErrNewer) {
		t.Errorf("a newer version's: %v", err)
	}
	var webhookMessage struct{ Webhook handoff.Webhook }
	if err := json.Unmarshal([]byte(known), &webhookMessage); err != nil || webhookMessage.Webhook.DeliveryID != "d-1" {
		t.Errorf("%s: %v", known, err)
	}
}
