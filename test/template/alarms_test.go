//go:build template

package template

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/ingest"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/telemetry"
)

type alarm struct {
	AlarmDescription   string
	AlarmActions       []expression
	Namespace          string
	MetricName         string
	Dimensions         []dimension
	Statistic          string
	Period             seconds
	ComparisonOperator string
	Threshold          int
	TreatMissingData   string
}

type dimension struct{ Name, Value expression }

// signal is what an alarm looks at.
type signal struct {
	Namespace  string
	Metric     string
	Statistic  string
	Dimensions []dimension
}

func signalOf(namespace, metric, statistic string, dimensions ...dimension) signal {
	return signal{namespace, metric, statistic, dimensions}
}

// ofStack is the first dimension of every metric of our own.
var ofStack = dimension{"stack", "!Ref AWS::StackName"}

func ofDestination(name queue.Name) dimension { return dimension{"destination", expression(name)} }

func TestAlarms(t *testing.T) {
	loaded := load(t)
	want := map[string]signal{
		"IngestErrorAlarm":   signalOf("AWS/ApiGateway", "5xx", "Sum", dimension{"ApiId", "!Ref WebhookApi"}),
		"ConflictAlarm":      signalOf(telemetry.Namespace, replyMetric(ingest.Conflict), "Sum", ofStack),
		"ForgedRequestAlarm": signalOf(telemetry.Namespace, replyMetric(ingest.Unauthorized), "Sum", ofStack),
		"OverdueDeletionAlarm": signalOf(telemetry.Namespace, "deletions_overdue", "Maximum", ofStack,
			ofDestination(queue.Deletion)),
	}
	for _, name := range loaded.named("AWS::Scheduler::ScheduleGroup") {
		want[strings.TrimSuffix(name, "Group")+"Alarm"] = signalOf("AWS/Scheduler", "InvocationDroppedCount", "Sum",
			dimension{"ScheduleGroup", expression("!Ref " + name)})
	}
	for _, name := range queue.Names {
		source, dead := queueResource(name), queueResource(name.DeadLetter())
		want[queueAlarm(name, "DeadLetter")] = signalOf("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum",
			dimension{"QueueName", expression("!GetAtt " + dead + ".QueueName")})
		want[queueAlarm(name, "Age")] = signalOf("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum",
			dimension{"QueueName", expression("!GetAtt " + source + ".QueueName")})
	}
	for _, prefix := range functionNames {
		of := dimension{"FunctionName", expression("!Ref " + prefix + "Function")}
		want[prefix+"FunctionErrorAlarm"] = signalOf("AWS/Lambda", "Errors", "Sum", of)
		want[prefix+"FunctionThrottleAlarm"] = signalOf("AWS/Lambda", "Throttles", "Sum", of)
	}
	got := map[string]signal{}
	for _, name := range loaded.named("AWS::CloudWatch::Alarm") {
		a := properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm")
		got[name] = signalOf(a.Namespace, a.MetricName, a.Statistic, a.Dimensions...)
		if !slices.Equal(a.AlarmActions, []expression{"!Ref AlarmTopic"}) {
			t.Errorf("%s goes to %v", name, a.AlarmActions)
		}
		if a.AlarmDescription == "" || a.Threshold < 1 || a.ComparisonOperator != "GreaterThanOrEqualToThreshold" ||
			a.TreatMissingData != "notBreaching" {
			t.Errorf("%s is not described, or does not go off at its threshold alone: %+v", name, a)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

func queueAlarm(name queue.Name, what string) string {
	id := queueResource(name)
	return id[:len(id)-len("Queue")] + what + "Alarm"
}

// A purge that takes many rounds is no cause for alarm, nor is one of whose rounds a few died, each of which hides the message
// for the queue's visibility.
func TestThePurgesAgeAlarmAllowsManyRounds(t *testing.T) {
	loaded := load(t)
	purgeAge := properties[alarm](t, loaded, "PurgeAgeAlarm", "AWS::CloudWatch::Alarm")
	visibility := properties[sqsQueue](t, loaded, "PurgeQueue", "AWS::SQS::Queue").VisibilityTimeout
	const roundsThatDied = 10
	if least := roundsThatDied * int(visibility); purgeAge.Threshold < least {
		t.Errorf("it goes off after %d seconds, want %d at least", purgeAge.Threshold, least)
	}
}

func replyMetric(status ingest.Status) string { return "reply_" + string(status) }

// The alarms on our own metrics name what the code writes: here it is made to write one.
func TestTheCodeEmitsWhatAlarmsLookAt(t *testing.T) {
	var log bytes.Buffer
	in := ingest.Ingest{Log: telemetry.New(&log, telemetry.Options{Stack: "a-stack", Metrics: true}), Now: time.Now}
	in.Handle(t.Context(), ingest.Request{})
	var line struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log.Bytes())
	}
	looksAt := properties[alarm](t, load(t), "ForgedRequestAlarm", "AWS::CloudWatch::Alarm")
	for _, emitted := range line.AWS.CloudWatchMetrics {
		if emitted.Namespace != looksAt.Namespace || !cmp.Equal(emitted.Dimensions, [][]string{{string(looksAt.Dimensions[0].Name)}}) {
			continue
		}
		for _, metric := range emitted.Metrics {
			if metric.Name == looksAt.MetricName {
				return
			}
		}
	}
	t.Errorf("an unsigned request emits %+v, the alarm looks at %+v", line.AWS.CloudWatchMetrics, looksAt)
}

func TestTheAlarmTopicTakesAlarms(t *testing.T) {
	loaded := load(t)
	topic := properties[struct{ KmsMasterKeyId *expression }](t, loaded, "AlarmTopic", "AWS::SNS::Topic")
	if topic.KmsMasterKeyId != nil {
		t.Errorf("it is encrypted with %s: with SNS' own key CloudWatch cannot send, and says nothing of it", *topic.KmsMasterKeyId)
	}
	policy := properties[struct {
		Topics         []expression
		PolicyDocument policyDocument
	}](t, loaded, "AlarmTopicPolicy", "AWS::SNS::TopicPolicy")
	if !slices.Equal(policy.Topics, []expression{"!Ref AlarmTopic"}) {
		t.Errorf("the policy is for %v", policy.Topics)
	}
	if diff := cmp.Diff([]string{"Allow sns:Publish on !Ref AlarmTopic"}, policy.PolicyDocument.grants()); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	statement := policy.PolicyDocument.Statement[0]
	if statement.Principal.Service != "cloudwatch.amazonaws.com" ||
		statement.Condition["StringEquals"]["aws:SourceAccount"] != "!Ref AWS::AccountId" {
		t.Errorf("more than this account's CloudWatch may publish: %+v", statement)
	}
}
