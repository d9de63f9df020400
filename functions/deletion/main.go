// Function deletion stops connections whose data must go, and gives their purge its date.
package main

import (
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/scheduler"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/deletionworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadDeletion(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, deletionworker.Queues...)
	if err != nil {
		return nil, err
	}
	schedules, err := scheduleOptions(stack)
	if err != nil {
		return nil, err
	}
	engine.Scheduler = scheduler.New(stack.AWS, schedules)
	return awslambda.Worker(deletionworker.New(engine, s)), nil
}

func scheduleOptions(stack function.Stack) (options scheduler.Options, err error) {
	for variable, target := range map[string]*string{
		"SCHEDULE_GROUP":              &options.Group,
		"SCHEDULE_ROLE_ARN":           &options.RoleARN,
		"PURGE_QUEUE_ARN":             &options.QueueARN,
		"PURGE_DEAD_LETTER_QUEUE_ARN": &options.DeadLetterARN,
	} {
		if *target, err = stack.Resource(variable); err != nil {
			return options, err
		}
	}
	return options, nil
}
