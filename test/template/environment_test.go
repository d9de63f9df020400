//go:build template

package template

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/settings"
)

// resources is what each function finds its resources by, beside its queues.
var resources = map[string]map[string]expression{
	"ingest": {
		"WEBHOOK_SECRETS_ID": "!Ref WebhookSecrets",
		"DELIVERIES_TABLE":   "!Ref DeliveriesTable",
	},
	"slack": {
		"SLACK_BOT_TOKEN_ID": "!Ref SlackBotToken",
		"RECORDS_TABLE":      "!Ref RecordsTable",
		"DELETIONS_TABLE":    "!Ref DeletionsTable",
	},
	"pagerduty": {
		"PAGERDUTY_ROUTING_KEY_ID": "!Ref PagerdutyRoutingKey",
		"RECORDS_TABLE":            "!Ref RecordsTable",
		"DELETIONS_TABLE":          "!Ref DeletionsTable",
	},
	"digest": {
		"RECORDS_TABLE":   "!Ref RecordsTable",
		"DELETIONS_TABLE": "!Ref DeletionsTable",
	},
	"deletion": {
		"RECORDS_TABLE":               "!Ref RecordsTable",
		"DELETIONS_TABLE":             "!Ref DeletionsTable",
		"PURGE_QUEUE_ARN":             "!GetAtt PurgeQueue.Arn",
		"PURGE_DEAD_LETTER_QUEUE_ARN": "!GetAtt PurgeDeadLetterQueue.Arn",
		"SCHEDULE_GROUP":              "!Ref PurgeScheduleGroup",
		"SCHEDULE_ROLE_ARN":           "!GetAtt PurgeScheduleRole.Arn",
	},
	"purge": {
		"SLACK_BOT_TOKEN_ID": "!Ref SlackBotToken",
		"RECORDS_TABLE":      "!Ref RecordsTable",
		"DELETIONS_TABLE":    "!Ref DeletionsTable",
	},
}

// queueVariables name queues: "slack-dead-letter" is in SLACK_DEAD_LETTER_QUEUE_URL.
func queueVariables(queues []queue.Name) map[string]expression {
	variables := map[string]expression{}
	for _, name := range queues {
		variable := strings.ReplaceAll(strings.ToUpper(string(name)), "-", "_") + "_QUEUE_URL"
		variables[variable] = expression("!Ref " + queueResource(name))
	}
	return variables
}

// everywhere is what the Go runtime and the AWS SDK read.
var everywhere = map[string]expression{
	"GOMAXPROCS":                       "1",
	"AWS_ENDPOINT_URL_DYNAMODB":        "",
	"AWS_ENDPOINT_URL_SCHEDULER":       "",
	"AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
	"AWS_ENDPOINT_URL_SQS":             "",
}

var loaders = map[string]func(settings.Source) error{
	"ingest":    func(s settings.Source) error { _, err := settings.LoadIngest(s); return err },
	"slack":     func(s settings.Source) error { _, err := settings.LoadSlack(s); return err },
	"pagerduty": func(s settings.Source) error { _, err := settings.LoadPagerDuty(s); return err },
	"digest":    func(s settings.Source) error { _, err := settings.LoadDigest(s); return err },
	"deletion":  func(s settings.Source) error { _, err := settings.LoadDeletion(s); return err },
	"purge": func(s settings.Source) error {
		_, err := settings.LoadPurge(s)
		_, retentionErr := settings.LogRetention(s)
		return errors.Join(err, retentionErr)
	},
}

func TestEachFunctionGetsExactlyTheVariablesThatItReads(t *testing.T) {
	loaded := load(t)
	parameters := map[string]expression{} // by variable
	for _, setting := range settings.Table() {
		parameters[setting.Variable()] = expression("!Ref " + setting.Parameter)
	}
	parameters["STACK"] = "!Ref AWS::StackName"
	parameters["LOG_RETENTION_DAYS"] = "!Ref LogRetentionDays"
	for name, load := range loaders {
		t.Run(name, func(t *testing.T) {
			want := map[string]expression{}
			for _, group := range []map[string]expression{everywhere, resources[name], queueVariables(reached[name])} {
				for variable, value := range group {
					want[variable] = value
				}
			}
			if err := load(func(variable string) (string, bool) {
				if !isOfConnections(variable) { // which is there only with them
					want[variable] = parameters[variable]
				}
				return requiredValues[variable], requiredValues[variable] != ""
			}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, function(t, loaded, name).Environment.Variables); diff != "" {
				t.Errorf("variables (-read +given):\n%s", diff)
			}
		})
	}
}

// requiredValues is what settings without a default are set to here.
var requiredValues = map[string]string{"SLACK_CHANNEL": "C0SAMPLE01", "LOG_RETENTION_DAYS": "30"}

// Limits of AWS.
const (
	// maxEnvironment is in bytes of the variables as one JSON object.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxEnvironment = 4096
	// maxStackName: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html
	maxStackName = 128
	// maxNameSuffix is what CloudFormation appends to a stack's name and a resource's logical id to make a name.
	// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
	maxNameSuffix = len("--") + 13
	// maxQueueName: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
	maxQueueName = 80
	// maxScheduleGroupName: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html
	maxScheduleGroupName = 64
	// maxRoleName: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
	maxRoleName = 64

	queueARNBase   = "arn:aws-us-gov:sqs:ap-southeast-1:123456789012:"
	roleARNBase    = "arn:aws-us-gov:iam::123456789012:role/"
	queueURLBase   = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/"
	secretARNFrame = "arn:aws-us-gov:secretsmanager:ap-southeast-1:123456789012:secret:/longest-secret-name-abcdef"
)

func TestTheLongestSettingsFitIntoTheEnvironment(t *testing.T) {
	loaded := load(t)
	for name := range functionNames {
		t.Run(name, func(t *testing.T) {
			longest := map[string]string{}
			for variable, value := range function(t, loaded, name).Environment.Variables {
				longest[variable] = strings.Repeat("x", loaded.longest(t, value))
			}
			text, err := json.Marshal(longest)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > maxEnvironment {
				t.Errorf("its variables can take %d bytes, Lambda allows %d", len(text), maxEnvironment)
			}
		})
	}
}

// longest is the greatest length that a variable's value can have.
func (l template) longest(t *testing.T, value expression) int {
	t.Helper()
	if attribute, isAttribute := strings.CutPrefix(string(value), "!GetAtt "); isAttribute {
		return l.longestARN(t, strings.TrimSuffix(attribute, ".Arn"))
	}
	name, isReference := strings.CutPrefix(string(value), "!Ref ")
	if !isReference {
		return len(value)
	}
	if name == "AWS::StackName" {
		return maxStackName
	}
	if p, ok := l.Parameters[name]; ok {
		return p.longest(t, name)
	}
	switch l.Resources[name].Type {
	case "AWS::DynamoDB::Table":
		return maxStackName + len(name) + maxNameSuffix
	case "AWS::SQS::Queue":
		return len(queueURLBase) + maxQueueName
	case "AWS::SecretsManager::Secret":
		return len(secretARNFrame) + maxStackName
	case "AWS::Scheduler::ScheduleGroup":
		return maxScheduleGroupName
	}
	t.Fatalf("nothing is known of the length of %s", value)
	return 0
}

func (l template) longestARN(t *testing.T, name string) int {
	t.Helper()
	switch l.Resources[name].Type {
	case "AWS::SQS::Queue":
		return len(queueARNBase) + maxQueueName
	case "AWS::IAM::Role":
		return len(roleARNBase) + maxRoleName
	}
	t.Fatalf("nothing is known of the length of %s's ARN", name)
	return 0
}

func (p parameter) longest(t *testing.T, name string) int {
	t.Helper()
	if len(p.AllowedValues) > 0 {
		length := 0
		for _, value := range p.AllowedValues {
			length = max(length, len(value))
		}
		return length
	}
	if p.MaxValue != nil {
		return len(strconv.Itoa(*p.MaxValue))
	}
	if p.MaxLength == 0 {
		t.Fatalf("the parameter %s feeds a variable and has no MaxLength", name)
	}
	return p.MaxLength
}
