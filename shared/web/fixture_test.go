package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/web"
)

const (
	event   = "evt_abc123"
	host    = "alerts.example.com"
	secure  = "https://" + host
	onHTTP  = "http://127.0.0.1:3000"
	atAuth  = "https://auth.revento.example/oauth/authorize?"
	code    = "canary_code"
	access  = "canary_access"
	refresh = "canary_refresh"
)

var scopes = []string{"event.read", "participants.read", "program.read"}

// site is the pages with a stand-in for everything behind them, and one browser in front.
type site struct {
	t       *testing.T
	pages   *web.Pages
	public  consent.PublicURL
	consent *consent.Consent
	revento *authority
	known   *connections
	clock   time.Time
	ring    seal.Ring
	log     *bytes.Buffer
	browser jar
	// onAWS has the browser's requests come through API Gateway.
	onAWS bool
}

// Get implements consent.Ring.
func (s *site) Get(context.Context) (seal.Ring, error) { return s.ring, nil }

// Refresh implements consent.Ring.
func (s *site) Refresh(context.Context) (seal.Ring, bool, error) { return s.ring, false, nil }

func newSite(t *testing.T, public string) *site {
	t.Helper()
	parsed, err := consent.ParsePublicURL(public)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		t: t, public: parsed, clock: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), ring: seal.Ring{}.Add(), log: new(bytes.Buffer),
		known: &connections{}, browser: jar{},
		revento: &authority{tokens: revento.Tokens{
			Access: secret.Hide(access), Refresh: secret.Hide(refresh), EventID: event, OrganizationID: "org_1", Scope: strings.Join(scopes, " "),
		}},
	}
	s.consent = &consent.Consent{
		Revento: s.revento, Connections: s.known, Ring: s, Attempts: memory.NewRecords(), Scopes: scopes, Now: func() time.Time { return s.clock },
	}
	s.pages = web.New(web.Options{Consent: s.consent, Public: parsed, Log: telemetry.New(s.log, telemetry.Options{Level: slog.LevelInfo})})
	return s
}

// authority is Revento.
type authority struct {
	tokens   revento.Tokens
	err      error
	verifier string
}

func (a *authority) AuthorizeURL(eventID, state, verifier string, _ []string) string {
	a.verifier = verifier
	return atAuth + url.Values{"event_id": {eventID}, "state": {state}}.Encode()
}

func (a *authority) Exchange(context.Context, string, string) (revento.Tokens, error) {
	return a.tokens, a.err
}

type connections struct {
	organization string
	connected    int
}

func (c *connections) Organization(context.Context, string) (string, error) {
	return c.organization, nil
}

func (c *connections) Connect(context.Context, consent.Given, revento.Tokens) error {
	c.connected++
	return nil
}

func (*connections) DeclineScope(context.Context, consent.Given) error { return nil }

// jar is a browser's cookies of one site, the oldest first.
type jar []*http.Cookie

func (j *jar) take(set []*http.Cookie) {
	for _, cookie := range set {
		kept := jar{}
		for _, old := range *j {
			if old.Name != cookie.Name {
				kept = append(kept, old)
			}
		}
		if cookie.MaxAge >= 0 {
			kept = append(kept, cookie)
		}
		*j = kept
	}
}

// asks asks for an address with the browser's cookies.
func (s *site) asks(method, address string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequest(method, address, nil)
	for _, cookie := range s.browser {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	response := s.answer(r)
	s.browser.take(response.Cookies())
	return response
}

// answer is that of one machine's server, or what API Gateway makes of the function's.
func (s *site) answer(r *http.Request) *http.Response {
	s.t.Helper()
	recorded := httptest.NewRecorder()
	if !s.onAWS {
		s.pages.ServeHTTP(recorded, r)
		return recorded.Result()
	}
	event := awslambda.GatewayEvent(r.Method, r.URL.EscapedPath(), http.Header{"Host": {r.Host}}, nil, "", s.clock)
	event.RawQueryString, event.Cookies = r.URL.RawQuery, r.Header.Values("Cookie")
	given, err := awslambda.Pages(s.pages)(r.Context(), event)
	if err != nil || given.IsBase64Encoded {
		s.t.Fatalf("%v, %+v", err, given)
	}
	for name, value := range given.Headers {
		recorded.Header().Set(name, value)
	}
	recorded.Header()["Set-Cookie"] = given.Cookies
	recorded.WriteHeader(given.StatusCode)
	_, _ = recorded.WriteString(given.Body)
	return recorded.Result()
}

// onBothSides runs a test on one machine and on AWS.
func onBothSides(t *testing.T, test func(*testing.T, func(public string) *site)) {
	t.Helper()
	for name, onAWS := range map[string]bool{"one machine": false, "AWS": true} {
		t.Run(name, func(t *testing.T) {
			test(t, func(public string) *site {
				made := newSite(t, public)
				made.onAWS = onAWS
				return made
			})
		})
	}
}

func (s *site) gets(address string) (status int, body string) {
	s.t.Helper()
	response := s.asks(http.MethodGet, address)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// link is where an organizer begins, as the operator sends it.
func (s *site) link() string {
	s.t.Helper()
	link, err := consent.Link(s.ring, event, s.clock.Add(consent.LinkLife))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.public.ConnectURL(event, link)
}

// begins follows a link as far as Revento, and returns the state.
func (s *site) begins(link string) (state string) {
	s.t.Helper()
	response := s.asks(http.MethodGet, link)
	location := response.Header.Get("Location")
	if response.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, atAuth) {
		s.t.Fatalf("%d, to %q", response.StatusCode, location)
	}
	parsed, err := url.Parse(location)
	if err != nil {
		s.t.Fatal(err)
	}
	return parsed.Query().Get("state")
}

// callback is where Revento sends the browser back to.
func (s *site) callback(state string, more ...string) string {
	query := url.Values{"state": {state}}
	for i := 0; i < len(more); i += 2 {
		query.Set(more[i], more[i+1])
	}
	return s.public.RedirectURI() + "?" + query.Encode()
}
