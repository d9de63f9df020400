package upkeep_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// token gives out a token, or fails before or after the call.
type token struct {
	before, after error
	standing      grant.Standing
}

func (k token) Call(ctx context.Context, _ record.Connection, call func(context.Context, grant.Access) error) error {
	if k.before != nil {
		return k.before
	}
	if err := call(ctx, grant.Access{}); err != nil {
		return errors.Join(err, k.after)
	}
	return nil
}

func (k token) Standing(context.Context, record.Connection) (grant.Standing, error) {
	return k.standing, nil
}

// allows is the budget: err stands in the way of the call.
type allows struct{ err error }

func (a allows) Do(
	ctx context.Context, _ budget.Of, class budget.Class, call func(context.Context) (revento.Allowance, error),
) error {
	if class != budget.Foreground {
		return errors.New("a probe is no background work")
	}
	if a.err != nil {
		return a.err
	}
	_, err := call(ctx)
	return err
}

func TestWhatAProbeShows(t *testing.T) {
	refusal := func(status int, code string, class fault.Class) error {
		return &fault.Error{Class: class, Op: "read the event", Reason: code, Err: &revento.Refusal{Status: status, Code: code}}
	}
	active := grant.Standing{State: connection.Active}
	for _, tt := range []struct {
		name    string
		token   token
		budget  error
		answer  error
		outcome health.Outcome
		reason  string
		unknown bool
	}{
		{name: "an answer", token: token{standing: active}, outcome: health.Answered},
		{name: "a 500", token: token{standing: active}, answer: refusal(500, "http_500", fault.Unknown), outcome: health.Failed, reason: "http_500"},
		{name: "a 403", token: token{standing: active}, answer: refusal(403, "event_not_authorized", fault.Permanent), outcome: health.Failed, reason: "event_not_authorized"},
		{name: "no answer", token: token{standing: active}, answer: &fault.Error{Reason: "timeout"}, outcome: health.Failed, reason: "timeout"},
		{name: "a 429", token: token{standing: active}, answer: refusal(429, "rate_limit_exceeded", fault.Throttled), outcome: health.Limited, reason: "rate_limit_exceeded"},
		{name: "a token that Revento does not know", token: token{standing: active, after: grant.ErrToken}, answer: refusal(401, "invalid_token", fault.Permanent), outcome: health.Failed, reason: "invalid_token"},
		{name: "our own budget", token: token{standing: active}, budget: fmt.Errorf("wait: %w", budget.ErrWait), unknown: true},
		{name: "our own budget, after a token that had expired", token: token{standing: active, after: budget.ErrWait}, answer: refusal(401, "token_expired", fault.Permanent), unknown: true},
		{name: "a refresh under way", token: token{standing: active, before: grant.ErrBusy}, unknown: true},
		{name: "a stop", token: token{standing: active, before: grant.ErrStopped}, unknown: true},
		{name: "a client secret that Revento does not take", token: token{standing: active, before: errors.Join(grant.ErrClient, refusal(401, "invalid_client", fault.Permanent))}, unknown: true},
		{name: "a store that failed", token: token{standing: active, before: errors.New("down")}, unknown: true},
		{name: "a refresh that Revento fails", token: token{standing: active, before: refusal(503, "http_503", fault.Transient)}, outcome: health.Failed, reason: "http_503"},
		{name: "a refresh without an answer", token: token{standing: active, before: &fault.Error{Class: fault.Unknown, Reason: "timeout"}}, outcome: health.Failed, reason: "timeout"},
		{name: "a revoked token", token: token{standing: grant.Standing{State: connection.Revoked, Reason: connection.TakenBack}, before: &fault.Error{Class: fault.Permanent}}, outcome: health.TokenRevoked, reason: "revoked"},
		{name: "a token that is lost", token: token{standing: grant.Standing{State: connection.NeedsConsent, Reason: connection.LostRotation}, before: &fault.Error{Class: fault.Permanent}}, outcome: health.ConsentNeeded, reason: "lost_rotation"},
		{name: "an answer before the token was revoked", token: token{standing: grant.Standing{State: connection.Revoked}}, outcome: health.TokenRevoked},
		{name: "an ended connection", token: token{standing: grant.Standing{State: connection.Ended}, before: &fault.Error{Class: fault.Permanent}}, unknown: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prober := &upkeep.EventProber{
				Tokens: tt.token, Budget: allows{tt.budget},
				Event: func(context.Context, record.Connection, revento.Access) (revento.Allowance, error) {
					return revento.Allowance{}, tt.answer
				},
			}
			result, err := prober.Probe(t.Context(), of("evt_1"))
			if (err != nil) != tt.unknown {
				t.Fatalf("%+v %v", result, err)
			}
			if err == nil && (result.Outcome != tt.outcome || result.Reason != tt.reason || result.State != tt.token.standing.State) {
				t.Errorf("%+v, want %s %s", result, tt.outcome, tt.reason)
			}
		})
	}
}

// In the last ninety days the refresh token ends with the grant: one warning is enough.
func TestWhenAGrantEnds(t *testing.T) {
	year := noon.Add(revento.RefreshCap)
	for refreshEnds, want := range map[time.Time]int{noon.AddDate(0, 0, 90): 2, year: 1, {}: 1} {
		prober := &upkeep.EventProber{
			Tokens: token{standing: grant.Standing{State: connection.Active, FirstIssued: noon, RefreshEnds: refreshEnds}}, Budget: allows{},
			Event: func(context.Context, record.Connection, revento.Access) (revento.Allowance, error) {
				return revento.Allowance{}, nil
			},
		}
		result, err := prober.Probe(t.Context(), of("evt_1"))
		if err != nil || len(result.Ends) != want || !result.Ends[health.OneYear].Equal(year) {
			t.Errorf("%s: %+v %v", refreshEnds, result.Ends, err)
		}
	}
}
