//go:build emulators

package scheduler

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"revento-alerts/test/emulators"
)

func TestAScheduleIsMadeWithAllItsPropertiesAndOnce(t *testing.T) {
	config := emulators.Patient(t)
	client := sdk.NewFromConfig(config)
	in := options
	in.Group = "test-" + rand.Text()
	if _, err := client.CreateScheduleGroup(t.Context(), &sdk.CreateScheduleGroupInput{Name: &in.Group}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, 7)
	for _, again := range []struct {
		at   time.Time
		body string
	}{{at, body}, {at.Add(time.Hour), "another"}} {
		if err := New(config, in).Schedule(t.Context(), "a", again.at, again.body); err != nil {
			t.Fatal(err)
		}
	}
	got, err := client.GetSchedule(t.Context(), &sdk.GetScheduleInput{Name: aws.String("a"), GroupName: &in.Group})
	if err != nil {
		t.Fatal(err)
	}
	want := &sdk.GetScheduleOutput{
		Name:                       aws.String("a"),
		GroupName:                  &in.Group,
		State:                      types.ScheduleStateEnabled,
		ScheduleExpression:         aws.String(at.Format("at(2006-01-02T15:04:05)")),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn:              &in.QueueARN,
			RoleArn:          &in.RoleARN,
			Input:            aws.String(body),
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &in.DeadLetterARN},
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts:     aws.Int32(185),
				MaximumEventAgeInSeconds: aws.Int32(86400),
			},
		},
	}
	services := cmpopts.IgnoreFields(sdk.GetScheduleOutput{}, "Arn", "CreationDate", "LastModificationDate", "ResultMetadata")
	if diff := cmp.Diff(want, got, services, cmpopts.IgnoreUnexported(
		sdk.GetScheduleOutput{}, types.FlexibleTimeWindow{}, types.Target{}, types.DeadLetterConfig{}, types.RetryPolicy{})); diff != "" {
		t.Errorf("the schedule (-want +got):\n%s", diff)
	}
}
