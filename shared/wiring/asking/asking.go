// Package asking wires what asks Revento: its client, with the tokens that are kept and the calls that are paced.
package asking

import (
	"context"
	"math/rand/v2"
	"time"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento/client"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// Secrets are what opens tokens, and what Revento knows the product by.
type Secrets struct {
	Client *secret.Holder[secret.Client]
	Rings  *secret.Holder[seal.Ring]
}

// Asking is what asks Revento.
type Asking struct {
	Client   *client.Client
	Keeper   *grant.Keeper
	Budget   *budget.Budget
	Registry *connection.Registry
	Lives    *life.Lives
	Secrets  Secrets
}

// New wires it. stopping is over when the process is told to stop; nil: never.
func New(engine wiring.Engine, s settings.Connections, public consent.PublicURL, secrets Secrets, stopping context.Context) Asking {
	asks := client.New(client.Options{
		AuthURL: s.AuthURL, APIURL: s.APIURL, ClientID: s.ClientID, RedirectURI: public.RedirectURI(), Secrets: secrets.Client, Now: engine.Now,
	})
	keeper := &grant.Keeper{
		Records: engine.Records, Deletions: engine.Deletions, Rings: secrets.Rings, Secrets: secrets.Client, Endpoint: asks,
		Now: engine.Now, Wait: wait, Stopping: stopping, Log: engine.Log,
	}
	registry := &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}
	return Asking{
		Client: asks, Keeper: keeper, Registry: registry, Secrets: secrets,
		Budget: &budget.Budget{Records: engine.Records, Now: engine.Now, Jitter: rand.N[time.Duration]},
		Lives:  &life.Lives{Registry: registry, Tokens: keeper, Client: s.ClientID, Now: engine.Now},
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
