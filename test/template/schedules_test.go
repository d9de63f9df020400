//go:build template

package template

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/local/recurring"
)

// aim is the group that a schedule is in, and the queue that it sends to.
type aim struct {
	group string
	to    queue.Name
}

// aims are by the schedules' names: those that a function makes, and the recurring jobs.
func aims() map[string]aim {
	all := map[string]aim{"PurgeSchedule": {"PurgeScheduleGroup", queue.Purge}}
	for _, job := range recurring.Jobs(digests) {
		all[scheduleOf(job)] = aim{"RecurringScheduleGroup", job.Queue}
	}
	return all
}

// digests stands for the schedule of digests, which is a setting.
var digests = schedule.Every(7 * time.Minute)

// scheduleOf is the logical id of a job's schedule: "digest run" is DigestRunSchedule.
func scheduleOf(job recurring.Job) string {
	var id strings.Builder
	for word := range strings.FieldsSeq(job.Name) {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String() + "Schedule"
}

func TestASchedulesRoleMaySendToItsQueueAndItsDeadLettersAndNoMore(t *testing.T) {
	loaded := load(t)
	for name, aim := range aims() {
		t.Run(name, func(t *testing.T) {
			got := checkRole(t, loaded, name+"Role", "scheduler.amazonaws.com", []string{
				"Allow sqs:SendMessage on !GetAtt " + queueResource(aim.to.DeadLetter()) + ".Arn",
				"Allow sqs:SendMessage on !GetAtt " + queueResource(aim.to) + ".Arn",
			})
			// Otherwise another account, or another schedule, could have Scheduler act in the role.
			// https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
			want := map[string]map[string]expression{"StringEquals": {
				"aws:SourceAccount": "!Ref AWS::AccountId",
				"aws:SourceArn":     expression("!GetAtt " + aim.group + ".Arn"),
			}}
			for _, statement := range got.AssumeRolePolicyDocument.Statement {
				if diff := cmp.Diff(want, statement.Condition); diff != "" {
					t.Errorf("who may take it (-want +got):\n%s", diff)
				}
			}
		})
	}
}

type recurringSchedule struct {
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

// Scheduler replaces the placeholder by the moment that it means.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
const (
	placeholder = "<aws.scheduler.scheduled-time>"
	scheduled   = "2026-05-09T12:15:00Z"
)

func TestRecurringSchedules(t *testing.T) {
	loaded := load(t)
	window, err := time.Parse(time.RFC3339, scheduled)
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range recurring.Jobs(digests) {
		name := scheduleOf(job)
		t.Run(name, func(t *testing.T) {
			got := properties[recurringSchedule](t, loaded, name, "AWS::Scheduler::Schedule")
			if !hasMomentsOf(got, job.Schedule) || got.FlexibleTimeWindow.Mode != "OFF" {
				t.Errorf("it runs at %s, time zone %s, window %s",
					got.ScheduleExpression, got.ScheduleExpressionTimezone, got.FlexibleTimeWindow.Mode)
			}
			if want := expression("!Ref " + aims()[name].group); got.GroupName != want {
				t.Errorf("it is in the group %s, and its role is for %s", got.GroupName, want)
			}
			target := got.Target
			if target.Arn != expression("!GetAtt "+queueResource(job.Queue)+".Arn") ||
				target.DeadLetterConfig.Arn != expression("!GetAtt "+queueResource(job.Queue.DeadLetter())+".Arn") ||
				target.RoleArn != expression("!GetAtt "+name+"Role.Arn") {
				t.Errorf("it sends to %s, failures to %s, as %s", target.Arn, target.DeadLetterConfig.Arn, target.RoleArn)
			}
			if sent := strings.ReplaceAll(target.Input, placeholder, scheduled); sent != job.Message(window).Body {
				t.Errorf("it sends %s, the code reads %s", sent, job.Message(window).Body)
			}
			if target.RetryPolicy.MaximumEventAgeInSeconds < 3600 || target.RetryPolicy.MaximumRetryAttempts != 185 {
				t.Errorf("it gives up early: %+v", target.RetryPolicy)
			}
		})
	}
	if got, want := len(loaded.named("AWS::Scheduler::Schedule")), len(recurring.Jobs(digests)); got != want {
		t.Errorf("there are %d schedules, the code has %d recurring jobs", got, want)
	}
}

// hasMomentsOf says whether the template's schedule has the code's moments: those of the setting, or the same for a while.
func hasMomentsOf(written recurringSchedule, want schedule.Schedule) bool {
	if want == digests {
		return written.ScheduleExpression == "!Ref DigestSchedule" && written.ScheduleExpressionTimezone == "!Ref DigestTimeZone"
	}
	zone, err := schedule.Zone(string(written.ScheduleExpressionTimezone))
	if err != nil {
		return false
	}
	read, err := schedule.Parse(string(written.ScheduleExpression), zone)
	if err != nil {
		return false
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 1000 {
		if !read.Next(at).Equal(want.Next(at)) {
			return false
		}
		at = want.Next(at)
	}
	return true
}
