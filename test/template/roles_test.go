//go:build template

package template

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type policyDocument struct {
	Statement []struct {
		Effect    string
		Principal struct{ Service string }
		Action    oneOrMore
		Resource  oneOrMore
		Condition map[string]map[string]expression
	}
}

// grants lists what a policy allows, as "action on resource", sorted.
func (p policyDocument) grants() []string {
	var grants []string
	for _, statement := range p.Statement {
		for _, action := range statement.Action {
			for _, resource := range statement.Resource {
				grants = append(grants, statement.Effect+" "+string(action)+" on "+string(resource))
			}
		}
	}
	slices.Sort(grants)
	return grants
}

// allowances is the whole of what each function may do.
var allowances = map[string][]string{
	"ingest": {
		"Allow dynamodb:DeleteItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:UpdateItem on !GetAtt DeliveriesTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt IngestLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt IngestLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref WebhookSecrets",
		"Allow sqs:SendMessage on !GetAtt DeletionQueue.Arn",
		"Allow sqs:SendMessage on !GetAtt DigestQueue.Arn",
		"Allow sqs:SendMessage on !GetAtt PagerdutyQueue.Arn",
		"Allow sqs:SendMessage on !GetAtt SlackQueue.Arn",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"slack": {
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt SlackLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt SlackLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref SlackBotToken",
		"Allow sqs:ChangeMessageVisibility on !GetAtt SlackQueue.Arn",
		"Allow sqs:DeleteMessage on !GetAtt SlackQueue.Arn",
		"Allow sqs:GetQueueAttributes on !GetAtt SlackQueue.Arn",
		"Allow sqs:ReceiveMessage on !GetAtt SlackQueue.Arn",
		"Allow sqs:SendMessage on !GetAtt SlackDeadLetterQueue.Arn",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"pagerduty": {
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt PagerdutyLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt PagerdutyLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref PagerdutyRoutingKey",
		"Allow sqs:ChangeMessageVisibility on !GetAtt PagerdutyQueue.Arn",
		"Allow sqs:DeleteMessage on !GetAtt PagerdutyQueue.Arn",
		"Allow sqs:GetQueueAttributes on !GetAtt PagerdutyQueue.Arn",
		"Allow sqs:ReceiveMessage on !GetAtt PagerdutyQueue.Arn",
		"Allow sqs:SendMessage on !GetAtt PagerdutyDeadLetterQueue.Arn",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
}

type role struct {
	AssumeRolePolicyDocument policyDocument
	ManagedPolicyArns        []expression
	Policies                 []struct{ PolicyDocument policyDocument }
}

func TestEachFunctionMayDoExactlyWhatItDoes(t *testing.T) {
	loaded := load(t)
	for name, want := range allowances {
		t.Run(name, func(t *testing.T) {
			resource := functionNames[name] + "Role"
			if got := function(t, loaded, name).Role; got != expression("!GetAtt "+resource+".Arn") {
				t.Errorf("its role is %s, want its own", got)
			}
			r := properties[role](t, loaded, resource, "AWS::IAM::Role")
			if len(r.ManagedPolicyArns) > 0 {
				t.Errorf("it has managed policies, which allow more than it needs: %v", r.ManagedPolicyArns)
			}
			var got []string
			for _, policy := range r.Policies {
				got = append(got, policy.PolicyDocument.grants()...)
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("allowances (-want +got):\n%s", diff)
			}
			for _, statement := range r.AssumeRolePolicyDocument.Statement {
				if statement.Principal.Service != "lambda.amazonaws.com" {
					t.Errorf("%q may take the role", statement.Principal.Service)
				}
			}
		})
	}
	if got, want := len(loaded.named("AWS::IAM::Role")), len(allowances); got != want {
		t.Errorf("there are %d roles, the tests here know %d", got, want)
	}
}

func TestOnlyXRayHasAWildcard(t *testing.T) {
	for name, grants := range allowances {
		for _, grant := range grants {
			if strings.Contains(grant, "*") && !strings.HasPrefix(grant, "Allow xray:") {
				t.Errorf("%s: %s", name, grant)
			}
		}
	}
}
