//go:build template

package template

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
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

// purgeSchedules are the schedules of one group.
const purgeSchedules = "!Sub arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${PurgeScheduleGroup}/*"

// allowances is what each function may do, beside what queueAllowances are.
var allowances = map[string][]string{
	"ingest": {
		"Allow dynamodb:DeleteItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeliveriesTable.Arn",
		"Allow dynamodb:UpdateItem on !GetAtt DeliveriesTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt IngestLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt IngestLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref WebhookSecrets",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"slack": {
		"Allow dynamodb:ConditionCheckItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt SlackLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt SlackLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref SlackBotToken",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"pagerduty": {
		"Allow dynamodb:ConditionCheckItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt PagerdutyLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt PagerdutyLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref PagerdutyRoutingKey",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"digest": {
		"Allow dynamodb:ConditionCheckItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:Query on !Sub ${RecordsTable.Arn}/index/pending",
		"Allow logs:CreateLogStream on !GetAtt DigestLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt DigestLogGroup.Arn",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"deletion": {
		"Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:Query on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:Scan on !GetAtt DeletionsTable.Arn",
		"Allow iam:PassRole on !GetAtt PurgeScheduleRole.Arn",
		"Allow logs:CreateLogStream on !GetAtt DeletionLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt DeletionLogGroup.Arn",
		"Allow scheduler:CreateSchedule on " + purgeSchedules,
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
	"purge": {
		"Allow dynamodb:DeleteItem on !GetAtt RecordsTable.Arn",
		"Allow dynamodb:GetItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:PutItem on !GetAtt DeletionsTable.Arn",
		"Allow dynamodb:Query on !GetAtt RecordsTable.Arn",
		"Allow logs:CreateLogStream on !GetAtt PurgeLogGroup.Arn",
		"Allow logs:PutLogEvents on !GetAtt PurgeLogGroup.Arn",
		"Allow secretsmanager:GetSecretValue on !Ref SlackBotToken",
		"Allow xray:PutTelemetryRecords on *",
		"Allow xray:PutTraceSegments on *",
	},
}

// queueAllowances are those that a function needs which works on the queue own, if there is one, and reaches these.
func queueAllowances(own queue.Name, reached []queue.Name) (allowances []string) {
	for _, name := range reached {
		actions := []string{"SendMessage"}
		if name == own { // which the mapping reads from, in the function's role
			actions = []string{"ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage"}
		}
		for _, action := range actions {
			allowances = append(allowances, "Allow sqs:"+action+" on !GetAtt "+queueResource(name)+".Arn")
		}
	}
	return allowances
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
			whole := slices.Concat(want, queueAllowances(queue.Name(name), reached[name]))
			slices.Sort(whole)
			checkRole(t, loaded, resource, "lambda.amazonaws.com", whole)
		})
	}
	if got, want := len(loaded.named("AWS::IAM::Role")), len(allowances)+len(aims()); got != want {
		t.Errorf("there are %d roles, the tests here know %d", got, want)
	}
}

// checkRole holds a role to who may take it and to the whole of what it allows.
func checkRole(t *testing.T, loaded template, resource, service string, want []string) role {
	t.Helper()
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
		if statement.Principal.Service != service {
			t.Errorf("%q may take the role", statement.Principal.Service)
		}
	}
	return r
}

// A role that can be passed to any service is a role that can be borrowed.
func TestARoleIsPassedToSchedulerOnly(t *testing.T) {
	deletion := properties[role](t, load(t), "DeletionRole", "AWS::IAM::Role")
	for _, statement := range deletion.Policies[0].PolicyDocument.Statement {
		passes := slices.Contains(statement.Action, "iam:PassRole")
		if passes && statement.Condition["StringEquals"]["iam:PassedToService"] != "scheduler.amazonaws.com" {
			t.Errorf("it may be passed elsewhere: %+v", statement.Condition)
		}
	}
}

func TestOnlyXRayHasAWildcardBesideTheSchedulesOfAGroup(t *testing.T) {
	for name, grants := range allowances {
		for _, grant := range grants {
			if strings.Contains(grant, "*") && !strings.HasPrefix(grant, "Allow xray:") && !strings.HasSuffix(grant, purgeSchedules) {
				t.Errorf("%s: %s", name, grant)
			}
		}
	}
}
