package events_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	lambdaevents "github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/testkit/memory"
)

var update = flag.Bool("update", false, "write the files anew")

const (
	sampleType   = "application.revision_requested"
	sampleSecret = "whsec_sample"
	sampleStack  = "local"
)

// occurredAt is long ago: the workers' events are static, and the API's shows what comes of a stale signature.
var occurredAt = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)

// The events for sam local are what AWS would make of a sample delivery; the messages in them are what ingest sends.
func TestEventsAreWhatLambdaGets(t *testing.T) {
	for file, event := range map[string]any{
		"slack.json":     workerEvent(t, sampleType, route.Destination{Kind: route.Slack, Channel: "C0SAMPLE01", Severity: route.Error}),
		"pagerduty.json": workerEvent(t, sampleType, route.Destination{Kind: route.PagerDuty, Severity: route.Error}),
		"deletion.json":  deletionEvent(t),
		"purge.json":     purgeEvent(t),
		"digest.json":    workerEvent(t, "application.submitted", route.Destination{Kind: route.Digest, Channel: "C0SAMPLE01", Severity: route.Info}),
		"run.json":       sampleEvent(queue.Digest, digest.RunMessage(occurredAt.Add(time.Hour))),
		"stale.json":     gatewayEvent(t),
	} {
		t.Run(file, func(t *testing.T) {
			want, err := json.MarshalIndent(event, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, '\n')
			if *update {
				if err := os.WriteFile(file, want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("it is not what Lambda would get; go test ./events -update writes it anew")
			}
		})
	}
}

func TestWorkersCanReadTheirEvents(t *testing.T) {
	for name, eventType := range map[queue.Name]string{
		queue.Slack: sampleType, queue.PagerDuty: sampleType, queue.Deletion: revento.TypeDeletionRequired,
	} {
		t.Run(string(name), func(t *testing.T) {
			text, err := os.ReadFile(string(name) + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var event lambdaevents.SQSEvent
			if err := json.Unmarshal(text, &event); err != nil {
				t.Fatal(err)
			}
			if len(event.Records) != 1 {
				t.Fatalf("it has %d messages, want 1", len(event.Records))
			}
			message, err := handoff.Decode(event.Records[0].Body)
			if err != nil {
				t.Fatal(err)
			}
			if message.Queue() != name {
				t.Errorf("its message is for %s", message.Queue())
			}
			if opened, err := message.Open(); err != nil || opened.Envelope.Type != eventType {
				t.Errorf("its message holds %q (%v), want %s", opened.Envelope.Type, err, eventType)
			}
		})
	}
}

// deletionEvent is a request; purgeEvent is what asks for its purge when it is due.
func deletionEvent(t *testing.T) lambdaevents.SQSEvent {
	t.Helper()
	return workerEvent(t, revento.TypeDeletionRequired, route.Destination{Kind: route.Deletion, Severity: route.Info})
}

func purgeEvent(t *testing.T) lambdaevents.SQSEvent {
	t.Helper()
	now := func() time.Time { return occurredAt.Add(2 * time.Second) }
	records, queues := memory.NewRecords(), memory.NewQueues(now)
	notifier := &deletion.Notifier{Stack: sampleStack, Queues: queues, Now: now}
	task := &deletion.Task{Records: records, Deletions: records.Deletions, Queues: queues, Notifier: notifier, Now: now}
	line := telemetry.New(io.Discard, telemetry.Options{}).Begin("deletion")
	request := deletionEvent(t).Records[0].Body
	job, err := task.Open(queue.Message{Body: request}, line)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := job.Do(t.Context(), line); err != nil {
		t.Fatal(err)
	}
	due, ok, err := queues.Receive(t.Context(), queue.Purge, time.Minute)
	if err != nil || !ok {
		t.Fatalf("no purge is queued: %v", err)
	}
	return sampleEvent(queue.Purge, due.Message)
}

func delivery(t *testing.T, eventType string) sample.Delivery {
	t.Helper()
	change := sample.Change{OccurredAt: occurredAt, DeliveryID: "11111111-2222-4333-8444-555555555555"}
	made, err := sample.New(eventType, sampleSecret, occurredAt.Add(2*time.Second), change)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func gatewayEvent(t *testing.T) lambdaevents.APIGatewayV2HTTPRequest {
	d := delivery(t, sampleType)
	return awslambda.GatewayEvent(http.MethodPost, ingest.Path, d.Header, d.Body, "sample-request", occurredAt.Add(2*time.Second))
}

func workerEvent(t *testing.T, eventType string, destination route.Destination) lambdaevents.SQSEvent {
	t.Helper()
	d := delivery(t, eventType)
	envelope, err := revento.ParseEnvelope(d.Body)
	if err != nil {
		t.Fatal(err)
	}
	signedAt := occurredAt.Add(2 * time.Second)
	message := handoff.New(sampleStack, handoff.Delivery{
		ID:         d.Header.Get(revento.HeaderDeliveryID),
		Envelope:   envelope,
		Identity:   envelope.Identity(d.Body),
		SignedAt:   signedAt,
		ReceivedAt: signedAt,
		Body:       d.Body,
	}, destination, signedAt)
	encoded, err := message.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return sampleEvent(message.Queue(), encoded)
}

func sampleEvent(name queue.Name, message queue.Message) lambdaevents.SQSEvent {
	return awslambda.EventOf(queue.Received{
		Message:  message,
		Queue:    name,
		ID:       "sample-message",
		Handle:   "sample-handle",
		Receives: 1,
		SentAt:   occurredAt.Add(2 * time.Second),
	})
}
