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
	for _, name := range queue.There(false) {
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

// tolerance is what an alarm lets pass: its threshold, in what its metric counts, and the time in seconds over which it looks;
// and why just that.
type tolerance struct {
	threshold, period int
	evaluations       expression
	why               string
}

// Why alarms let pass what they do.
const (
	neverUsual  = "a single one is never usual, and five minutes put the many of one cause into one alarm"
	nobodyTold  = "as long as it lasts nobody is told of anything, so it is looked at each minute"
	parked      = "one message that waits for a person is enough; the metric has a point each minute"
	late        = "an alert is told within seconds; five minutes are more than the retries of a short failure"
	digestLate  = "a run comes every quarter of an hour by default, and what it tells is not urgent"
	stopLate    = "a connection must be stopped at once"
	purgeLate   = "a purge of many rounds keeps its message, and each round that died hides it for half an hour"
	scanners    = "scanners find every address; a wrong secret refuses every delivery, and soon makes a hundred"
	dailyLook   = "the look at all deletions is once a day, and says so in one point"
	chosenHours = "how long a silence may be only the customer knows"
)

// ageTolerances are how long a message may wait in each queue.
var ageTolerances = map[queue.Name]tolerance{
	queue.Slack:     {300, 60, "1", late},
	queue.PagerDuty: {300, 60, "1", late},
	queue.Digest:    {900, 60, "1", digestLate},
	queue.Deletion:  {300, 60, "1", stopLate},
	queue.Purge:     {6 * 3600, 60, "1", purgeLate},
}

// An alarm with a threshold that is never reached is none.
func TestWhatAlarmsLetPassHasAReason(t *testing.T) {
	loaded := load(t)
	want := map[string]tolerance{
		"IngestErrorAlarm":       {1, 300, "1", neverUsual},
		"ConflictAlarm":          {1, 300, "1", neverUsual},
		"PurgeScheduleAlarm":     {1, 300, "1", neverUsual},
		"RecurringScheduleAlarm": {1, 300, "1", neverUsual},
		"ForgedRequestAlarm":     {100, 300, "1", scanners},
		"OverdueDeletionAlarm":   {1, 3600, "1", dailyLook},
		"SilenceAlarm":           {1, 3600, "!Ref SilenceAlarmHours", chosenHours},
	}
	for _, prefix := range functionNames {
		want[prefix+"FunctionErrorAlarm"] = tolerance{1, 300, "1", neverUsual}
		want[prefix+"FunctionThrottleAlarm"] = tolerance{1, 300, "1", neverUsual}
	}
	for _, name := range queue.There(false) {
		want[queueAlarm(name, "DeadLetter")] = tolerance{1, 60, "1", parked}
		want[queueAlarm(name, "Age")] = ageTolerances[name]
	}
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty} {
		want[queueAlarm(name, "Credential")] = tolerance{1, 60, "1", nobodyTold}
	}
	names := loaded.named("AWS::CloudWatch::Alarm")
	if diff := cmp.Diff(keys(want), names); diff != "" {
		t.Fatalf("alarms (-with a reason +in the template):\n%s", diff)
	}
	for _, name := range names {
		a := properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm")
		if got := (tolerance{a.Threshold, int(a.Period), a.EvaluationPeriods, want[name].why}); got != want[name] {
			t.Errorf("%s lets pass %+v, want %+v", name, got, want[name])
		}
		if want[name].why == "" {
			t.Errorf("%s has no reason", name)
		}
	}
}

// An alarm that takes over what another of its kind says must not take over whom it is about.
func TestEachAlarmSaysWhatItIsAbout(t *testing.T) {
	loaded, said := load(t), map[expression]string{}
	for _, name := range loaded.named("AWS::CloudWatch::Alarm") {
		a := properties[alarm](t, loaded, name, "AWS::CloudWatch::Alarm")
		if other, found := said[a.AlarmDescription]; found {
			t.Errorf("%s says the same as %s: %s", name, other, a.AlarmDescription)
		}
		said[a.AlarmDescription] = name
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
