//go:build template

package template

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
)

func TestTimeLimits(t *testing.T) {
	loaded := load(t)
	timeout := func(name string) time.Duration { return function(t, loaded, name).Timeout.duration() }
	for _, c := range []struct {
		rule string
		ok   bool
	}{
		{"ingest's time-out is the code's", timeout("ingest") == ingest.FunctionTimeout},
		{"ingest answers before its time-out", ingest.Budget < timeout("ingest")},
		{"a claim's lease outlives the function that holds it", timeout("ingest") < ingest.Lease},
		{"a lease is over before Revento gives up", ingest.Lease < ingest.SenderTimeout},
		{"slack has time for a look-up, a post and an update, and for settling",
			timeout("slack") > thread.FindTimeout+thread.PostTimeout+thread.UpdateTimeout+worker.SettleReserve},
		{"pagerduty has time for its call", timeout("pagerduty") > incident.CallTimeout},
		{"a record outlives a message's stay in a queue and its dead-letter queue", alert.Retention > 2*queue.Retention},
	} {
		if !c.ok {
			t.Errorf("broken: %s", c.rule)
		}
	}
}

type sqsQueue struct {
	FifoQueue              bool
	DeduplicationScope     string
	FifoThroughputLimit    string
	MaximumMessageSize     int
	MessageRetentionPeriod seconds
	VisibilityTimeout      seconds
	SqsManagedSseEnabled   bool
	RedrivePolicy          *redrivePolicy
}

type redrivePolicy struct {
	DeadLetterTargetArn expression `json:"deadLetterTargetArn"`
	MaxReceiveCount     int        `json:"maxReceiveCount"`
}

// queueResource is a queue's logical id: "slack-dead-letter" is SlackDeadLetterQueue.
func queueResource(name queue.Name) string {
	var id strings.Builder
	for part := range strings.SplitSeq(string(name), "-") {
		id.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return id.String() + "Queue"
}

// entries are the queues that are there with connections, or without.
func entries(connected bool) (there []queue.Entry) {
	for _, name := range queue.There(connected) {
		there = append(there, name.Entry())
	}
	return there
}

func TestQueues(t *testing.T) {
	for _, connected := range []bool{false, true} {
		loaded := loadWith(t, connected)
		for _, name := range queue.There(connected) {
			for _, name := range []queue.Name{name, name.DeadLetter()} {
				t.Run(string(name), func(t *testing.T) { checkQueue(t, loaded, name) })
			}
		}
		if got, want := len(loaded.named("AWS::SQS::Queue")), 2*len(queue.There(connected)); got != want {
			t.Errorf("with connections %t: the template has %d queues, the code %d", connected, got, want)
		}
	}
}

func checkQueue(t *testing.T, loaded template, name queue.Name) {
	q := properties[sqsQueue](t, loaded, queueResource(name), "AWS::SQS::Queue")
	if q.FifoQueue != name.IsFIFO() {
		t.Errorf("FIFO is %t, want %t", q.FifoQueue, name.IsFIFO())
	}
	if name.IsFIFO() && (q.DeduplicationScope != "messageGroup" || q.FifoThroughputLimit != "perMessageGroupId") {
		t.Error("it is not in high-throughput mode")
	}
	if q.MaximumMessageSize != queue.MaxMessageBytes {
		t.Errorf("it takes %d bytes, want %d", q.MaximumMessageSize, queue.MaxMessageBytes)
	}
	if q.MessageRetentionPeriod.duration() != queue.Retention {
		t.Errorf("it keeps a message for %s, want %s", q.MessageRetentionPeriod.duration(), queue.Retention)
	}
	if !q.SqsManagedSseEnabled {
		t.Error("it is not encrypted")
	}
	if name.IsDeadLetter() {
		if q.RedrivePolicy != nil {
			t.Error("a dead-letter queue gives up on nothing")
		}
		return
	}
	want := redrivePolicy{expression("!GetAtt " + queueResource(name.DeadLetter()) + ".Arn"), queue.MaxReceives}
	if q.RedrivePolicy == nil || *q.RedrivePolicy != want {
		t.Errorf("its redrive policy is %+v, want %+v", q.RedrivePolicy, want)
	}
}

type mapping struct {
	BatchSize                      int
	MaximumBatchingWindowInSeconds *int
	EventSourceArn                 expression
	FunctionName                   expression
	FunctionResponseTypes          []string
	ScalingConfig                  struct{ MaximumConcurrency int }
}

func mappingOf(t *testing.T, loaded template, name queue.Name) mapping {
	t.Helper()
	return properties[mapping](t, loaded, queueFunction(name)+"Queue", "AWS::Lambda::EventSourceMapping")
}

// queueFunction is the function that works on a queue's messages.
func queueFunction(name queue.Name) string {
	return strings.TrimSuffix(queueResource(name), "Queue") + "Function"
}

func TestMappings(t *testing.T) {
	loaded := loadWith(t, true)
	for _, entry := range entries(true) {
		t.Run(string(entry.Name), func(t *testing.T) {
			mapping := mappingOf(t, loaded, entry.Name)
			if want := expression("!GetAtt " + queueResource(entry.Name) + ".Arn"); mapping.EventSourceArn != want {
				t.Errorf("it reads from %s, want %s", mapping.EventSourceArn, want)
			}
			if want := expression("!Ref " + queueFunction(entry.Name)); mapping.FunctionName != want {
				t.Errorf("it invokes %s, want %s", mapping.FunctionName, want)
			}
			if mapping.BatchSize != 1 || mapping.MaximumBatchingWindowInSeconds != nil {
				t.Error("it does not hand over one message at a time, at once")
			}
			if !slices.Contains(mapping.FunctionResponseTypes, "ReportBatchItemFailures") {
				t.Error("it takes a reported failure for success")
			}
			if got := mapping.ScalingConfig.MaximumConcurrency; got != entry.Concurrency || got < 2 || got > 1000 {
				t.Errorf("its greatest concurrency is %d, want %d; AWS allows 2 to 1000", got, entry.Concurrency)
			}
			function := properties[lambdaFunction](t, loaded, queueFunction(entry.Name), "AWS::Lambda::Function")
			if timeout := function.Timeout.duration(); timeout != entry.Timeout {
				t.Errorf("the function's time-out is %s, want %s", timeout, entry.Timeout)
			}
			visibility := properties[sqsQueue](t, loaded, queueResource(entry.Name), "AWS::SQS::Queue").VisibilityTimeout.duration()
			if want := entry.Visibility(); visibility != want {
				t.Errorf("the queue's visibility is %s, want %s", visibility, want)
			}
		})
	}
	for _, connected := range []bool{false, true} {
		got := len(loadWith(t, connected).named("AWS::Lambda::EventSourceMapping"))
		if want := len(queue.There(connected)); got != want {
			t.Errorf("with connections %t: there are %d mappings and %d queues", connected, got, want)
		}
	}
}

// leastExecutions is how many executions at once a new account has.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
const leastExecutions = 10

// A deletion is rare; what is there every day must not keep deliveries out.
func TestWorkersLeaveIngestRoomInANewAccount(t *testing.T) {
	const forIngest = 2
	busy := 0
	for _, entry := range entries(false) {
		if entry.Name != queue.Deletion && entry.Name != queue.Purge {
			busy += entry.Concurrency
		}
	}
	if busy+forIngest > leastExecutions {
		t.Errorf("workers take up to %d executions, which leaves ingest less than %d of %d", busy, forIngest, leastExecutions)
	}
}
