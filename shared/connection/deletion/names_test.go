package deletion_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

// told is a task that keeps what an alert tells.
type told []alert.Content

func (k *told) Work(_ context.Context, event handoff.Event, _ *telemetry.Line) (worker.Outcome, error) {
	*k = append(*k, event.Content(alert.Display{}))
	return worker.Sent, nil
}

// asked is a store that counts what it is asked for; the summaries can be out of reach.
type asked struct {
	record.Store
	summaries int
	out       func(ctx context.Context) error
}

func (a *asked) Get(ctx context.Context, key record.Key) (record.Record, error) {
	a.summaries++
	if a.out != nil {
		return record.Record{}, a.out(ctx)
	}
	return a.Store.Get(ctx, key)
}

// gateOf is a gate before a task, on a store in which the summary of ours, of a life that began at noon, names the event.
func gateOf(t *testing.T, task worker.Task) (*deletion.Gate, *memory.Records, *asked) {
	t.Helper()
	records := memory.NewRecords()
	entry := record.Entry[mirror.Summary]{
		Record: record.Record{Key: record.Key{Connection: ours, Kind: record.Summary}, OccurredAt: noon},
		Value:  mirror.Summary{Name: "Summit\n2026 \u202eand more"},
	}
	if _, err := record.Save(t.Context(), records, entry); err != nil {
		t.Fatal(err)
	}
	store := &asked{Store: records}
	return &deletion.Gate{Task: task, Deletions: records.Deletions, Names: &connection.Names{Records: store}}, records, store
}

func revision(t *testing.T, of record.Connection) handoff.Event {
	t.Helper()
	body := []byte(`{"type":"application.revision_requested","occurred_at":"` + noon.Add(time.Hour).Format(time.RFC3339) + `","event_id":"` +
		of.EventID + `","organization_id":"` + of.OrganizationID + `","data":{"id":"app_1"}}`)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	delivery := handoff.Delivery{ID: "d-1", Envelope: envelope, SignedAt: noon.Add(time.Hour), Body: body}
	event, err := handoff.New(stack, delivery, route.Destination{Kind: route.Slack, Channel: "C0111"}, noon).Open()
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func passThrough(t *testing.T, gate *deletion.Gate, event handoff.Event) {
	t.Helper()
	line := telemetry.New(io.Discard, telemetry.Options{}).Begin("alert")
	if outcome, err := gate.Work(t.Context(), event, line); err != nil || outcome != worker.Sent {
		t.Fatalf("%s, %v", outcome, err)
	}
}

func TestAnAlertNamesItsEvent(t *testing.T) {
	var k told
	gate, _, _ := gateOf(t, &k)
	passThrough(t, gate, revision(t, ours))
	passThrough(t, gate, revision(t, others[0])) // of which nothing is mirrored
	if k[0].EventName != "Summit 2026 and more" || k[0].EventID != ours.EventID || k[1].EventName != "" {
		t.Errorf("%+v", k)
	}
}

func TestADigestNamesItsEvents(t *testing.T) {
	var k told
	gate, _, store := gateOf(t, &k)
	event := revision(t, ours)
	event.Form = handoff.Digest{Tally: alert.Tally{Lines: []alert.Line{
		{Partition: ours.Partition(), Type: "application.submitted", EventID: ours.EventID, HappenedAt: []time.Time{noon.Add(time.Hour)}},
		{Partition: ours.Partition(), Type: "application.approved", EventID: ours.EventID, HappenedAt: []time.Time{noon.Add(time.Hour)}},
		{Partition: others[0].Partition(), Type: "application.submitted", HappenedAt: []time.Time{noon.Add(time.Hour)}},
	}}}
	passThrough(t, gate, event)
	for _, count := range k[0].Digest.Counts {
		if want := map[string]string{ours.EventID: "Summit 2026 and more"}[count.EventID]; count.EventName != want {
			t.Errorf("%+v, want %q", count, want)
		}
	}
	if store.summaries != 1 {
		t.Errorf("%d summaries are read, want the one of the event that is shown", store.summaries)
	}
}

// What an event is called is no reason to wait for long, nor to fail.
func TestAnAlertIsToldWhereTheNameCannotBeRead(t *testing.T) {
	for name, out := range map[string]func(context.Context) error{
		"fails": func(context.Context) error { return errors.New("down") },
		"hangs": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var k told
				gate, _, store := gateOf(t, &k)
				store.out = out
				start := time.Now()
				passThrough(t, gate, revision(t, ours))
				if took := time.Since(start); took > 500*time.Millisecond || k[0].EventName != "" || k[0].EventID != ours.EventID {
					t.Errorf("after %s: %+v", took, k)
				}
			})
		})
	}
}

func TestANameThatIsToBeDeletedIsNotShown(t *testing.T) {
	var k told
	gate, records, _ := gateOf(t, &k)
	stop := connection.Stop{Case: "case", Cutoff: noon.Add(time.Minute)}
	if _, err := connection.Require(t.Context(), records.Deletions, ours, stop, time.Time{}); err != nil {
		t.Fatal(err)
	}
	gate.Queues = memory.NewQueues(time.Now)
	passThrough(t, gate, revision(t, ours)) // of after the cutoff
	if k[0].EventName != "" {
		t.Errorf("%+v", k)
	}
}

func TestWithoutConnectionsNoNameIsLookedFor(t *testing.T) {
	var k told
	gate, _, store := gateOf(t, &k)
	gate.Names = nil
	passThrough(t, gate, revision(t, ours))
	if store.summaries != 0 {
		t.Errorf("%d summaries are read", store.summaries)
	}
}
