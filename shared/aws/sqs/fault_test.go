//go:build emulators

package sqs

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/emulators"
	"revento-alerts/test/faultproxy"
)

// through returns two views of the same new queues: the functions', with the proxy before the emulator, and a clear one.
func through(t *testing.T, name queue.Name) (spoilt, clear *Queues, proxy *faultproxy.Proxy) {
	t.Helper()
	urls := emulators.Queues(t, queue.MaxReceives, name)
	config := emulators.Hurried(t)
	proxy = faultproxy.New(t, os.Getenv("AWS_ENDPOINT_URL_SQS"))
	config.ConfigSources = nil
	config.BaseEndpoint = &proxy.URL
	clear = New(emulators.Patient(t), urls)
	clear.receiveWait = 0
	return New(config, urls), clear, proxy
}

// wantMessages takes all messages out and counts them.
func wantMessages(t *testing.T, queues *Queues, name queue.Name, count int) {
	t.Helper()
	got := 0
	for {
		received, ok, err := queues.Receive(t.Context(), name, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got++
		if err := queues.Delete(t.Context(), name, received.Handle); err != nil {
			t.Fatal(err)
		}
	}
	if got != count {
		t.Errorf("the queue %s has %d messages, want %d", name, got, count)
	}
}

func TestSendFailures(t *testing.T) {
	tests := map[string]struct {
		faults []faultproxy.Fault // of both attempts
		class  fault.Class
		reason string
		sent   int
	}{
		"throttled": {
			faults: faultproxy.Twice(faultproxy.Refuse(403, "RequestThrottled", "")),
			class:  fault.Throttled, reason: "RequestThrottled",
		},
		"the service fails": {
			faults: faultproxy.Twice(faultproxy.Refuse(500, "InternalError", "")),
			class:  fault.Transient, reason: "InternalError",
		},
		"the connection breaks before the request": {
			faults: faultproxy.Twice(faultproxy.LoseRequest),
			class:  fault.Transient, reason: awssdk.ReasonConnection,
		},
		"the service hangs": {
			faults: faultproxy.Twice(faultproxy.Hang),
			class:  fault.Transient, reason: awssdk.ReasonTimeout,
		},
		"both answers are lost": {
			faults: faultproxy.Twice(faultproxy.LoseAnswer),
			class:  fault.Transient, reason: awssdk.ReasonConnection,
			sent: 1,
		},
		"the answer breaks off": {
			faults: faultproxy.Twice(faultproxy.HalveAnswer),
			class:  fault.Transient, reason: awssdk.ReasonUnreadable,
			sent: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt, clear, proxy := through(t, queue.Slack)
			message := queue.Message{Body: "one", Group: "a", DeduplicationID: "one"}
			proxy.Spoil(test.faults...)
			faultproxy.WantFailure(t, spoilt.Send(t.Context(), queue.Slack, message), test.class, test.reason)
			wantMessages(t, clear, queue.Slack, test.sent)
		})
	}
}

func TestASendWhoseAnswerIsLost(t *testing.T) {
	tests := map[string]struct {
		queue   queue.Name
		message queue.Message
		sent    int
	}{
		"leaves one message in a FIFO queue": {
			queue.Slack, queue.Message{Body: "one", Group: "a", DeduplicationID: "one"}, 1},
		"leaves two in a standard queue, of which workers drop one": {
			queue.Digest, queue.Message{Body: "one"}, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt, clear, proxy := through(t, test.queue)
			proxy.Spoil(faultproxy.LoseAnswer)
			if err := spoilt.Send(t.Context(), test.queue, test.message); err != nil {
				t.Fatal(err)
			}
			wantMessages(t, clear, test.queue, test.sent)
		})
	}
}

func TestAVisibilityWhoseAnswerIsLostIsSetAgain(t *testing.T) {
	spoilt, clear, proxy := through(t, queue.Slack)
	handle := inFlight(t, clear)
	proxy.Spoil(faultproxy.LoseAnswer)
	if err := spoilt.ChangeVisibility(t.Context(), queue.Slack, handle, 0); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, clear, queue.Slack, 1)
}

// inFlight returns the handle of a message in flight.
func inFlight(t *testing.T, queues *Queues) (handle string) {
	t.Helper()
	if err := queues.Send(t.Context(), queue.Slack, queue.Message{Body: "one", Group: "a", DeduplicationID: "one"}); err != nil {
		t.Fatal(err)
	}
	received, ok, err := queues.Receive(t.Context(), queue.Slack, time.Hour)
	if err != nil || !ok {
		t.Fatalf("receive: %t, %v", ok, err)
	}
	return received.Handle
}

func TestTheDeadlineIsKept(t *testing.T) {
	spoilt, clear, proxy := through(t, queue.Slack)
	handle := inFlight(t, clear)
	for name, call := range map[string]func(context.Context) error{
		"send": func(ctx context.Context) error {
			return spoilt.Send(ctx, queue.Slack, queue.Message{Body: "two", Group: "a", DeduplicationID: "two"})
		},
		"change the visibility": func(ctx context.Context) error {
			return spoilt.ChangeVisibility(ctx, queue.Slack, handle, time.Second)
		},
		"receive": func(ctx context.Context) error {
			_, _, err := spoilt.Receive(ctx, queue.Slack, time.Second)
			return err
		},
		"delete": func(ctx context.Context) error { return spoilt.Delete(ctx, queue.Slack, handle) },
	} {
		t.Run(name, func(t *testing.T) {
			proxy.Spoil(faultproxy.Hang)
			faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, call)
		})
	}
}

func TestTheTraceIsHandedOn(t *testing.T) {
	const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	//lint:ignore SA1029 the key is aws-lambda-go's
	invocation := context.WithValue(t.Context(), traceContextKey, header)
	tests := map[string]struct {
		ctx  context.Context
		want string
	}{
		"of the invocation, where it has one": {invocation, header},
		"none, where it has none":             {t.Context(), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			queues, _, _ := through(t, queue.Digest)
			if err := queues.Send(test.ctx, queue.Digest, queue.Message{Body: "one"}); err != nil {
				t.Fatal(err)
			}
			if got := traceOf(t, queues.urls[queue.Digest]); got != test.want {
				t.Errorf("the trace header is %q, want %q", got, test.want)
			}
		})
	}
}

// traceOf receives a message from the queue and returns its trace header.
func traceOf(t *testing.T, url string) string {
	t.Helper()
	got, err := sdk.NewFromConfig(emulators.Patient(t)).ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{
		QueueUrl:                    &url,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAWSTraceHeader},
	})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("receive: %d messages, %v; want one", len(got.Messages), err)
	}
	return got.Messages[0].Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)]
}

func TestAQueueWithoutAURL(t *testing.T) {
	queues := New(aws.Config{}, nil)
	for name, call := range map[string]func() error{
		"send":                  func() error { return queues.Send(t.Context(), queue.Slack, queue.Message{}) },
		"change the visibility": func() error { return queues.ChangeVisibility(t.Context(), queue.Slack, "handle", 0) },
		"delete":                func() error { return queues.Delete(t.Context(), queue.Slack, "handle") },
		"receive": func() error {
			_, _, err := queues.Receive(t.Context(), queue.Slack, 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(); err == nil || !strings.Contains(err.Error(), "the queue slack") {
				t.Errorf("the error is %v, want one that names the queue", err)
			}
		})
	}
}

func TestABatchIsTakenAndShownAtOnceAndVoidHandlesArePassedOver(t *testing.T) {
	_, queues, _ := through(t, queue.Slack)
	for _, id := range []string{"1", "2", "3"} {
		if err := queues.Send(t.Context(), queue.Slack, queue.Message{Body: id, Group: "a", DeduplicationID: id}); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := queues.ReceiveBatch(t.Context(), queue.Slack, time.Hour)
	if err != nil || len(batch) != 3 {
		t.Fatalf("%d messages came, %v", len(batch), err)
	}
	if err := queues.Delete(t.Context(), queue.Slack, batch[1].Handle); err != nil {
		t.Fatal(err)
	}
	var handles []string
	for _, received := range batch {
		handles = append(handles, received.Handle)
	}
	if err := queues.ChangeVisibilityBatch(t.Context(), queue.Slack, handles, 0); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, queues, queue.Slack, 2)
}
