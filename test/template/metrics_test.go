//go:build template

package template

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/testkit/memory"
)

// named is a metric as CloudWatch tells it from others: "alert_sent by stack=!Ref AWS::StackName destination=slack".
func named(metric string, dimensions []dimension) string {
	var name strings.Builder
	name.WriteString(metric + " by")
	for _, d := range dimensions {
		fmt.Fprintf(&name, " %s=%s", d.Name, d.Value)
	}
	return name.String()
}

// emittedMetrics has the code do what it is watched for, and returns the metrics in its log lines. The stack's name is as in
// the template.
func emittedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	var lines bytes.Buffer
	log := telemetry.New(&lines, telemetry.Options{Stack: string(ofStack.Value), Metrics: true})
	deliver(t, log)
	workOn(t, log, queue.Slack)
	workOn(t, log, queue.PagerDuty)
	sweep(t, log)
	emitted := map[string]bool{}
	for line := range bytes.Lines(lines.Bytes()) {
		for _, name := range metricsOf(t, line) {
			emitted[name] = true
		}
	}
	return emitted
}

// metricsOf reads a line in the embedded metric format.
func metricsOf(t *testing.T, line []byte) []string {
	t.Helper()
	var embedded struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if err := errors.Join(json.Unmarshal(line, &embedded), json.Unmarshal(line, &values)); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	var names []string
	for _, directive := range embedded.AWS.CloudWatchMetrics {
		if directive.Namespace != telemetry.Namespace || len(directive.Dimensions) != 1 {
			t.Fatalf("the code emits %+v", directive)
		}
		var dimensions []dimension
		for _, key := range directive.Dimensions[0] {
			dimensions = append(dimensions, dimension{expression(key), expression(fmt.Sprint(values[key]))})
		}
		for _, metric := range directive.Metrics {
			names = append(names, named(metric.Name, dimensions))
		}
	}
	return names
}

const newSecret, oldSecret = "whsec_new", "whsec_old"

// webhookSecrets has two, as while one is being rotated, or none.
type webhookSecrets struct{ err error }

// Get implements ingest.Secrets.
func (s webhookSecrets) Get(context.Context) (secret.Webhook, error) {
	return secret.Webhook{newSecret, oldSecret}, s.err
}

// Refresh implements ingest.Secrets.
func (s webhookSecrets) Refresh(ctx context.Context) (secret.Webhook, bool, error) {
	secrets, err := s.Get(ctx)
	return secrets, false, err
}

// deliver has requests answered, one in each way.
func deliver(t *testing.T, log *telemetry.Logger) {
	t.Helper()
	now := time.Now()
	in := &ingest.Ingest{
		Tolerance: 300 * time.Second, BodyLimit: 4096, DedupeWindow: 24 * time.Hour, Secrets: webhookSecrets{},
		Routes: route.NewTable(map[string]route.Route{"event.unpublished": {{Kind: route.Slack, Channel: "C0SAMPLE01"}}}, route.Channels{}),
		Ledger: memory.NewLedger(), Queues: memory.NewQueues(time.Now), Log: log, Now: time.Now,
	}
	unpublished := func(secret string, at time.Time, change sample.Change) ingest.Request {
		return request(t, "event.unpublished", secret, at, change)
	}
	busy := unpublished(newSecret, now, sample.Change{DeliveryID: "busy"})
	claimForAnother(t, in.Ledger, busy, now)
	malformed := ingest.Request{Timestamp: fmt.Sprint(now.Unix())}
	malformed.Signature = revento.Sign(newSecret, malformed.Timestamp, nil)
	large := unpublished(newSecret, now, sample.Change{})
	large.Body.Text += strings.Repeat(" ", in.BodyLimit)
	for _, c := range []struct {
		want    ingest.Status
		request ingest.Request
	}{
		{ingest.Accepted, unpublished(newSecret, now, sample.Change{DeliveryID: "first"})},
		{ingest.Duplicate, unpublished(oldSecret, now, sample.Change{DeliveryID: "first"})},
		{ingest.Accepted, unpublished(newSecret, now, sample.Change{DeliveryID: "first", ResourceID: "another"})},
		{ingest.Busy, busy},
		{ingest.Ignored, request(t, "activity.updated", newSecret, now, sample.Change{})},
		{ingest.Unauthorized, unpublished("whsec_forged", now, sample.Change{})},
		{ingest.Stale, unpublished(newSecret, now.Add(-time.Hour), sample.Change{})},
		{ingest.Malformed, malformed},
		{ingest.TooLarge, large},
	} {
		if got := in.Handle(t.Context(), c.request).Status; got != c.want {
			t.Fatalf("a request is answered %s, want %s", got, c.want)
		}
	}
	in.Secrets = webhookSecrets{err: secret.ErrEmpty}
	in.Handle(t.Context(), unpublished(newSecret, now, sample.Change{}))
}

// claimForAnother has another copy of the function work on a request.
func claimForAnother(t *testing.T, ledger ingest.Ledger, request ingest.Request, now time.Time) {
	t.Helper()
	body := []byte(request.Body.Text)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Claim(t.Context(), ingest.Claim{
		DeliveryID: request.DeliveryID, Lease: lease.Take("another", now, time.Hour), Identity: envelope.Identity(body),
		Now: now, Expires: now.Add(time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, eventType, secret string, at time.Time, change sample.Change) ingest.Request {
	t.Helper()
	made, err := sample.New(eventType, secret, at, change)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Request{
		Event:      made.Header.Get(revento.HeaderEvent),
		DeliveryID: made.Header.Get(revento.HeaderDeliveryID),
		Timestamp:  made.Header.Get(revento.HeaderTimestamp),
		Signature:  made.Header.Get(revento.HeaderSignature),
		Body:       ingest.Body{Text: string(made.Body)},
	}
}

// chore ends as it is told to.
type chore struct {
	outcome worker.Outcome
	err     error
}

// Open implements worker.Chore.
func (c chore) Open(queue.Message, *telemetry.Line) (worker.Job, error) {
	return worker.Job{Do: func(_ context.Context, line *telemetry.Line) (worker.Outcome, error) {
		if c.err == nil {
			worker.Told(handoff.Event{Message: handoff.Message{Form: handoff.Alert{}}}, time.Now(), line)
		}
		return c.outcome, c.err
	}}, nil
}

// workOn has alerts of a queue end well, and by a credential that the provider refuses.
func workOn(t *testing.T, log *telemetry.Logger, name queue.Name) {
	t.Helper()
	for _, c := range []chore{
		{outcome: worker.Sent},
		{err: &fault.Error{Class: fault.Permanent, Op: "send", Reason: "token_revoked", Credential: true}},
	} {
		handle(t, &worker.Worker{Queue: name, Unit: "alert", Chore: c, Log: log})
	}
}

// sweep has the daily look at deletions done.
func sweep(t *testing.T, log *telemetry.Logger) {
	t.Helper()
	task := &deletion.Task{Deletions: memory.NewRecords().Deletions, Now: time.Now}
	handle(t, &worker.Worker{Queue: queue.Deletion, Unit: "deletion", Chore: task, Log: log})
}

func handle(t *testing.T, w *worker.Worker) {
	t.Helper()
	w.Queues, w.MaxAge, w.Now = memory.NewQueues(time.Now), time.Hour, time.Now
	message := deletion.SweepMessage()
	message.Group = "a-group"
	if !w.Handle(t.Context(), queue.Received{Message: message, Queue: w.Queue, ID: "1", Receives: 1, SentAt: time.Now()}) {
		t.Fatal("the work did not end")
	}
}
