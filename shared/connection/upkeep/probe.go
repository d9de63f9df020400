package upkeep

import (
	"context"
	"errors"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// Tokens makes calls with a connection's token: grant.Keeper.
type Tokens interface {
	Call(ctx context.Context, of record.Connection, call func(ctx context.Context, access grant.Access) error) error
	Standing(ctx context.Context, of record.Connection) (grant.Standing, error)
}

// Budget makes a call where the grant's budget allows it: budget.Budget.
type Budget interface {
	Do(ctx context.Context, of budget.Of, class budget.Class, call func(ctx context.Context) (revento.Allowance, error)) error
}

// EventCall reads the event of a connection, whose token it is, and returns what the reply tells of the calls that are left.
type EventCall func(ctx context.Context, of record.Connection, access revento.Access) (revento.Allowance, error)

// EventProber is the Prober that reads the connection's event.
type EventProber struct {
	Tokens Tokens
	Budget Budget
	Event  EventCall
}

var _ Prober = (*EventProber)(nil)

// Probe implements Prober. What the token's state says counts, whatever the call came to.
func (p *EventProber) Probe(ctx context.Context, of record.Connection) (Result, error) {
	var refused error // by Revento, as its reply was read
	err := p.Tokens.Call(ctx, of, func(ctx context.Context, access grant.Access) error {
		id, consented := access.Grant()
		from := budget.Of{Connection: of, Grant: id, Consented: consented, Limits: budget.Installation}
		return p.Budget.Do(ctx, from, budget.Foreground, func(ctx context.Context) (allowance revento.Allowance, err error) {
			allowance, refused = p.Event(ctx, of, access.Access)
			return allowance, refused
		})
	})
	result, stateErr := p.standing(ctx, of)
	switch {
	case stateErr != nil:
		return result, stateErr
	case result.State == connection.Active:
		result.Outcome, result.Reason, err = read(err, refused)
	case result.Outcome != "":
		err = nil
	}
	return result, err
}

// Answered implements Prober.
func (p *EventProber) Answered(ctx context.Context, of record.Connection) (Result, error) {
	result, err := p.standing(ctx, of)
	if result.State == connection.Active {
		result.Outcome = health.Answered
	}
	return result, err
}

// standing is what the token's state says by itself: of one that is active, nothing.
func (p *EventProber) standing(ctx context.Context, of record.Connection) (Result, error) {
	standing, err := p.Tokens.Standing(ctx, of)
	if err != nil {
		return Result{}, err
	}
	result := Result{State: standing.State, Why: standing.Reason, Ends: endsOf(standing)}
	switch standing.State {
	case connection.Revoked:
		result.Outcome, result.Reason = health.TokenRevoked, string(standing.Reason)
	case connection.NeedsConsent:
		result.Outcome, result.Reason = health.ConsentNeeded, string(standing.Reason)
	}
	return result, nil
}

// read is what a call came to where the token is in order; refused is what Revento's own reply to it was. It returns the error where that
// says nothing of the connection.
func read(err, refused error) (health.Outcome, string, error) {
	switch {
	case err == nil:
		return health.Answered, "", nil
	case errors.Is(err, grant.ErrBusy), errors.Is(err, grant.ErrStopped), errors.Is(err, grant.ErrClient):
		return "", "", err
	case fault.Has(refused, fault.Throttled):
		return health.Limited, fault.Of(refused).Reason, nil
	case errors.Is(err, budget.ErrWait):
		return "", "", err
	case refused != nil:
		return health.Failed, fault.Of(refused).Reason, nil
	case isReventos(err): // the refresh failed, and no token is left
		return health.Failed, fault.Of(err).Reason, nil
	}
	return "", "", err
}

// isReventos says whether a failure is one of Revento's, and not of a store or of a secret.
func isReventos(err error) bool {
	_, isRefused := errors.AsType[*revento.Refusal](err)
	return isRefused || fault.Has(err, fault.Unknown)
}

// endsOf is when the grant ends by itself. The refresh token's end counts as long as it is not the grant's.
func endsOf(standing grant.Standing) map[health.Limit]time.Time {
	ends := map[health.Limit]time.Time{}
	year := standing.FirstIssued.Add(revento.RefreshCap)
	if !standing.FirstIssued.IsZero() {
		ends[health.OneYear] = year
	}
	if !standing.RefreshEnds.IsZero() && standing.RefreshEnds.Before(year) {
		ends[health.RefreshToken] = standing.RefreshEnds
	}
	return ends
}
