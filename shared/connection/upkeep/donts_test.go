package upkeep_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sandbox"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/web"
)

// The don'ts of Revento's recipe page (guide: /patterns/), a test each, on the real keeper, client and pages in the sandbox.

func newAsking(t *testing.T) *asking {
	records := memory.NewRecords()
	return newBench(t, records, records.Deletions, nil).asksTheSandbox()
}

// browser collects all that a browser gets, of us and of Revento's redirects.
type browser struct {
	*asking
	pages   http.Handler
	cookies map[string]*http.Cookie
	got     strings.Builder
}

func (b *browser) opens(address string) (location string) {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for _, cookie := range b.cookies {
		r.AddCookie(cookie)
	}
	recorded := httptest.NewRecorder()
	b.pages.ServeHTTP(recorded, r)
	for _, cookie := range recorded.Result().Cookies() {
		b.cookies[cookie.Name] = cookie
	}
	fmt.Fprintln(&b.got, recorded.Code, recorded.Header(), recorded.Body)
	return recorded.Header().Get("Location")
}

func TestDontShowTheClientSecretOrATokenToABrowser(t *testing.T) {
	a := newAsking(t)
	address, err := consent.ParsePublicURL(public)
	if err != nil {
		t.Fatal(err)
	}
	asks := &consent.Consent{
		Revento: a.client, Connections: a.lives, Ring: a.ring, Attempts: a.records, Scopes: []string{"event.read"}, Open: true, Now: a.Now,
	}
	log := new(strings.Builder)
	b := &browser{asking: a, cookies: map[string]*http.Cookie{}, pages: web.New(web.Options{
		Consent: asks, Public: address, Log: telemetry.New(log, telemetry.Options{Now: a.Now}),
	})}
	// connect goes all the way, and then once more with what it came back with.
	connect := func(decision sandbox.Decision) {
		back, err := a.sandbox.Consent(b.opens(address.ConnectURL("evt_sandbox_1", "")), decision)
		if err != nil {
			t.Fatal(err)
		}
		b.opens(back)
		b.opens(back)
	}
	connect(sandbox.Decision{})
	connect(sandbox.Decision{Decline: true})
	b.opens(redirectURI + "?code=made_up&state=made_up")
	b.opens(address.ConnectURL("no such event/", ""))
	if err := a.sandbox.AddClient(registered("another")); err != nil {
		t.Fatal(err)
	}
	connect(sandbox.Decision{}) // Revento refuses the secret
	if !strings.Contains(b.got.String(), "client_1") || len(a.sent) < 2 {
		t.Fatalf("the browser was not led to Revento, or nothing was redeemed: %s", b.got.String())
	}
	b.wantsNothingOfRevento("what a browser gets", b.got.String())
	b.wantsNothingOfRevento("the log", log.String())
}

// wantsNothingOfRevento expects neither a client's secret nor a token.
func (a *asking) wantsNothingOfRevento(where, text string) {
	a.Helper()
	if strings.Contains(text, canary) {
		a.Errorf("the client's secret is in %s: %s", where, text)
	}
	for _, s := range a.sent {
		for _, token := range []string{s.tokens().Access, s.tokens().Refresh, s.bearer} {
			if token != "" && strings.Contains(text, token) {
				a.Errorf("a token is in %s: %s", where, text)
			}
		}
	}
}

// issued is what a reply of the token endpoint gives.
type issued struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	EventID string `json:"event_id"`
	Error   string `json:"error"`
}

// tokens is nothing where the request was another.
func (s sent) tokens() (given issued) {
	if strings.HasSuffix(s.path, "/oauth/token") {
		_ = json.Unmarshal([]byte(s.reply), &given)
	}
	return given
}

// By type: a call takes a revento.Access, and the path's event is the token's. test/architecture holds who makes one, and who reads it.
func TestDontAskAboutOneEventWithAnothersToken(t *testing.T) {
	a := newAsking(t)
	for _, event := range sandboxEvents {
		a.consents(event)
	}
	a.passes(12 * time.Hour)
	of, calls := map[string]string{}, 0
	for _, s := range a.sent {
		if given := s.tokens(); given.Access != "" {
			of[given.Access] = given.EventID
		}
		if s.bearer == "" {
			continue
		}
		calls++
		if want := sandbox.APIPath + "/events/" + of[s.bearer]; of[s.bearer] == "" || s.path != want && !strings.HasPrefix(s.path, want+"/") {
			t.Errorf("%s was asked with a token of %q", s.path, of[s.bearer])
		}
	}
	if calls < 3*20 || len(of) < 3*10 {
		t.Errorf("%d calls with %d tokens in half a day", calls, len(of))
	}
}

func TestDontTryAgainAfterInvalidGrant(t *testing.T) {
	a := newAsking(t)
	s := a.consents("evt_sandbox_1")
	a.passes(time.Hour)
	if err := a.sandbox.Revoke("evt_sandbox_1"); err != nil {
		t.Fatal(err)
	}
	a.clock = a.clock.Add(2 * time.Hour) // the access token is over, and only a refresh tells
	a.passes(3 * time.Hour)
	a.wantsTold("broken needs_consent")
	for range 10 {
		if _, err := a.Ask(t.Context(), s.Connection); err != nil {
			t.Fatal(err)
		}
		a.passes(10 * time.Minute)
	}
	refused := map[string]int{}
	for _, s := range a.sent {
		token := s.form.Get("refresh_token")
		if refused[token] > 0 && token != "" {
			t.Error("a refresh token that was refused is sent again")
		}
		if s.tokens().Error == revento.CodeInvalidGrant {
			refused[token]++
		}
	}
	if len(refused) != 1 {
		t.Errorf("%d tokens were refused, want one", len(refused))
	}
}

// The floors are a quarter of an hour for a probe and an hour for a pass: no setting goes below, and nothing that goes wrong leads below.
func TestDontProbeOrReadListsFasterThanTheFloors(t *testing.T) {
	for variable, tooFast := range map[string]string{"PROBE_INTERVAL": "14m59s", "RECONCILE_SCHEDULE": "rate(59 minutes)"} {
		source := func(name string) (string, bool) {
			value, isSet := map[string]string{
				"REVENTO_CLIENT_ID": "client_1", "REVENTO_AUTH_URL": atRevento, "REVENTO_API_URL": atRevento, "SLACK_CHANNEL": "C0SAMPLE01",
				variable: tooFast,
			}[name]
			return value, isSet
		}
		if _, err := settings.LoadSync(source); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s is taken as %s: %v", tooFast, variable, err)
		}
	}
	const floor = 15 * time.Minute
	if health.RetryInterval < floor {
		t.Errorf("after a failure it looks again after %s", health.RetryInterval)
	}
	for _, fault := range []sandbox.FaultKind{"", sandbox.FaultFail, sandbox.FaultDrop, sandbox.FaultThrottle, sandbox.FaultCrowd} {
		a := newAsking(t)
		a.ProbeInterval = floor
		a.consents("evt_sandbox_1")
		if fault != "" {
			if err := a.sandbox.Break(sandbox.Fault{Kind: fault, At: sandbox.PlaceEvent, Times: 12}); err != nil {
				t.Fatal(err)
			}
		}
		a.passes(6 * time.Hour)
		var last time.Time
		probes := 0
		for _, s := range a.sent {
			if s.bearer == "" {
				continue
			}
			probes++
			if gap := s.at.Sub(last); !last.IsZero() && gap < floor {
				t.Errorf("%s: two probes within %s", fault, gap)
			}
			last = s.at
		}
		if probes < 12 {
			t.Errorf("%s: %d probes in six hours", fault, probes)
		}
	}
}
