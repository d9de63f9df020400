package pass

import (
	"context"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
)

const (
	// markerTime is how long a marker may be on its way until it is sent again: its message was lost, or parked and dropped.
	markerTime = time.Hour
	// retryTime is how long after a failed pass the next is due, maxRetries times in a row: then at the schedule's moment.
	retryTime  = time.Hour
	maxRetries = 3
	// ConfirmTime is how long after a pass that missed a row for the first time the next is due.
	ConfirmTime = 15 * time.Minute
)

// Due is when something is to be done for a connection's passes; zero where nothing is.
func (p *Passes) Due(ctx context.Context, s connection.Standing) (time.Time, error) {
	if !s.Serves() {
		return time.Time{}, nil
	}
	loaded, err := p.load(ctx, s)
	return p.due(loaded.Value, s), err
}

func (p *Passes) due(v stored, s connection.Standing) time.Time {
	switch {
	case v.State == Reading:
		return v.BegunAt
	case v.State == Read && v.MarkedAt.IsZero():
		return v.EndedAt
	case v.State == Read:
		return v.MarkedAt.Add(markerTime)
	case !v.Consented.Equal(s.ConnectedAt): // none began since the organizer consented
		return s.ConnectedAt
	default:
		return earlier(v.Soon, p.Schedule.Next(v.EndedAt))
	}
}

// earlier is the earlier of two moments; a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Ask returns the record that makes a pass due now, which is to be put together with the registry's, and the number of the pass whose end
// who asks waits for: the one that is read right now, or else the next.
func (p *Passes) Ask(ctx context.Context, s connection.Standing) (number int64, with []record.Record, err error) {
	if !s.Serves() {
		return 0, nil, ErrNotServed
	}
	loaded, err := p.load(ctx, s)
	if err != nil {
		return 0, nil, err
	}
	if loaded.Value.State == Reading {
		return loaded.Value.Number, nil, nil
	}
	loaded.Value.Soon = p.Now().UTC()
	encoded, err := record.Encode(loaded)
	return loaded.Value.Number + 1, []record.Record{encoded}, err
}
