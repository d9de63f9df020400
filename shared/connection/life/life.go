// Package life is how a connection begins and how it ends: what the registry knows of it and its tokens change together.
package life

import (
	"context"
	"errors"
	"fmt"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/revento"
)

// Tokens keeps what Revento granted: grant.Keeper.
type Tokens interface {
	// Begin returns the record of a new grant, which is to be put together with others of the connection.
	Begin(ctx context.Context, of record.Connection, tokens revento.Tokens, at time.Time) (record.Record, error)
	// End erases a connection's tokens, at once and for good, but for those of a consent that is newer than cutoff.
	End(ctx context.Context, of record.Connection, cutoff time.Time, reason connection.Reason) error
}

// Lives begins and ends connections.
type Lives struct {
	Registry *connection.Registry
	Tokens   Tokens
	// Soon has a connection looked at soon; nil: at the next tick. What it fails with is nobody's fault: the tick comes.
	Soon func(ctx context.Context, of record.Connection)
	// Client is the client id that is consented to.
	Client string
	Now    func() time.Time
}

// Organization implements consent.Connections. A connection that is over binds its event to no organization.
func (l *Lives) Organization(ctx context.Context, eventID string) (string, error) {
	for standing, err := range l.Registry.OfEvent(ctx, eventID) {
		if err != nil || !standing.IsEnded() {
			return standing.OrganizationID, err
		}
	}
	return "", nil
}

// Connect implements consent.Connections: what the registry knows and the tokens are written in one transaction, and something is due for
// the connection at once.
func (l *Lives) Connect(ctx context.Context, given consent.Given, tokens revento.Tokens) error {
	of := record.Connection{EventID: given.EventID, OrganizationID: given.OrganizationID}
	_, err := l.Registry.Change(ctx, of, func(standing connection.Standing) (connection.Info, []record.Record, error) {
		next, err := standing.Consented(l.consent(given))
		if err != nil {
			return next, nil, err
		}
		next.Due = l.Now().UTC()
		begun, err := l.Tokens.Begin(ctx, of, tokens, given.At)
		return next, []record.Record{begun}, err
	})
	if err == nil && l.Soon != nil {
		l.Soon(ctx, of)
	}
	return err
}

func (l *Lives) consent(given consent.Given) connection.Consent {
	return connection.Consent{At: given.At, Scope: given.Scope, LinkedBy: given.LinkedBy, Client: l.Client}
}

// DeclineScope implements consent.Connections.
func (l *Lives) DeclineScope(ctx context.Context, given consent.Given) error {
	of := record.Connection{EventID: given.EventID, OrganizationID: given.OrganizationID}
	_, err := l.Registry.Change(ctx, of, func(standing connection.Standing) (connection.Info, []record.Record, error) {
		if standing.Serves() {
			return standing.Info, nil, nil
		}
		next, err := standing.Consented(l.consent(given))
		if err != nil {
			return next, nil, err
		}
		next, _ = next.Moved(connection.NeedsConsent, connection.DeclinedScope, given.At) // an active one leads there
		return next, nil, nil
	})
	return err
}

// End erases the tokens of a connection whose consent is not newer than cutoff, and ends it: nobody works for it any more. One that was
// never connected has nothing to end. What was ended before stays as it is, but for tokens that are left of it.
func (l *Lives) End(ctx context.Context, of record.Connection, cutoff time.Time, reason connection.Reason) error {
	if err := l.Tokens.End(ctx, of, cutoff, reason); err != nil {
		return fmt.Errorf("erase the connection's tokens: %w", err)
	}
	_, err := l.Registry.Change(ctx, of, func(standing connection.Standing) (connection.Info, []record.Record, error) {
		if !standing.IsKnown() || standing.ConnectedAt.After(cutoff) {
			return standing.Info, nil, nil
		}
		next, _ := standing.Moved(connection.Ended, reason, l.Now()) // every state leads there
		return next, nil, nil
	})
	if errors.Is(err, record.ErrDeleted) { // its tombstone says so
		return nil
	}
	return err
}
