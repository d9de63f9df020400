// Function digest gathers what need not be told at once, and tells of it on a schedule.
package main

import (
	"time"

	"revento-alerts/shared/deletion"
	"revento-alerts/shared/digest"
	"revento-alerts/shared/function"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/settings"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadDigest(stack.Source)
	if err != nil {
		return nil, err
	}
	records, deletions, err := stack.Records()
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.Digest, queue.Digest.DeadLetter(), queue.Slack, queue.Deletion)
	if err != nil {
		return nil, err
	}
	task := &digest.Task{
		Entries:   &deletion.Gate{Task: &digest.Entries{Records: records}, Deletions: deletions, Queues: queues},
		Stack:     s.Stack,
		Records:   records,
		Deletions: deletions,
		Queues:    queues,
		Now:       time.Now,
	}
	return stack.Handler(function.Worker{
		Queue: queue.Digest, Unit: "digest", Chore: task, Queues: queues, MaxAge: digest.MaxMessageAge, Common: s.Common,
	}), nil
}
