//go:build template

package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/deletion"
	"revento-alerts/shared/queue"
)

// schedules is each schedule's role, or the role of the schedules that a function makes, with the group that it is for and
// the queue that it sends to.
var schedules = map[string]struct {
	group string
	to    queue.Name
}{
	"PurgeScheduleRole": {"PurgeScheduleGroup", queue.Purge},
	"SweepScheduleRole": {"RecurringScheduleGroup", queue.Deletion},
}

func TestASchedulesRoleMaySendToItsQueueAndItsDeadLettersAndNoMore(t *testing.T) {
	loaded := load(t)
	for name, schedule := range schedules {
		t.Run(name, func(t *testing.T) {
			got := checkRole(t, loaded, name, "scheduler.amazonaws.com", []string{
				"Allow sqs:SendMessage on !GetAtt " + queueResource(schedule.to.DeadLetter()) + ".Arn",
				"Allow sqs:SendMessage on !GetAtt " + queueResource(schedule.to) + ".Arn",
			})
			// Otherwise another account, or another schedule, could have Scheduler act in the role.
			// https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
			want := map[string]map[string]expression{"StringEquals": {
				"aws:SourceAccount": "!Ref AWS::AccountId",
				"aws:SourceArn":     expression("!GetAtt " + schedule.group + ".Arn"),
			}}
			for _, statement := range got.AssumeRolePolicyDocument.Statement {
				if diff := cmp.Diff(want, statement.Condition); diff != "" {
					t.Errorf("who may take it (-want +got):\n%s", diff)
				}
			}
		})
	}
}

type recurring struct {
	GroupName                  expression
	ScheduleExpression         expression
	ScheduleExpressionTimezone expression
	FlexibleTimeWindow         struct{ Mode string }
	Target                     struct {
		Arn, RoleArn     expression
		Input            string
		DeadLetterConfig struct{ Arn expression }
		RetryPolicy      struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts int }
	}
}

func TestRecurringSchedules(t *testing.T) {
	loaded := load(t)
	for name, want := range map[string]struct {
		at, zone expression
		to       queue.Name
		body     string
	}{
		"SweepSchedule": {"cron(17 4 * * ? *)", "UTC", queue.Deletion, deletion.SweepMessage().Body},
	} {
		t.Run(name, func(t *testing.T) {
			got := properties[recurring](t, loaded, name, "AWS::Scheduler::Schedule")
			if got.ScheduleExpression != want.at || got.ScheduleExpressionTimezone != want.zone || got.FlexibleTimeWindow.Mode != "OFF" {
				t.Errorf("it runs at %s, time zone %s, window %s",
					got.ScheduleExpression, got.ScheduleExpressionTimezone, got.FlexibleTimeWindow.Mode)
			}
			if want := expression("!Ref " + schedules[name+"Role"].group); got.GroupName != want {
				t.Errorf("it is in the group %s, and its role is for %s", got.GroupName, want)
			}
			target := got.Target
			if target.Arn != expression("!GetAtt "+queueResource(want.to)+".Arn") ||
				target.DeadLetterConfig.Arn != expression("!GetAtt "+queueResource(want.to.DeadLetter())+".Arn") ||
				target.RoleArn != expression("!GetAtt "+name+"Role.Arn") {
				t.Errorf("it sends to %s, failures to %s, as %s", target.Arn, target.DeadLetterConfig.Arn, target.RoleArn)
			}
			if target.Input != want.body {
				t.Errorf("it sends %s, the code reads %s", target.Input, want.body)
			}
			if target.RetryPolicy.MaximumEventAgeInSeconds < 3600 || target.RetryPolicy.MaximumRetryAttempts != 185 {
				t.Errorf("it gives up early: %+v", target.RetryPolicy)
			}
		})
	}
	if got, want := len(loaded.named("AWS::Scheduler::Schedule")), len(schedules)-1; got != want {
		t.Errorf("there are %d schedules, the tests here know %d", got, want)
	}
}
