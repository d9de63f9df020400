package upkeep_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"revento-alerts/shared/alerting/record"
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

const (
	atRevento   = "https://revento.example"
	public      = "http://127.0.0.1:3000"
	redirectURI = public + "/oauth/callback"
	// canary is in every secret of the client.
	canary = "CANARY"
)

// asking is a bench whose probes are those of the real keeper, budget and client, in the sandbox.
type asking struct {
	*bench
	sandbox *sandbox.Sandbox
	client  *client.Client
	lives   *life.Lives
	ring    *secret.Holder[seal.Ring]
	// secrets are what is set for the client.
	secrets string
	// sent is what was asked of Revento.
	sent []sent
}

// sent is one request, and what came of it.
type sent struct {
	at     time.Time
	path   string
	bearer string
	form   url.Values // the token endpoint's
	reply  string
}

// RoundTrip implements http.RoundTripper: Revento is a handler of this process.
func (a *asking) RoundTrip(r *http.Request) (*http.Response, error) {
	made := sent{at: a.clock, path: r.URL.Path, bearer: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		made.form, _ = url.ParseQuery(string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	recorded := httptest.NewRecorder()
	err := served(a.sandbox.Provider(), recorded, r)
	if err == nil {
		made.reply = recorded.Body.String()
	}
	a.sent = append(a.sent, made)
	if err != nil {
		return nil, err
	}
	return recorded.Result(), nil
}

// served returns an error where the handler cuts the connection.
func served(handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if cut := recover(); cut == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if cut != nil {
			panic(cut)
		}
	}()
	handler.ServeHTTP(w, r)
	return nil
}

func (b *bench) asksTheSandbox() *asking {
	b.Helper()
	a := &asking{bench: b, secrets: canary + "_old"}
	now := func() time.Time { return b.clock }
	made, err := sandbox.New(sandbox.Options{Now: now, Clients: []sandbox.Client{registered(canary + "_old")}})
	if err != nil {
		b.Fatal(err)
	}
	a.sandbox = made
	secrets := secret.NewHolder(func(context.Context) (string, error) { return a.secrets, nil }, secret.ParseClient, 5*time.Minute, now)
	a.client = client.New(client.Options{
		AuthURL: atRevento, APIURL: atRevento + sandbox.APIPath, ClientID: "client_1", RedirectURI: redirectURI, Secrets: secrets, Now: now,
	}).Through(a)
	a.ring = secret.NewHolder(secret.Static(strings.Repeat("k", 43)), seal.Parse, time.Hour, now)
	keeper := &grant.Keeper{
		Records: b.records, Deletions: b.deletions, Secrets: secrets, Endpoint: a.client, Now: now,
		Rings: a.ring,
		Wait:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Log:   telemetry.New(io.Discard, telemetry.Options{Now: now}),
	}
	a.lives = &life.Lives{Registry: b.registry, Tokens: keeper, Now: now}
	b.Prober = &upkeep.EventProber{
		Tokens: keeper, Budget: &budget.Budget{Records: b.records, Now: now, Jitter: func(upTo time.Duration) time.Duration { return upTo }},
		Event: func(ctx context.Context, _ record.Connection, access revento.Access) (revento.Allowance, error) {
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
