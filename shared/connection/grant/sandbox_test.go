package grant_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/client"
	"revento-alerts/shared/revento/sandbox"
	"revento-alerts/shared/testkit/memory"
)

const (
	sandboxEvent = "evt_sandbox_1"
	redirectURI  = "http://127.0.0.1:3000/oauth/callback"
)

// The client is what both ask.
var (
	_ consent.Revento = (*client.Client)(nil)
	_ grant.Endpoint  = (*client.Client)(nil)
)

// world is the sandbox as the product sees it, with processes on one store.
type world struct {
	*testing.T
	*clock
	*sandbox.Sandbox
	url     string
	kept    *memory.Records
	log     *strings.Builder
	secrets string
	of      record.Connection
}

// Now is both sides' clock.
func (w *world) Now() time.Time { return w.clock.Now() }

// process is what one process is made of.
type process struct {
	*grant.Keeper
	*budget.Budget
	client *client.Client
}

func newWorld(t *testing.T) *world {
	w := &world{
		T: t, clock: &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, kept: memory.NewRecords(), log: new(strings.Builder),
		secrets: canary + "_secret",
	}
	made, err := sandbox.New(sandbox.Options{Now: w.clock.Now, Clients: []sandbox.Client{w.registered(canary + "_secret")}})
	if err != nil {
		t.Fatal(err)
	}
	w.Sandbox = made
	server := httptest.NewServer(made.Provider())
	t.Cleanup(server.Close)
	w.url = server.URL
	w.consents()
	t.Cleanup(func() {
		if shown := w.log.String(); strings.Contains(shown, canary) || strings.Contains(shown, "rev_") {
			t.Errorf("a secret is in the log: %s", shown)
		}
	})
	return w
}

func (w *world) registered(secrets ...string) sandbox.Client {
	return sandbox.Client{ID: "client_1", Name: "alerts", Secrets: secrets, RedirectURIs: []string{redirectURI}}
}

func (w *world) process() *process {
	secrets := secret.NewHolder(func(context.Context) (string, error) { return w.secrets, nil }, secret.ParseClient, time.Hour, w.Now)
	asks := client.New(client.Options{
		AuthURL: w.url, APIURL: w.url + sandbox.APIPath, ClientID: "client_1", RedirectURI: redirectURI, Secrets: secrets, Now: w.Now,
	})
	return &process{
		Keeper: &grant.Keeper{
			Records: w.kept, Deletions: w.kept.Deletions, Secrets: secrets, Endpoint: asks, Now: w.Now, Wait: w.Wait,
			Rings: secret.NewHolder(secret.Static(strings.Repeat(canary, 8)), seal.Parse, time.Hour, w.Now),
			Log:   telemetry.New(w.log, telemetry.Options{Now: w.Now}),
		},
		Budget: &budget.Budget{Records: w.kept, Now: w.Now, Jitter: func(upTo time.Duration) time.Duration { return upTo }},
		client: asks,
	}
}

// consents does what an organizer, a browser and the callback do.
func (w *world) consents() {
	w.Helper()
	p, verifier := w.process(), client.NewVerifier()
	location, err := w.Consent(p.client.AuthorizeURL(sandboxEvent, "state_1", verifier, []string{"event.read", "participants.read"}), sandbox.Decision{})
	if err != nil {
		w.Fatal(err)
	}
	back, err := url.Parse(location)
	if err != nil || back.Query().Get("state") != "state_1" {
		w.Fatalf("it comes back at %s, %v", location, err)
	}
	tokens, err := p.client.Exchange(w.Context(), back.Query().Get("code"), verifier)
	if err != nil {
		w.Fatal(err)
	}
	w.of = record.Connection{EventID: tokens.EventID, OrganizationID: tokens.OrganizationID}
	if err := p.Keeper.Consent(w.Context(), w.of, tokens, w.Now()); err != nil {
		w.Fatal(err)
	}
}

// asks reads the event, paced, with a token that is good.
func (w *world) asks(p *process) error {
	return p.Call(w.Context(), w.of, func(ctx context.Context, access grant.Access) error {
		id, consented := access.Grant()
		of := budget.Of{Connection: w.of, Grant: id, Consented: consented, Limits: budget.Installation}
		return p.Do(ctx, of, budget.Foreground, func(ctx context.Context) (revento.Allowance, error) {
			event, reply, err := p.client.Event(ctx, access.Access)
			if err == nil && event.Name == "" {
				w.Errorf("the event has no name: %s", event.Document)
			}
			return reply.Allowance, err
		})
	})
}

func (w *world) wantState(state connection.State, reason connection.Reason) {
	w.Helper()
	got, err := w.process().Standing(w.Context(), w.of)
	if err != nil || got.State != state || got.Reason != reason {
		w.Errorf("it stands at %s %q, %v, want %s %q", got.State, got.Reason, err, state, reason)
	}
}

func (w *world) breaks(kind sandbox.FaultKind, at sandbox.Place, times int) {
	w.Helper()
	if err := w.Break(sandbox.Fault{Kind: kind, At: at, Times: times}); err != nil {
		w.Fatal(err)
	}
}

func TestInTheSandboxAConnectionLivesForMonths(t *testing.T) {
	w := newWorld(t)
	for range 60 {
		if err := w.asks(w.process()); err != nil {
			t.Fatal(err)
		}
		w.passes(50 * time.Hour)
	}
	w.wantState(connection.Active, "")
}

func TestInTheSandboxAWrongClockRefreshesOnce(t *testing.T) {
	w := newWorld(t)
	if err := w.ExpireAccess(sandboxEvent); err != nil {
		t.Fatal(err)
	}
	if err := w.asks(w.process()); err != nil {
		t.Fatal(err)
	}
}

func TestInTheSandboxARevocationEndsAllWork(t *testing.T) {
	w := newWorld(t)
	if err := w.Revoke(sandboxEvent); err != nil {
		t.Fatal(err)
	}
	err := w.asks(w.process())
	if why, ok := errors.AsType[*grant.Inactive](err); !ok || why.State != connection.Revoked {
		t.Errorf("the call: %v", err)
	}
	w.consents()
	if err := w.asks(w.process()); err != nil {
		t.Errorf("after another consent: %v", err)
	}
}

func TestInTheSandboxARevocationThatARefreshFindsNeedsConsent(t *testing.T) {
	w := newWorld(t)
	if err := w.Revoke(sandboxEvent); err != nil {
		t.Fatal(err)
	}
	w.passes(2 * time.Hour)
	_ = w.asks(w.process())
	w.wantState(connection.NeedsConsent, connection.TakenBack)
}

func TestInTheSandboxALostReplyIsMendedOrTold(t *testing.T) {
	for reuse, isMended := range map[sandbox.Reuse]bool{
		sandbox.ReuseRefuse: false, sandbox.ReuseRevoke: false, sandbox.ReuseSamePair: true, sandbox.ReuseNewPair: true,
	} {
		t.Run(string(reuse), func(t *testing.T) {
			w := newWorld(t)
			w.SetRules(func(r *sandbox.Rules) { r.Reuse = reuse })
			w.passes(2 * time.Hour)
			w.breaks(sandbox.FaultLoseReply, sandbox.PlaceToken, 1)
			err := w.asks(w.process())
			if !isMended {
				w.wantState(connection.NeedsConsent, connection.LostRotation)
				return
			}
			if err != nil {
				t.Error(err)
			}
			w.wantState(connection.Active, "")
		})
	}
}

func TestInTheSandboxARequestThatDidNothingIsRepeated(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.FaultFail, sandbox.FaultGateway, sandbox.FaultDrop} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.passes(2 * time.Hour)
			w.breaks(kind, sandbox.PlaceToken, 1)
			if err := w.asks(w.process()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestInTheSandboxAnothersTokensBreakTheConnection(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.FaultWrongEvent, sandbox.FaultWrongOrganization} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.passes(2 * time.Hour)
			w.breaks(kind, sandbox.PlaceToken, 1)
			_ = w.asks(w.process())
			w.wantState(connection.NeedsConsent, connection.Broken)
		})
	}
}

func TestInTheSandboxARefreshTokenThatStaysIsUsedAgain(t *testing.T) {
	w := newWorld(t)
	w.breaks(sandbox.FaultKeepRefresh, sandbox.PlaceToken, 2)
	for range 3 {
		w.passes(2 * time.Hour)
		if err := w.asks(w.process()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInTheSandboxTheClientsSecretIsRotated(t *testing.T) {
	w := newWorld(t)
	p := w.process()
	if err := w.asks(p); err != nil {
		t.Fatal(err)
	}
	if err := w.AddClient(w.registered(canary + "_new")); err != nil {
		t.Fatal(err)
	}
	w.passes(58 * time.Minute)
	err := w.asks(p)
	if err != nil {
		t.Fatalf("the access token still serves: %v", err)
	}
	w.passes(2 * time.Hour)
	if err := w.asks(p); !errors.Is(err, grant.ErrClient) {
		t.Errorf("with the old secret alone: %v", err)
	}
	w.secrets = canary + "_new," + canary + "_secret"
	w.passes(time.Hour)
	if err := w.asks(p); err != nil {
		t.Errorf("with the new one beside: %v", err)
	}
}

// Four processes ask with one token as often as they may, for three hours: Revento, with its limits on, never answers 429.
func TestInTheSandboxFourProcessesNeverReachALimit(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.FixedWindows = fixed })
		processes := []*process{w.process(), w.process(), w.process(), w.process()}
		calls, end := 0, w.Now().Add(3*time.Hour)
		for turn := 0; w.Now().Before(end); turn++ {
			err := w.asks(processes[turn%len(processes)])
			switch {
			case err == nil:
				calls++
			case errors.Is(err, budget.ErrWait):
				w.passes(fault.Of(err).RetryAfter)
			default:
				t.Fatal(err)
			}
		}
		if calls < 1400 || calls > 1500 {
			t.Errorf("%d calls in three hours, want nearly 1500", calls)
		}
	}
}

func TestInTheSandboxFourProcessesNeverHaveTooManyCallsInFlight(t *testing.T) {
	w := newWorld(t)
	release := w.Hold()
	var group sync.WaitGroup
	results := make(chan error, 12)
	for range 4 {
		p := w.process()
		for range 3 {
			group.Go(func() { results <- w.asks(p) })
		}
	}
	waits := 0
	for range 12 - 4 {
		if err := <-results; errors.Is(err, budget.ErrWait) {
			waits++
		} else {
			t.Errorf("while four are in flight: %v", err)
		}
	}
	release()
	group.Wait()
	for range 4 {
		if err := <-results; err != nil {
			t.Errorf("one of the four: %v", err)
		}
	}
	if waits != 8 {
		t.Errorf("%d had to wait, want 8", waits)
	}
}
