package serve

import (
	"context"
	"log/slog"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/local/recurring"
)

// longestWait bounds a wait for the next moment, in case the machine sleeps or its clock is set meanwhile: a timer counts neither.
const longestWait = 30 * time.Second

// clockwork is one machine's EventBridge Scheduler, as far as recurring jobs go.
type clockwork struct {
	queues queue.Sender
	now    func() time.Time
	log    *slog.Logger
}

// keep does a job at its moments until ctx is done, each late by longestWait at the most. Moments that pass while the machine
// sleeps, or over which its clock is set, are one. A clock that is set back counts from where it is then.
func (c clockwork) keep(ctx context.Context, job recurring.Job) {
	seen := c.now()
	next := job.Schedule.Next(seen)
	if job.AtStart {
		next = seen
	}
	for ctx.Err() == nil {
		now := c.now()
		if now.Before(seen) {
			next = job.Schedule.Next(now)
		}
		seen = now
		if next.IsZero() || now.Before(next) {
			pause(ctx, c.wait(next, now))
			continue
		}
		if err := c.do(ctx, job, next); err != nil && ctx.Err() == nil {
			c.log.Error(job.Name, slog.String("error", err.Error()))
			pause(ctx, pauseAfterFailure)
			continue
		}
		next = job.Schedule.Next(now)
	}
}

// wait is how long to wait for a moment; zero where the schedule has none left.
func (c clockwork) wait(moment, now time.Time) time.Duration {
	if moment.IsZero() {
		return longestWait
	}
	return min(longestWait, moment.Sub(now))
}

func (c clockwork) do(ctx context.Context, job recurring.Job, moment time.Time) error {
	if job.Do != nil {
		return job.Do(ctx)
	}
	return c.queues.Send(ctx, job.Queue, job.Message(moment))
}
