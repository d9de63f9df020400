package conformance

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

// purgedItems is how many records the connection has whose purge is stopped.
const purgedItems = 100

var stoppedPurgeScenarios = []scenario[*deletionTest]{
	{"a purge that is stopped again and again, after each number of calls, ends with nothing left", func(_ *testing.T, d *deletionTest) {
		d.purgesWithStops(mishap.DiesAfter)
	}},
	{"a purge whose calls fail, each number of them, ends with nothing left", func(_ *testing.T, d *deletionTest) {
		d.purgesWithStops(mishap.FailsBefore)
	}},
}

// purgesWithStops lets a purge go wrong at its first call, then at its second, and so on, each time on what the one before has
// left, until one has nothing more to go wrong.
func (d *deletionTest) purgesWithStops(kind mishap.Kind) {
	d.Helper()
	cutoff := d.first.OccurredAt
	other := d.first.Key.Connection
	other.OrganizationID += "_other"
	for number := range purgedItems {
		rec := d.first
		rec.Key.Kind = []record.Kind{record.Alert, record.Incident, record.Thread}[number%3]
		rec.Key.ID = fmt.Sprint(number)
		rec.Data = []byte(`{"schema":1,"value":{}}`)
		d.puts(rec)
		rec.Key.Connection = other
		d.puts(rec)
	}
	message := filesRequest(d.T, d.kept, d.deletions, d.first.Key.Connection, cutoff)
	for stop := 1; !purges(d.T, d.kept, d.deletions, message, mishap.At(stop, kind)); stop++ {
		if stop > 10*purgedItems {
			d.Fatal("the purge never ends")
		}
	}
	if left := d.counts(d.first.Key.Connection); left != 0 {
		d.Errorf("%d records of the connection are left", left)
	}
	if kept := d.counts(other); kept != purgedItems {
		d.Errorf("%d records of the other connection are kept, want %d", kept, purgedItems)
	}
}

func (d *deletionTest) counts(connection record.Connection) (count int) {
	d.Helper()
	d.walk(connection, func(record.Record) { count++ })
	return count
}

// Purged has what is kept of a connection deleted up to a cutoff by the rules of deletion, with these keepers beside the records, and
// returns the case. deletions holds no other.
func Purged(
	t *testing.T, kept KeptStore, deletions DeletionStore, of record.Connection, cutoff time.Time, keepers ...deletion.Keeper,
) deletion.Case {
	t.Helper()
	message := filesRequest(t, kept, deletions, of, cutoff)
	if !purges(t, kept, deletions, message, nil, keepers...) {
		t.Fatal("the purge did not end")
	}
	cases, err := (&deletion.Operator{Deletions: deletions}).All(t.Context())
	if err != nil || len(cases) != 1 {
		t.Fatalf("the cases: %+v, %v", cases, err)
	}
	return cases[0].Value
}

// filesRequest has the deletion's rules take a request for a connection, and returns the message that asks for its purge.
func filesRequest(t *testing.T, kept record.Purger, deletions deletion.Store, of record.Connection, cutoff time.Time) queue.Message {
	t.Helper()
	sent := outbox{}
	task := &deletion.Task{
		Records: kept, Deletions: deletions, Queues: sent, Notifier: notifier(sent), Now: time.Now, RecordRetention: time.Hour,
	}
	line := quiet()
	job, err := task.Open(requestOf(t, of, cutoff), line)
	wantSuccess(t, "open the request", err)
	_, err = job.Do(t.Context(), line)
	wantSuccess(t, "stop the connection", err)
	return sent[queue.Purge]
}

// purges runs a purge once and says whether it came to its end without a mishap.
func purges(
	t *testing.T, kept record.Purger, deletions deletion.Store, message queue.Message, plan *mishap.Plan, keepers ...deletion.Keeper,
) (ended bool) {
	t.Helper()
	purge := &deletion.Purge{
		Records:   mishap.Purger{Purger: kept, Plan: plan},
		Deletions: mishap.Records{Store: deletions, Plan: plan},
		Notifier:  notifier(outbox{}), Keepers: keepers, RecordRetention: time.Hour, Copies: 1, Now: time.Now,
	}
	line := quiet()
	job, err := purge.Open(message, line)
	wantSuccess(t, "open the purge", err)
	died := mishap.Died(func() { _, err = job.Do(t.Context(), line) })
	return !died && err == nil
}

// outbox keeps the last message sent to each queue.
type outbox map[queue.Name]queue.Message

// Send implements queue.Sender.
func (o outbox) Send(_ context.Context, name queue.Name, message queue.Message) error {
	o[name] = message
	return nil
}

func notifier(queues queue.Sender) *deletion.Notifier {
	return &deletion.Notifier{Stack: "prod", Routes: route.NewTable(nil, route.Channels{}), Queues: queues, Now: time.Now}
}

func quiet() *telemetry.Line { return telemetry.New(io.Discard, telemetry.Options{}).Begin("deletion") }

// requestOf is a request for a connection's deletion as ingest hands it off.
func requestOf(t *testing.T, connection record.Connection, cutoff time.Time) queue.Message {
	t.Helper()
	body := fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":%q,"organization_id":%q,"data":{}}`,
		revento.TypeDeletionRequired, cutoff.Format(time.RFC3339Nano), connection.EventID, connection.OrganizationID)
	envelope, err := revento.ParseEnvelope(body)
	wantSuccess(t, "parse the request", err)
	now := time.Now()
	delivery := handoff.Delivery{
		ID: "delivery-1", Envelope: envelope, Identity: envelope.Identity(body), SignedAt: now, ReceivedAt: now, Body: body,
	}
	message, err := handoff.New("prod", delivery, route.Destination{Kind: route.Deletion, Severity: route.Info}, now).Encode()
	wantSuccess(t, "encode the request", err)
	return message
}
