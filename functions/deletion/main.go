// Function deletion stops connections whose data must go, and gives their purge its date.
package main

import (
	"time"

	"revento-alerts/shared/deletion"
	"revento-alerts/shared/function"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/scheduler"
	"revento-alerts/shared/settings"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadDeletion(stack.Source)
	if err != nil {
		return nil, err
	}
	records, deletions, err := stack.Records()
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.Deletion, queue.Deletion.DeadLetter(), queue.Purge, queue.Slack, queue.PagerDuty)
	if err != nil {
		return nil, err
	}
	schedules, err := scheduleOptions(stack)
	if err != nil {
		return nil, err
	}
	task := &deletion.Task{
		Records:   records,
		Deletions: deletions,
		Queues:    queues,
		Scheduler: scheduler.New(stack.AWS, schedules),
		Notifier: &deletion.Notifier{
			Stack: s.Stack, Routes: s.Routes, Queues: queues, Copies: deletion.StopCopies, Now: time.Now,
		},
		Grace:           s.Grace,
		RecordRetention: s.RecordRetention,
		Now:             time.Now,
	}
	return stack.Handler(function.Worker{
		Queue: queue.Deletion, Unit: "deletion", Chore: task, Queues: queues, MaxAge: deletion.MaxMessageAge, Common: s.Common,
	}), nil
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
