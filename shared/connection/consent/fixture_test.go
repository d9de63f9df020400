package consent_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

const (
	event        = "evt_abc123"
	organization = "org_xyz789"
	code         = "rev_code_canary"
)

var scopes = []string{"event.read", "participants.read", "program.read"}

// engines are where attempts are kept.
var engines = map[string]func(*testing.T) record.Store{
	"memory": func(*testing.T) record.Store { return memory.NewRecords() },
	"SQLite": func(t *testing.T) record.Store {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return engine.Records
	},
}

func onBothEngines(t *testing.T, test func(*testing.T, *bench)) {
	t.Helper()
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(t, newBench(t, open(t))) })
	}
}

// bench is a consent with a stand-in for everything that is not its own.
type bench struct {
	*consent.Consent
	t           *testing.T
	clock       time.Time
	ring        rings
	revento     *authority
	connections *connections
	cookies     map[string]string // one browser's
}

func newBench(t *testing.T, attempts record.Store) *bench {
	t.Helper()
	b := &bench{
		t: t, clock: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), ring: rings{ring: seal.Ring{}.Add()},
		revento: &authority{tokens: tokens()}, connections: &connections{}, cookies: map[string]string{},
	}
	b.Consent = &consent.Consent{
		Revento: b.revento, Connections: b.connections, Ring: &b.ring, Attempts: attempts, Scopes: scopes,
		Now: func() time.Time { return b.clock },
	}
	return b
}

func memoryBench(t *testing.T) *bench { return newBench(t, memory.NewRecords()) }

type rings struct {
	ring seal.Ring
	err  error
	// kept is what the ring is where it is kept; nil: it is not looked up anew.
	kept *seal.Ring
}

func (r *rings) Get(context.Context) (seal.Ring, error) { return r.ring, r.err }

func (r *rings) Refresh(context.Context) (seal.Ring, bool, error) {
	if r.kept == nil {
		return r.ring, false, nil
	}
	r.ring = *r.kept
	return r.ring, true, r.err
}

// tokens are what Revento answers to the code of a consent in full.
func tokens() revento.Tokens {
	return revento.Tokens{
		Access: secret.Hide("rev_install_canary"), Refresh: secret.Hide("rev_refresh_canary"),
		EventID: event, OrganizationID: organization, Scope: strings.Join(scopes, " "),
	}
}

// authority is Revento.
type authority struct {
	tokens   revento.Tokens
	err      error
	verifier string   // of the last request
	redeemed []string // codes
	// meanwhile is what happens while a code is redeemed.
	meanwhile func(context.Context)
}

func (a *authority) AuthorizeURL(eventID, state, verifier string, scopes []string) string {
	a.verifier = verifier
	return "https://auth.revento.example/oauth/authorize?" +
		url.Values{"event_id": {eventID}, "state": {state}, "scope": {strings.Join(scopes, " ")}}.Encode()
}

func (a *authority) Exchange(ctx context.Context, code, verifier string) (revento.Tokens, error) {
	a.redeemed = append(a.redeemed, code+" "+verifier)
	if a.meanwhile != nil {
		a.meanwhile(ctx)
	}
	return a.tokens, a.err
}

type connections struct {
	organization  string // the one that is known
	err           error
	connected     []consent.Given
	tokens        []revento.Tokens
	declinedScope []consent.Given
}

func (c *connections) Organization(context.Context, string) (string, error) {
	return c.organization, nil
}

func (c *connections) Connect(_ context.Context, given consent.Given, tokens revento.Tokens) error {
	if c.err != nil {
		return c.err
	}
	c.connected, c.tokens = append(c.connected, given), append(c.tokens, tokens)
	return nil
}

func (c *connections) DeclineScope(_ context.Context, given consent.Given) error {
	c.declinedScope = append(c.declinedScope, given)
	return nil
}

// link is one that the operator made just now.
func (b *bench) link() string {
	b.t.Helper()
	link, err := consent.Link(b.ring.ring, event, b.clock.Add(consent.LinkLife))
	if err != nil {
		b.t.Fatal(err)
	}
	return link
}

// begins follows a link as far as Revento, and returns the state that Revento gives back.
func (b *bench) begins() (state string) {
	b.t.Helper()
	start, outcome := b.Begin(b.t.Context(), event, b.link())
	if outcome.Kind != consent.Asked {
		b.t.Fatalf("the organizer is not asked: %+v", outcome)
	}
	b.cookies[start.FlowID] = start.Flow
	location, err := url.Parse(start.Location)
	if err != nil {
		b.t.Fatal(err)
	}
	return location.Query().Get("state")
}

// comesBack brings a callback, with the cookies of the browser.
func (b *bench) comesBack(callback consent.Callback) consent.Outcome {
	b.t.Helper()
	return b.Finish(b.t.Context(), callback, func(id string) string { return b.cookies[id] })
}

// consents is what came of an organizer's yes.
func (b *bench) consents() consent.Outcome {
	b.t.Helper()
	return b.comesBack(consent.Callback{State: b.begins(), Code: code})
}

// want compares all of an outcome but its error.
func (b *bench) want(what string, got consent.Outcome, kind consent.Kind, reason consent.Reason, isReplayed bool) {
	b.t.Helper()
	if got.Kind != kind || got.Reason != reason || got.Replayed != isReplayed {
		b.t.Errorf("%s: %+v, want %s %s, replayed: %v", what, got, kind, reason, isReplayed)
	}
}
