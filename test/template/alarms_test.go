//go:build template

package template

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/telemetry"
)

type alarm struct {
	AlarmDescription   expression
	AlarmActions       []expression
	Namespace          string
	MetricName         string
	Dimensions         []dimension
	Statistic          string
	Period             seconds
	EvaluationPeriods  expression
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
		"ConflictAlarm":      signalOf(telemetry.Namespace, ingest.MetricDeliveryIDConflict, "Sum", ofStack),
		"ForgedRequestAlarm": signalOf(telemetry.Namespace, replyMetric(ingest.Unauthorized), "Sum", ofStack),
		"SilenceAlarm":       signalOf(telemetry.Namespace, replyMetric(ingest.Accepted), "Sum", ofStack),
		"OverdueDeletionAlarm": signalOf(telemetry.Namespace, "deletions_overdue", "Maximum", ofStack,
			ofDestination(queue.Deletion)),
	}
	for _, name := range loaded.named("AWS::Scheduler::ScheduleGroup") {
		want[strings.TrimSuffix(name, "Group")+"Alarm"] = signalOf("AWS/Scheduler", "InvocationDroppedCount", "Sum",
			dimension{"ScheduleGroup", expression("!Ref " + name)})
	}
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
		want[queueAlarm(name, "Credential")] = signalOf(telemetry.Namespace, "credential_rejected", "Sum", ofStack, ofDestination(name))
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
		if a.AlarmDescription == "" {
			t.Errorf("%s is not described", name)
		}
		if name != "SilenceAlarm" && (a.Threshold < 1 || a.ComparisonOperator != "GreaterThanOrEqualToThreshold" ||
			a.TreatMissingData != "notBreaching") {
			t.Errorf("%s does not go off at its threshold alone: %+v", name, a)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

// tolerance is what an alarm lets pass: its threshold, and the time over which it looks.
type tolerance struct {
	threshold, period int
	evaluations       expression
}

// An alarm with a threshold that is never reached is none. A dead letter, an error or a refused credential is never usual.
func TestWhatAlarmsLetPass(t *testing.T) {
	loaded := load(t)
	first := tolerance{1, 300, "1"}
	want := map[string]tolerance{
		"ForgedRequestAlarm":   {100, 300, "1"}, // scanners find every address
		"OverdueDeletionAlarm": {1, 3600, "1"},
		"SilenceAlarm":         {1, 3600, "!Ref SilenceAlarmHours"},
	}
	ages := map[queue.Name]int{queue.Slack: 300, queue.PagerDuty: 300, queue.Digest: 900, queue.Deletion: 300, queue.Purge: 6 * 3600}
	for _, name := range queue.Names {
		want[queueAlarm(name, "DeadLetter")] = tolerance{1, 60, "1"}
		want[queueAlarm(name, "Age")] = tolerance{ages[name], 60, "1"}
	}
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
		want[queueAlarm(name, "Credential")] = tolerance{1, 60, "1"}
	}
	for _, name := range loaded.named("AWS::CloudWatch::Alarm") {
		a := properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm")
		expected, own := want[name]
		if !own {
			expected = first
		}
		if got := (tolerance{a.Threshold, int(a.Period), a.EvaluationPeriods}); got != expected {
			t.Errorf("%s lets pass %+v, want %+v", name, got, expected)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("there are no alarms %v", keys(want))
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

// maxLookBack is how far back an alarm looks, with a period of an hour or more.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
const maxLookBack = 7 * 24 * time.Hour

func TestTheSilenceAlarmGoesOffForWantOfDeliveries(t *testing.T) {
	loaded := load(t)
	silence := properties[alarm](t, loaded, "SilenceAlarm", "AWS::CloudWatch::Alarm")
	if silence.Period.duration() != time.Hour || silence.EvaluationPeriods != "!Ref SilenceAlarmHours" {
		t.Errorf("it looks back %s periods of %s, want the parameter's hours", silence.EvaluationPeriods, silence.Period.duration())
	}
	if silence.ComparisonOperator != "LessThanThreshold" || silence.Threshold != 1 || silence.TreatMissingData != "breaching" {
		t.Errorf("it does not go off where nothing comes: %+v", silence)
	}
	if loaded.Resources["SilenceAlarm"].Condition != "HasSilenceAlarm" {
		t.Error("it is there whatever the parameter says")
	}
	hours := loaded.Parameters["SilenceAlarmHours"]
	if *hours.MinValue != 0 || time.Duration(*hours.MaxValue)*time.Hour > maxLookBack {
		t.Errorf("hours may be %d to %d, an alarm looks back %s at most", *hours.MinValue, *hours.MaxValue, maxLookBack)
	}
}

// An alarm on a metric that nothing writes never goes off.
func TestTheCodeEmitsWhatAlarmsLookAt(t *testing.T) {
	loaded, emitted := load(t), emittedMetrics(t)
	for _, name := range loaded.named("AWS::CloudWatch::Alarm") {
		a := properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm")
		if a.Namespace != telemetry.Namespace {
			continue
		}
		if found := named(a.MetricName, a.Dimensions); !emitted[found] {
			t.Errorf("%s looks at %s, the code emits %v", name, found, keys(emitted))
		}
	}
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
