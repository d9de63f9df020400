package upkeep_test

import (
	"context"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/client"
	"revento-alerts/shared/revento/sandbox"
)

const redirectURI = "http://127.0.0.1:3000/oauth/callback"

// asking is a bench whose probes are those of the real keeper, budget and client, in the sandbox.
type asking struct {
	*bench
	sandbox *sandbox.Sandbox
	client  *client.Client
	lives   *life.Lives
	// secrets are what is set for the client.
	secrets string
}

func (b *bench) asksTheSandbox() *asking {
	b.Helper()
	a := &asking{bench: b, secrets: "old"}
	now := func() time.Time { return b.clock }
	made, err := sandbox.New(sandbox.Options{Now: now, Clients: []sandbox.Client{registered("old")}})
	if err != nil {
		b.Fatal(err)
	}
	a.sandbox = made
	server := httptest.NewServer(made.Provider())
	b.Cleanup(server.Close)
	secrets := secret.NewHolder(func(context.Context) (string, error) { return a.secrets, nil }, secret.ParseClient, 5*time.Minute, now)
	a.client = client.New(client.Options{
		AuthURL: server.URL, APIURL: server.URL + sandbox.APIPath, ClientID: "client_1", RedirectURI: redirectURI, Secrets: secrets, Now: now,
	})
	keeper := &grant.Keeper{
		Records: b.records, Deletions: b.deletions, Secrets: secrets, Endpoint: a.client, Now: now,
		Rings: secret.NewHolder(secret.Static(strings.Repeat("k", 43)), seal.Parse, time.Hour, now),
		Wait:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Log:   telemetry.New(io.Discard, telemetry.Options{Now: now}),
	}
	a.lives = &life.Lives{Registry: b.registry, Tokens: keeper, Now: now}
	b.Prober = &upkeep.EventProber{
		Tokens: keeper, Budget: &budget.Budget{Records: b.records, Now: now, Jitter: func(upTo time.Duration) time.Duration { return upTo }},
		Event: func(ctx context.Context, access revento.Access) (revento.Allowance, error) {
			_, reply, err := a.client.Event(ctx, access)
			return reply.Allowance, err
		},
	}
	return a
}

func registered(secrets ...string) sandbox.Client {
	return sandbox.Client{ID: "client_1", Name: "alerts", Secrets: secrets, RedirectURIs: []string{redirectURI}}
}

// consents does what an organizer, a browser and the callback do.
func (a *asking) consents(event string) connection.Standing {
	a.Helper()
	verifier := client.NewVerifier()
	location, err := a.sandbox.Consent(a.client.AuthorizeURL(event, "state", verifier, []string{"event.read"}), sandbox.Decision{})
	if err != nil {
		a.Fatal(err)
	}
	back, err := url.Parse(location)
	if err != nil {
		a.Fatal(err)
	}
	tokens, err := a.client.Exchange(a.Context(), back.Query().Get("code"), verifier)
	if err != nil {
		a.Fatal(err)
	}
	given := consent.Given{EventID: tokens.EventID, OrganizationID: tokens.OrganizationID, Scope: tokens.Scope, At: a.clock}
	if err := a.lives.Connect(a.Context(), given, tokens); err != nil {
		a.Fatal(err)
	}
	for s, err := range a.registry.OfEvent(a.Context(), event) {
		if err != nil {
			a.Fatal(err)
		}
		return s
	}
	a.Fatalf("%s is not connected", event)
	return connection.Standing{}
}

var sandboxEvents = []string{"evt_sandbox_1", "evt_sandbox_2", "evt_sandbox_3"}

func TestAClientSecretThatReventoDoesNotTakeIsToldOnceForAll(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		for _, event := range sandboxEvents {
			a.consents(event)
		}
		a.passes(time.Hour)
		a.wantsTold("")
		if err := a.sandbox.AddClient(registered("new")); err != nil {
			t.Fatal(err)
		}
		a.passes(4 * time.Hour) // that nobody can look is told as what it is
		a.wantsTold("broken client_secret_refused")
		if a.delivered != 1 {
			t.Errorf("sent %d times", a.delivered)
		}
		if told := a.told[0]; told.Connection.EventID != "" || !strings.Contains(told.Fields["what_to_do"], "Rotate the client secret") {
			t.Errorf("told %+v", told)
		}
		a.secrets = "new, old"
		a.passes(3 * time.Hour)
		a.wantsTold("broken client_secret_refused, restored client_secret_taken")
		if begun, ended := a.told[0], a.told[1]; begun.ResourceID != ended.ResourceID || ended.Number <= begun.Number {
			t.Errorf("they are %+v and %+v", begun, ended)
		}
		for _, event := range sandboxEvents {
			for s, err := range a.registry.OfEvent(a.Context(), event) {
				if state, _, resultErr := a.Result(a.Context(), s.Connection, 0); err != nil || resultErr != nil || state.Status != "healthy" {
					t.Errorf("%s is %+v", event, state)
				}
			}
		}
	})
}

// While the old secret is valid too, nobody hears of a rotation, in whatever order its steps are taken.
func TestAClientSecretThatIsRotatedBesideTheOldOneIsNotTold(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		a.consents("evt_sandbox_1")
		for _, step := range []func() error{
			func() error { return a.sandbox.AddClient(registered("old", "new")) },
			func() error { a.secrets = "new, old"; return nil },
			func() error { return a.sandbox.AddClient(registered("new")) },
			func() error { a.secrets = "new"; return nil },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
			a.passes(3 * time.Hour)
		}
		a.wantsTold("")
	})
}

// The connection that was refused last is gone: nobody is refused any more, and nobody looks at it.
func TestAClientSecretThatNobodyNeedsAnyMoreIsNotTroubleForever(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		s := a.consents("evt_sandbox_1")
		if err := a.sandbox.AddClient(registered("new")); err != nil {
			t.Fatal(err)
		}
		a.passes(3 * time.Hour)
		a.wantsTold("broken client_secret_refused")
		if err := a.lives.End(a.Context(), s.Connection, a.clock, connection.Disconnected); err != nil {
			t.Fatal(err)
		}
		a.passes(time.Hour)
		a.wantsTold("broken client_secret_refused, restored client_secret_taken")
	})
}
