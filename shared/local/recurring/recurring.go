// Package recurring is the one table of what is done again and again. On AWS the template's schedules do it; one machine does it
// by this table.
package recurring

import (
	"context"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/schedule"
)

// Job is done at each moment of its schedule: a message goes into a queue, or one machine does something itself.
type Job struct {
	// Name is the job's name. The template's schedule is named after it: "digest run" is DigestRunSchedule.
	Name     string
	Schedule schedule.Schedule
	// AtStart says that a machine which starts does the job at once, since it may have been off at the schedule's moment.
	AtStart bool
	// Queue takes the message of a moment.
	Queue   queue.Name
	Message func(moment time.Time) queue.Message
	// Do is what one machine does in place of a service of AWS; nil where there is a message.
	Do func(context.Context) error
}

// SweepExpression is when open deletions are looked at, in UTC: once a day.
const SweepExpression = "cron(17 4 * * ? *)"

// Jobs lists those that run wherever the product runs. When digests are told is a setting. What of them was missed while a
// machine was off is made up for by the next.
func Jobs(digests schedule.Schedule) []Job {
	return []Job{
		{Name: "digest run", Schedule: digests, Queue: queue.Digest, Message: digest.RunMessage},
		{
			Name: "sweep", Schedule: mustParse(SweepExpression), AtStart: true, Queue: queue.Deletion,
			Message: func(time.Time) queue.Message { return deletion.SweepMessage() },
		},
	}
}

// The intervals of what one machine does itself. EventBridge Scheduler fires within a minute.
const (
	databaseSweepInterval = 10 * time.Minute
	fireInterval          = 15 * time.Second
)

// OnMachine lists the jobs of one machine: sweep removes what has expired, as DynamoDB and SQS do by themselves, and fireDue
// queues the purges that are due.
func OnMachine(digests schedule.Schedule, sweep, fireDue func(context.Context) error) []Job {
	return append(Jobs(digests),
		Job{Name: "database sweep", Schedule: schedule.Every(databaseSweepInterval), AtStart: true, Do: sweep},
		Job{Name: "due purges", Schedule: schedule.Every(fireInterval), AtStart: true, Do: fireDue},
	)
}

// Tick is the job that finds what is due for connections, where there are any. On AWS the template's schedule calls the function tick.
func Tick(tick func(context.Context) error) Job {
	return Job{Name: "tick", Schedule: schedule.Every(upkeep.TickInterval), AtStart: true, Do: tick}
}

func mustParse(expression string) schedule.Schedule {
	parsed, err := schedule.Parse(expression, time.UTC)
	if err != nil {
		panic(fmt.Sprintf("recurring: %s: %v", expression, err))
	}
	return parsed
}
