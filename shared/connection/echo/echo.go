// Package echo is the rules of the queue mirror, in which a connection's messages come one after another: webhooks, which the mirror hears,
// and the markers of complete passes, at which it is judged what those passes did not see.
//
//	ingest --webhook-->          mirror --> row and summary
//	pass   --marker--> (a queue) judge  --> what is gone, what was never told
//	                             parked --> a mark: of that participant nothing is judged until the message is applied or dropped
//
// Since a marker is in the line of its connection, all that was accepted before it has been applied when it has its turn, or is marked.
package echo

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/ground/telemetry"
)

// Mirror keeps what webhooks tell: mirror.Mirror.
type Mirror interface {
	// Hear applies a webhook; repeating it changes nothing.
	Hear(ctx context.Context, webhook mirror.Webhook) (mirror.Outcome, error)
}

// Marker says that a pass is complete.
type Marker struct {
	Connection record.Connection
	// Grant is the grant that it was read with, or "", and Pass its number.
	Grant string
	Pass  int64
}

// Judge judges what a complete pass did not see.
type Judge interface {
	// Judge goes on where it ended, until a moment at the latest; done is false where there is more to judge. Repeating it tells nothing
	// twice.
	Judge(ctx context.Context, marker Marker, until time.Time) (done bool, err error)
}

// Echo is the chore of the queue.
type Echo struct {
	Mirror Mirror
	Judge  Judge
	Marks  *Marks
	// Lookups asks for what a webhook does not tell; nil: nothing is asked for.
	Lookups *Lookups
	Now     func() time.Time
}

var (
	_ worker.Chore  = (*Echo)(nil)
	_ worker.Parker = (*Echo)(nil)
)

// The outcomes, beside the workers' own and those of a webhook.
const (
	outcomeJudged    worker.Outcome = "judged"
	outcomeUnrelated worker.Outcome = "no_connection"
)

// Open implements worker.Chore.
func (e *Echo) Open(message queue.Message, line *telemetry.Line) (worker.Job, error) {
	content, err := decode(message.Body)
	if err != nil {
		return worker.Job{}, err
	}
	line.Set("connection", content.connection().Partition())
	do := e.judge
	if content.Webhook != nil {
		line.Set("delivery_id", content.Webhook.DeliveryID)
		do = e.hear
	}
	return worker.Job{Do: func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
		outcome, err := do(ctx, content, line)
		if errors.Is(err, mirror.ErrNotMirrored) || errors.Is(err, record.ErrDeleted) {
			outcome, err = outcomeUnrelated, nil
		}
		if err != nil || outcome == worker.Unfinished {
			return outcome, err
		}
		return outcome, e.Marks.End(ctx, message) // it may be a redriven one
	}}, nil
}

// hear has the mirror hear a webhook.
func (e *Echo) hear(ctx context.Context, content content, line *telemetry.Line) (worker.Outcome, error) {
	heard := content.heard()
	line.Set("type", heard.Type)
	outcome, err := e.Mirror.Hear(ctx, heard)
	if err != nil || outcome == mirror.Nothing {
		return outcomeUnrelated, err
	}
	return worker.Outcome(outcome), e.Lookups.follow(ctx, heard, line)
}

// judgeReserve is kept at the end of an invocation for storing how far judging came.
const judgeReserve = 5 * time.Second

// judgeTime is how long judging goes on where the invocation has no end.
const judgeTime = 30 * time.Second

// judge judges at a marker. What is left when the time is over comes again at once, before all that came later.
func (e *Echo) judge(ctx context.Context, content content, _ *telemetry.Line) (worker.Outcome, error) {
	until := e.Now().Add(judgeTime)
	if deadline, ok := ctx.Deadline(); ok {
		until = e.Now().Add(time.Until(deadline) - judgeReserve)
	}
	done, err := e.Judge.Judge(ctx, content.marker(), until)
	if err != nil || done {
		return outcomeJudged, err
	}
	return worker.Unfinished, nil
}

// Parking implements worker.Parker: of what is parked a mark is left first.
func (e *Echo) Parking(ctx context.Context, message queue.Message) error {
	return e.Marks.leave(ctx, message)
}
