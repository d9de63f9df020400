//go:build emulators

package pipeline

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	schedulersdk "github.com/aws/aws-sdk-go-v2/service/scheduler"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/revento/sample"
)

func required(t *testing.T, change sample.Change) sample.Delivery {
	t.Helper()
	return made(t, "data.deletion_required", secret, change)
}

// only returns the one deletion that the stack knows of.
func (s *stack) only() deletion.Case {
	s.Helper()
	entries := s.cases()
	if len(entries) != 1 {
		s.Fatalf("%d deletions, want 1", len(entries))
	}
	return entries[0].Value
}

// newest returns the deletion that was requested last.
func (s *stack) newest() deletion.Case {
	s.Helper()
	return s.cases()[0].Value
}

// cases lists the deletions, the latest request first.
func (s *stack) cases() []deletion.Entry {
	s.Helper()
	operator := deletion.Operator{Deletions: dynamodb.NewDeletions(s.aws, s.tables["DELETIONS_TABLE"])}
	entries, err := operator.All(s.Context())
	if err != nil || len(entries) == 0 {
		s.Fatalf("%d deletions: %v", len(entries), err)
	}
	return entries
}

func TestADeletionFromRequestToProof(t *testing.T) {
	s := running(t, "DELETE_SLACK_MESSAGES=true")
	before := time.Now().Add(-time.Minute)
	s.wants(flagged(t, secret, sample.Change{OccurredAt: before}), http.StatusOK, "accepted")
	s.drain()
	s.shows(1, 1, 1)

	s.wants(required(t, sample.Change{OccurredAt: before.Add(30 * time.Second)}), http.StatusOK, "accepted")
	s.await(queue.Deletion, s.deletion)
	s.drain()
	s.shows(2, 2, 1) // the application's incident is resolved, the deletion's own is open
	if c := s.only(); c.State != deletion.Scheduled || c.Resolved != 1 || c.Due.Sub(c.RequestedAt) != 7*24*time.Hour {
		t.Errorf("the deletion: %+v", c)
	}
	s.wants(flagged(t, secret, sample.Change{OccurredAt: before.Add(time.Second), ResourceID: "app_late"}), http.StatusOK, "accepted")
	s.drain()
	s.shows(2, 2, 1)

	s.fire()
	s.await(queue.Purge, s.purge)
	s.drain()
	s.shows(3, 2, 0)
	if !s.recorder.Messages()[0].Deleted {
		t.Error("the alert is still in Slack")
	}
	if left := s.items("RECORDS_TABLE"); left != 0 {
		t.Errorf("%d records are left", left)
	}
	c := s.only()
	if c.State != deletion.Finished || c.Found["alert"] != 2 || c.Found["incident"] != 1 || c.Found["thread"] != 1 || c.SlackLeft != 0 {
		t.Errorf("the deletion: %+v", c)
	}
	s.checkLogs()
}

// fire does what EventBridge Scheduler does at the date of the only schedule; its emulator never does.
func (s *stack) fire() {
	s.Helper()
	client := schedulersdk.NewFromConfig(s.aws)
	listed, err := client.ListSchedules(s.Context(), &schedulersdk.ListSchedulesInput{GroupName: &s.name})
	if err != nil || len(listed.Schedules) != 1 {
		s.Fatalf("%d schedules, want 1: %v", len(listed.Schedules), err)
	}
	made, err := client.GetSchedule(s.Context(), &schedulersdk.GetScheduleInput{GroupName: &s.name, Name: listed.Schedules[0].Name})
	if err != nil {
		s.Fatal(err)
	}
	if !strings.HasPrefix(aws.ToString(made.ScheduleExpression), "at(") {
		s.Errorf("the schedule is %s", aws.ToString(made.ScheduleExpression))
	}
	if err := s.queues.Send(s.Context(), queue.Purge, queue.Message{Body: aws.ToString(made.Target.Input)}); err != nil {
		s.Fatal(err)
	}
}

// A purge whose function was killed goes on with its message when that comes again.
func TestAKilledPurgeGoesOn(t *testing.T) {
	s := running(t, "DELETION_GRACE_DAYS=0", "DELETE_SLACK_MESSAGES=true")
	before := time.Now().Add(-time.Minute)
	for _, id := range []string{"app_1", "app_2", "app_3"} {
		s.wants(flagged(t, secret, sample.Change{OccurredAt: before, ResourceID: id}), http.StatusOK, "accepted")
	}
	s.drain()
	s.wants(required(t, sample.Change{OccurredAt: before.Add(30 * time.Second)}), http.StatusOK, "accepted")
	s.await(queue.Deletion, s.deletion)
	s.answers(func(http.ResponseWriter, *http.Request) { s.purge.kill() }) // it asks Slack to delete the first message
	if _, done, ok := s.work(queue.Purge, s.purge); !ok || done {
		t.Fatalf("received %v, done %v", ok, done)
	}
	s.answers(nil)
	if c := s.only(); c.State != deletion.Started {
		t.Errorf("the deletion: %+v", c)
	}
	s.purge.start(t)
	s.await(queue.Purge, s.purge)
	if left := s.items("RECORDS_TABLE"); left != 0 {
		t.Errorf("%d records are left", left)
	}
	if c := s.only(); c.State != deletion.Finished || c.Found["alert"] != 6 || c.SlackMessages != 3 || c.SlackLeft != 0 {
		t.Errorf("the deletion: %+v", c)
	}
}
