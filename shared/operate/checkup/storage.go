package checkup

import (
	"context"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/legible"
)

// storageChecks look at the tables, the queues, and then what the queues gave up on.
func (v *visit) storageChecks() []check {
	var checks []check
	if v.Probe != nil {
		checks = append(checks, check{subject: "data folder", look: v.lookAtFolder})
	}
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
	if v.Messages == nil {
		checks = append(checks, check{subject: "oldest messages",
			look: func(context.Context) []Finding { return fine("see %s", v.Site.Oldest) }})
	}
	return append(checks,
		check{subject: "accepted deliveries", look: v.lookAtDeliveries},
		check{subject: "refused requests", look: v.lookAtRefusals})
}

// lookAtFolder writes something: a disk that is full or gone shows itself by that alone.
func (v *visit) lookAtFolder(ctx context.Context) []Finding {
	if err := v.Probe(ctx); err != nil {
		return found(Failed, v.Site.Access, "every delivery is answered 503: %s", told(err))
	}
	return fine("what is written there is kept")
}

// lookAtDeliveries is never a warning: how often Revento has something to tell, nobody knows.
func (v *visit) lookAtDeliveries(ctx context.Context) []Finding {
	if v.Newest == nil {
		return fine("see %s", v.Site.Accepted)
	}
	newest, err := v.Newest(ctx)
	switch {
	case err != nil:
		return found(Failed, v.Site.Access, "%s", told(err))
	case newest.IsZero():
		return fine("none is known of late: those of routes that are off do not count")
	}
	return fine("the newest at %s, %s ago", newest.UTC().Format(time.RFC3339), ago(v.Now().Sub(newest)))
}

// ago is a duration as people tell it.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	return legible.Duration(d)
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
	says := fmt.Sprintf("%d waiting, %d in flight", waiting, inFlight)
	if v.Messages == nil || waiting+inFlight == 0 {
		return fine("%s", says)
	}
	// The oldest come first, and are those that others wait behind.
	page, _, err := v.Messages.Browse(ctx, name, looked, "")
	if err != nil {
		return found(Failed, v.Site.Access, "%s", told(err))
	}
	return v.lateness(says, name, page)
}

// Where an alert is late for so long, or was received so often, somebody is to know: what is paced comes twice.
const (
	lateAfter  = 5 * time.Minute
	oftenAfter = 3
	// looked is how many of a queue's messages are looked at.
	looked = 200
)

func (v *visit) lateness(says string, name queue.Name, page []queue.Seen) []Finding {
	var oldest time.Duration
	receives := 0
	for _, seen := range page {
		oldest = max(oldest, v.Now().Sub(seen.SentAt))
		receives = max(receives, seen.Receives)
	}
	if oldest < lateAfter && receives < oftenAfter {
		return fine("%s", says)
	}
	remedy := logLines(string(name)) + "; trace tells a delivery's story"
	says += "; the oldest waits for " + ago(oldest)
	if receives >= oftenAfter {
		says += ", and one of them was received " + count(receives, "time")
	}
	return found(Warning, remedy, "%s", says)
}

// logLines are where it is told what a provider answers.
func logLines(destination string) string {
	return fmt.Sprintf("the log's lines with \"destination\":\"%s\" say what is answered", destination)
}

func (v *visit) lookAtDeadLetters(ctx context.Context, name queue.Name) []Finding {
	waiting, inFlight, err := v.Queues.Depth(ctx, name.DeadLetter())
	switch dead := waiting + inFlight; {
	case err != nil:
		return found(Failed, v.Site.Access, "%s", told(err))
	case dead > 0:
		return found(Warning, v.Site.Installation.Command("dead-letters list"), "%s", count(dead, "dead letter"))
	}
	return fine("none")
}
