package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
)

// attempt is what is kept of a flow's callback, for as long as the browser keeps the flow.
type attempt struct {
	// Owner is whose attempt it is: a store that writes again where an answer was lost finds its own.
	Owner   string    `json:"owner"`
	BegunAt time.Time `json:"begun_at"`
	// Outcome is "" until the attempt ended.
	Outcome Kind     `json:"outcome,omitempty"`
	Reason  Reason   `json:"reason,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// interruptedAfter is when an attempt without an end has none to come: its time is over, and that of one more write.
const interruptedAfter = finishTime + 5*time.Second

// begin uses the flow's state up. isFirst says whether nobody had before; otherwise the entry is the first one's.
func (c *Consent) begin(ctx context.Context, f flow, owner string) (begun record.Entry[attempt], isFirst bool, err error) {
	now := c.Now()
	begun.Record = record.Record{Key: f.key(), OccurredAt: now, Expires: now.Add(FlowLife + CookieLife)}
	begun.Value = attempt{Owner: owner, BegunAt: now}
	saved, err := record.Save(ctx, c.Attempts, begun)
	if err == nil {
		return saved, true, nil
	}
	if !errors.Is(err, record.ErrChanged) {
		return begun, false, err
	}
	standing, err := record.Load[attempt](ctx, c.Attempts, f.key())
	if err == nil && !standing.Known {
		err = errors.New("the attempt is there, and cannot be read")
	}
	return standing, standing.Value.Owner == owner, err
}

// end keeps what came of an attempt.
func (c *Consent) end(ctx context.Context, begun record.Entry[attempt], outcome Outcome) error {
	begun.Value.Outcome, begun.Value.Reason, begun.Value.Missing = outcome.Kind, outcome.Reason, outcome.Missing
	if _, err := record.Save(ctx, c.Attempts, begun); err != nil {
		return fmt.Errorf("keep what came of the callback: %w", err)
	}
	return nil
}

// outcomeOf is what another callback of the flow is told of the first one's attempt.
func (c *Consent) outcomeOf(first attempt) Outcome {
	switch {
	case first.Outcome != "":
		return Outcome{Kind: first.Outcome, Reason: first.Reason, Missing: first.Missing, Replayed: true}
	case c.Now().Before(first.BegunAt.Add(interruptedAfter)):
		return Outcome{Kind: UnderWay, Replayed: true}
	default:
		return Outcome{Kind: Failed, Reason: Interrupted, Replayed: true}
	}
}

// late is what a callback is told that comes when its flow is over: what came of the first, if there was one in time.
func (c *Consent) late(ctx context.Context, f flow) Outcome {
	first, err := record.Load[attempt](ctx, c.Attempts, f.key())
	if err != nil || !first.Known {
		return Outcome{Kind: Expired, Err: err}
	}
	return c.outcomeOf(first.Value)
}
