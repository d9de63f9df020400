//go:build template

package template

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stateful are the resources that hold something or that somebody knows by name, by their logical ids. A stack is updated in
// place: under another id CloudFormation makes an empty one and deletes the one that is in use, or leaves it behind. So a line
// may be added here, and none changed.
var stateful = map[string]string{
	"AccessLogGroup":           "AWS::Logs::LogGroup",
	"AlarmTopic":               "AWS::SNS::Topic", // people are subscribed to it
	"Dashboard":                "AWS::CloudWatch::Dashboard",
	"DeletionDeadLetterQueue":  "AWS::SQS::Queue",
	"DeletionLogGroup":         "AWS::Logs::LogGroup",
	"DeletionQueue":            "AWS::SQS::Queue",
	"DeletionsTable":           "AWS::DynamoDB::Table",
	"DeliveriesTable":          "AWS::DynamoDB::Table",
	"DigestDeadLetterQueue":    "AWS::SQS::Queue",
	"DigestLogGroup":           "AWS::Logs::LogGroup",
	"DigestQueue":              "AWS::SQS::Queue",
	"IngestLogGroup":           "AWS::Logs::LogGroup",
	"PagerdutyDeadLetterQueue": "AWS::SQS::Queue",
	"PagerdutyLogGroup":        "AWS::Logs::LogGroup",
	"PagerdutyQueue":           "AWS::SQS::Queue",
	"PagerdutyRoutingKey":      "AWS::SecretsManager::Secret",
	"PurgeDeadLetterQueue":     "AWS::SQS::Queue",
	"PurgeLogGroup":            "AWS::Logs::LogGroup",
	"PurgeQueue":               "AWS::SQS::Queue",
	"PurgeScheduleGroup":       "AWS::Scheduler::ScheduleGroup", // the dates of purges are in it
	"PurgeScheduleRole":        "AWS::IAM::Role",                // and name this
	"RecordsTable":             "AWS::DynamoDB::Table",
	"RecurringScheduleGroup":   "AWS::Scheduler::ScheduleGroup",
	"SlackBotToken":            "AWS::SecretsManager::Secret",
	"SlackDeadLetterQueue":     "AWS::SQS::Queue",
	"SlackLogGroup":            "AWS::Logs::LogGroup",
	"SlackQueue":               "AWS::SQS::Queue",
	"WebhookApi":               "AWS::ApiGatewayV2::Api", // its id is in the URL that Revento was given
	"WebhookSecrets":           "AWS::SecretsManager::Secret",
}

func TestStatefulResourcesKeepTheirLogicalIDs(t *testing.T) {
	loaded, got := load(t), map[string]string{}
	types := slices.Compact(slices.Sorted(maps.Values(stateful)))
	for name, r := range loaded.Resources {
		if slices.Contains(types, r.Type) && (r.Type != "AWS::IAM::Role" || r.DeletionPolicy != "") {
			got[name] = r.Type
		}
	}
	if diff := cmp.Diff(stateful, got); diff != "" {
		t.Errorf("an existing stack would lose what it has (-stacks of today +template):\n%s", diff)
	}
}

// names are those that the template gives; another name replaces the resource just as another id does.
func TestNamedResourcesKeepTheirNames(t *testing.T) {
	loaded, got := load(t), map[string]expression{}
	for _, kind := range []string{"AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"} {
		for _, id := range loaded.named(kind) {
			named := properties[struct{ Name, LogGroupName expression }](t, loaded, id, kind)
			got[id] = named.Name + named.LogGroupName
		}
	}
	want := map[string]expression{
		"AccessLogGroup":      "!Sub /aws/vendedlogs/http-api/${AWS::StackName}",
		"DeletionLogGroup":    "!Sub /aws/lambda/${AWS::StackName}-deletion",
		"DigestLogGroup":      "!Sub /aws/lambda/${AWS::StackName}-digest",
		"IngestLogGroup":      "!Sub /aws/lambda/${AWS::StackName}-ingest",
		"PagerdutyLogGroup":   "!Sub /aws/lambda/${AWS::StackName}-pagerduty",
		"PurgeLogGroup":       "!Sub /aws/lambda/${AWS::StackName}-purge",
		"SlackLogGroup":       "!Sub /aws/lambda/${AWS::StackName}-slack",
		"PagerdutyRoutingKey": "!Sub ${AWS::StackName}/pagerduty-routing-key",
		"SlackBotToken":       "!Sub ${AWS::StackName}/slack-bot-token",
		"WebhookSecrets":      "!Sub ${AWS::StackName}/webhook-secrets",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-stacks of today +template):\n%s", diff)
	}
	for kind, property := range nameOf {
		for _, id := range loaded.named(kind) {
			if _, set := properties[map[string]any](t, loaded, id, kind)[property]; set {
				t.Errorf("%s has a name of its own, and an existing stack's has one that CloudFormation made", id)
			}
		}
	}
}

// nameOf is the property that names a resource of a type. A named role would also ask for more than CAPABILITY_IAM.
var nameOf = map[string]string{
	"AWS::SQS::Queue": "QueueName", "AWS::DynamoDB::Table": "TableName", "AWS::CloudWatch::Alarm": "AlarmName",
	"AWS::CloudWatch::Dashboard": "DashboardName", "AWS::SNS::Topic": "TopicName", "AWS::Scheduler::ScheduleGroup": "Name",
	"AWS::IAM::Role": "RoleName",
}
