// Package scheduler makes one-time schedules in Amazon EventBridge Scheduler. Each sends a message to a queue.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
)

// The service's limits of how long it tries to reach a target: the most that it takes.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
const (
	maxRetries  = 185
	maxEventAge = 24 * time.Hour
)

// nameForm is what the service takes as a schedule's name.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
var nameForm = regexp.MustCompile(`^[0-9a-zA-Z._-]{1,64}$`)

// Options say where schedules are and what they reach.
type Options struct {
	// Group is the name of the schedules' group, which must be there.
	Group string
	// RoleARN names the role that the service takes on to send. It must be allowed to send to both queues.
	RoleARN string
	// QueueARN names the standard queue that the messages are for.
	QueueARN string
	// DeadLetterARN names the standard queue for messages that could not be sent within a day.
	DeadLetterARN string
}

// Scheduler makes schedules.
type Scheduler struct {
	client  *sdk.Client
	options Options
}

// New returns a Scheduler. It makes no call.
func New(config aws.Config, options Options) *Scheduler {
	return &Scheduler{client: sdk.NewFromConfig(config), options: options}
}

// Schedule makes a schedule that sends body, which must not be empty, to the queue at the moment at, rounded up to a second;
// the service sends within the minute that begins then. The schedule deletes itself afterwards. The same name again is the same
// schedule: it succeeds and changes nothing. A moment that has passed is the caller's matter. It returns a fault.Permanent
// error for a name that is not 1 to 64 letters, digits, dots, hyphens and underscores.
//
// Nothing that the service answers is permanent: it refuses a role that it may not take on yet, as right after the stack's
// creation, by the same code as a malformed request.
func (s *Scheduler) Schedule(ctx context.Context, name string, at time.Time, body string) error {
	op := "create the schedule " + name
	if !nameForm.MatchString(name) {
		return &fault.Error{Class: fault.Permanent, Op: fmt.Sprintf("create the schedule %q", name), Reason: "name_out_of_form"}
	}
	_, err := s.client.CreateSchedule(ctx, s.request(name, at, body))
	if _, standing := errors.AsType[*types.ConflictException](err); standing || err == nil {
		return nil
	}
	failed := fault.Of(awssdk.Failure(ctx, op, err))
	if failed.Class == fault.Permanent {
		failed.Class = fault.Transient
	}
	return failed
}

func (s *Scheduler) request(name string, at time.Time, body string) *sdk.CreateScheduleInput {
	return &sdk.CreateScheduleInput{
		Name:                       &name,
		GroupName:                  &s.options.Group,
		ScheduleExpression:         aws.String(expression(at)),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn:     &s.options.QueueARN,
			RoleArn: &s.options.RoleARN,
			Input:   &body,
			RetryPolicy: &types.RetryPolicy{
				MaximumRetryAttempts:     aws.Int32(maxRetries),
				MaximumEventAgeInSeconds: aws.Int32(int32(maxEventAge / time.Second)),
			},
			DeadLetterConfig: &types.DeadLetterConfig{Arn: &s.options.DeadLetterARN},
		},
	}
}

// expression is a moment as the service wants it, never earlier.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time
func expression(at time.Time) string {
	return at.Add(time.Second - 1).UTC().Format("at(2006-01-02T15:04:05)")
}
