// Package asking wires what asks Revento: its client, with the tokens that are kept and the calls that are paced.
package asking

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
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
	// Rows is what is kept of what Revento knows; nil where nobody reads it.
	Rows    *mirror.Mirror
	Secrets Secrets
}

// New wires it. stopping is over when the process is told to stop; nil: never.
func New(engine wiring.Engine, s settings.Connections, public consent.PublicURL, secrets Secrets, stopping context.Context) Asking {
	asks := client.New(client.Options{
		AuthURL: s.AuthURL, APIURL: s.APIURL, ClientID: s.ClientID, RedirectURI: public.RedirectURI(), Secrets: secrets.Client, Now: engine.Now,
	})
	keeper := &grant.Keeper{
		Records: engine.Records, Deletions: engine.Deletions, Rings: secrets.Rings, Secrets: secrets.Client, Endpoint: asks,
		Now: engine.Now, Wait: grant.Wait, Stopping: stopping, Log: engine.Log,
	}
	registry := &connection.Registry{Records: engine.Records, Deletions: engine.Deletions}
	return Asking{
		Client: asks, Keeper: keeper, Registry: registry, Secrets: secrets,
		Budget: &budget.Budget{Records: engine.Records, Now: engine.Now, Jitter: budget.Random},
		Lives:  &life.Lives{Registry: registry, Tokens: keeper, Client: s.ClientID, Now: engine.Now},
	}
}

// Upkeep looks at connections and tells how they do. outbox takes what it tells; nil where nothing is told, as by who only asks for a look.
func (a Asking) Upkeep(engine wiring.Engine, s settings.Connections, outbox upkeep.Outbox) *upkeep.Upkeep {
	return &upkeep.Upkeep{
		Registry: a.Registry, Records: engine.Records, Queues: engine.Queues, Outbox: outbox,
		Prober:        &upkeep.EventProber{Tokens: a.Keeper, Budget: a.Budget, Event: a.event(engine)},
		ProbeInterval: s.ProbeInterval, Random: rand.Float64, Now: engine.Now,
	}
}

// Passes read all that Revento knows of a connection's event into Rows.
func (a Asking) Passes(engine wiring.Engine, s settings.Connections) *pass.Passes {
	return &pass.Passes{
		Registry: a.Registry, Records: engine.Records, Mirror: a.Rows, Queues: engine.Queues, Schedule: s.Reconcile, Now: engine.Now,
		Lists: &pass.Calls{Tokens: a.Keeper, Budget: a.Budget, Read: a.page},
	}
}

func (a Asking) page(ctx context.Context, access revento.Access, list pass.List, cursor string) (pass.Page, revento.Allowance, error) {
	if list == "" {
		event, reply, err := a.Client.Event(ctx, access)
		return pass.Page{Documents: []json.RawMessage{event.Document}, Date: reply.Date, Status: event.PublishStatus}, reply.Allowance, err
	}
	page, reply, err := a.Client.List(ctx, access, client.List(list), cursor)
	return pass.Page{Documents: page.Rows, More: page.More, Next: page.Next, Date: reply.Date}, reply.Allowance, err
}

// event reads a connection's event, for what that shows of the connection. What it shows of the event, as what it is called, is kept; should
// that fail, the probe counts all the same.
func (a Asking) event(engine wiring.Engine) upkeep.EventCall {
	return func(ctx context.Context, of record.Connection, access revento.Access) (revento.Allowance, error) {
		asked := engine.Now()
		event, reply, err := a.Client.Event(ctx, access)
		if err == nil && a.Rows != nil {
			page := mirror.Page{Connection: of, Thing: mirror.Event, AskedAt: asked, Date: reply.Date, Documents: []json.RawMessage{event.Document}}
			if err := a.keep(ctx, page); err != nil {
				engine.Log.Slog().Warn("keep what a probe showed of an event", "error", err.Error())
			}
		}
		return reply.Allowance, err
	}
}

// keep has the mirror read a page as one of the newest pass.
func (a Asking) keep(ctx context.Context, page mirror.Page) error {
	summary, err := a.Rows.Summary(ctx, page.Connection)
	if err != nil {
		return err
	}
	page.Pass = summary.LastPass
	_, err = a.Rows.Read(ctx, page)
	if errors.Is(err, mirror.ErrNotMirrored) { // it ended meanwhile
		return nil
	}
	return err
}
