package deadletter_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/operate/deadletter"
)

// undelivered is a letter of EventBridge Scheduler's own, as its documentation shows one.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
func undelivered(body string, changes map[string]string) queue.Message {
	attributes := map[string]string{
		"ERROR_CODE":                "AWS.SimpleQueueService.NonExistentQueue",
		"ERROR_MESSAGE":             "The specified queue does not exist for this wsdl version.",
		"EXECUTION_ID":              "ad06616e51cdf74a",
		"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
		"IS_PAYLOAD_TRUNCATED":      "false",
		"RETRY_ATTEMPTS":            "185",
		"SCHEDULED_TIME":            "2026-05-09T12:15:00Z",
		"SCHEDULE_ARN":              "arn:aws:scheduler:eu-west-1:123456789012:schedule/group/digest-run",
	}
	maps.Copy(attributes, changes)
	return queue.Message{Body: body, Attributes: attributes}
}

func TestSchedulersOwnLettersHaveTheirRealReason(t *testing.T) {
	test(t, func(b *bench) {
		b.sends(queue.Purge.DeadLetter(), undelivered(`{"schema":1}`, nil))
		want := deadletter.Letter{
			Queue: queue.Purge, SentAt: start, Reason: "scheduler: AWS.SimpleQueueService.NonExistentQueue",
			Detail: "schedule digest-run, due at 2026-05-09T12:15:00Z, was given up after 185 retries (MaximumRetryAttempts): " +
				"The specified queue does not exist for this wsdl version.",
		}
		letters := b.lists(queue.Names...).Letters
		if diff := cmp.Diff([]deadletter.Letter{want}, letters, cmpopts.IgnoreFields(deadletter.Letter{}, "ID"), sameMoment); diff != "" {
			b.Error(diff)
		}
		if results := b.redrives(deadletter.Selection{Reason: "scheduler"}); len(results) != 1 {
			b.Errorf("%q", outcomes(results))
		}
	})
}

func TestWhatSchedulerCouldNotSendIsSentAsItWasMeant(t *testing.T) {
	const run = `{"schema":1,"run":{"window":"2026-05-09T12:15:00Z"}}`
	for name, body := range map[string]string{
		"what was to be sent":         run,
		"its moment is not filled in": `{"schema":1,"run":{"window":"<aws.scheduler.scheduled-time>"}}`,
		"the call that was to be made": `{"MessageBody":"{\"schema\":1,\"run\":{\"window\":\"2026-05-09T12:15:00Z\"}}",` +
			`"QueueUrl":"https://sqs.eu-west-1.amazonaws.com/123456789012/digest"}`,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, func(b *bench) {
				b.sends(queue.Digest.DeadLetter(), undelivered(body, nil))
				b.redrives(everything)
				got := b.takes(queue.Digest)
				if len(got) != 1 || cmp.Diff(queue.Message{Body: run}, got[0].Message) != "" {
					b.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestWhatSchedulerCutIsNotSent(t *testing.T) {
	test(t, func(b *bench) {
		b.sends(queue.Deletion.DeadLetter(), undelivered(`{"schema":1,"swe`, map[string]string{"IS_PAYLOAD_TRUNCATED": "true"}))
		results := b.redrives(everything)
		if len(results) != 1 || results[0].Outcome != deadletter.Kept || !strings.Contains(results[0].Note, "drop it") {
			b.Errorf("%q", outcomes(results))
		}
		if got := b.takes(queue.Deletion); len(got) != 0 {
			b.Errorf("%+v", slices.Collect(maps.Keys(got[0].Attributes)))
		}
	})
}
