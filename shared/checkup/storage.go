package checkup

import (
	"context"
	"time"

	"revento-alerts/shared/queue"
)

// storageChecks look at the tables, the queues, and then what the queues gave up on.
func (v *visit) storageChecks() []check {
	var checks []check
	for _, table := range v.TableNames {
		checks = append(checks, check{subject: "table " + table,
			look: func(ctx context.Context) []Finding { return v.lookAtTable(ctx, table) }})
	}
	for _, name := range v.QueueNames {
		checks = append(checks, check{subject: "queue " + string(name),
			look: func(ctx context.Context) []Finding { return v.lookAtQueue(ctx, name) }})
	}
	for _, name := range v.QueueNames {
		checks = append(checks, check{subject: "dead letters of " + string(name),
			look: func(ctx context.Context) []Finding { return v.lookAtDeadLetters(ctx, name) }})
	}
	return append(checks, check{subject: "refused requests", look: v.lookAtRefusals})
}

// lookAtRefusals is never a warning: anybody can have a request refused.
func (v *visit) lookAtRefusals(context.Context) []Finding {
	if v.Refusals == nil {
		return fine("see %s", v.Site.Refused)
	}
	refused := v.Refusals("")
	if len(refused) == 0 {
		return fine("none since serve was started")
	}
	return fine("%d: %s; the newest at %s was %s", len(refused), v.Site.Refused, refused[0].At.UTC().Format(time.RFC3339), refused[0])
}

func (v *visit) lookAtTable(ctx context.Context, table string) []Finding {
	usable, status, err := v.Tables.Describe(ctx, table)
	switch {
	case err != nil:
		return found(Failed, v.Site.Access, "%s", told(err))
	case status == "":
		return found(Failed, "restore it from a backup, or deploy the stack anew", "there is no such table")
	case !usable:
		return found(Failed, "wait until it is ready, then check again", "it cannot be used: %s", status)
	}
	return fine("%s", status)
}

func (v *visit) lookAtQueue(ctx context.Context, name queue.Name) []Finding {
	waiting, inFlight, err := v.Queues.Depth(ctx, name)
	if err != nil {
		return found(Failed, v.Site.Access, "%s", told(err))
	}
	return fine("%d waiting, %d in flight", waiting, inFlight)
}

func (v *visit) lookAtDeadLetters(ctx context.Context, name queue.Name) []Finding {
	waiting, inFlight, err := v.Queues.Depth(ctx, name.DeadLetter())
	switch dead := waiting + inFlight; {
	case err != nil:
		return found(Failed, v.Site.Access, "%s", told(err))
	case dead > 0:
		return found(Warning, "revento-alerts dead-letters list "+v.Site.Flag, "%s", count(dead, "dead letter"))
	}
	return fine("none")
}
