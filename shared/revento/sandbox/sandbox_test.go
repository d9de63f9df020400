package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/revento/sandbox"
)

// What all tests begin with.
const (
	clientID     = "int_test"
	clientSecret = "client-secret"
	redirectURI  = "http://127.0.0.1:3000/oauth/callback"
	makersCamp   = "evt_sandbox_1"
	games        = "evt_sandbox_3"
	person       = "usr_sandbox_001"
)

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// clock is one that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

// world is a sandbox that listens.
type world struct {
	*testing.T
	*sandbox.Sandbox
	clock *clock
	url   string
}

func theClient() sandbox.Client {
	return sandbox.Client{
		ID: clientID, Name: "Alerts", Secrets: []string{clientSecret, "client-secret-old"}, RedirectURIs: []string{redirectURI},
		Optional: []string{"program.read"},
	}
}

func newWorld(t *testing.T, options ...func(*sandbox.Options)) *world {
	t.Helper()
	c := &clock{now: start}
	o := sandbox.Options{Clients: []sandbox.Client{theClient()}, WebhookSecret: "whsec", Now: c.Now}
	for _, change := range options {
		change(&o)
	}
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Provider())
	t.Cleanup(server.Close)
	return &world{t, s, c, server.URL}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

// browser follows no redirects, so that a test sees where they lead.
var browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (w *world) do(r *http.Request) (answer, error) {
	w.Helper()
	response, err := browser.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json) // pages are no JSON
	return a, nil
}

func (w *world) must(r *http.Request) answer {
	w.Helper()
	a, err := w.do(r)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *world) request(method, path string, body io.Reader) *http.Request {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, body)
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// apiRequest is a well-formed call of the read API.
func (w *world) apiRequest(token, path string) *http.Request {
	w.Helper()
	r := w.request(http.MethodGet, sandbox.APIPath+path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", sandbox.Version)
	r.Header.Set(sandbox.RequestIDHeader, "0e4c9a1e-6a51-4a1c-9f6e-2d5f0b0f8a11")
	return r
}

func (w *world) get(token, path string) answer {
	w.Helper()
	return w.must(w.apiRequest(token, path))
}

func (w *world) formRequest(path string, form url.Values) *http.Request {
	w.Helper()
	r := w.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (w *world) post(path string, form url.Values) answer {
	w.Helper()
	return w.must(w.formRequest(path, form))
}

func refreshForm(token string) url.Values {
	return url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {clientID}, "client_secret": {clientSecret},
	}
}

func (w *world) refresh(token string) answer {
	w.Helper()
	return w.post(sandbox.TokenPath, refreshForm(token))
}

// refreshed refreshes, which has to succeed.
func (w *world) refreshed(token string) sandbox.Tokens {
	w.Helper()
	a := w.refresh(token)
	if a.status != http.StatusOK {
		w.Fatalf("refresh: %d %s", a.status, a.body)
	}
	return w.tokens(a)
}

func (w *world) tokens(a answer) (tokens sandbox.Tokens) {
	w.Helper()
	if err := json.Unmarshal([]byte(a.body), &tokens); err != nil {
		w.Fatal(err)
	}
	return tokens
}

func (w *world) connect(event string, scope ...string) sandbox.Tokens {
	w.Helper()
	tokens, err := w.Connect(clientID, event, scope...)
	if err != nil {
		w.Fatal(err)
	}
	return tokens
}

func (w *world) signIn(event, user string, scope ...string) sandbox.Tokens {
	w.Helper()
	tokens, err := w.SignIn(clientID, event, user, scope...)
	if err != nil {
		w.Fatal(err)
	}
	return tokens
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// wantCode checks a refusal, which always has the three fields. (guide: /api/errors/)
func (w *world) wantCode(a answer, status int, code string) {
	w.Helper()
	if a.status != status || a.json["error"] != code {
		w.Errorf("answer %d %s, want %d %s", a.status, a.body, status, code)
		return
	}
	if a.json["message"] == "" || a.json["request_id"] != a.header.Get(sandbox.RequestIDHeader) || a.json["request_id"] == "" {
		w.Errorf("the refusal is %s, request id %s", a.body, a.header.Get(sandbox.RequestIDHeader))
	}
}

func TestAClientThatCouldNeverBeUsedIsRefused(t *testing.T) {
	tests := map[string]func(*sandbox.Client){
		"no id":                         func(c *sandbox.Client) { c.ID = "" },
		"no secret":                     func(c *sandbox.Client) { c.Secrets = nil },
		"an empty secret":               func(c *sandbox.Client) { c.Secrets = []string{""} },
		"a redirect URI without a host": func(c *sandbox.Client) { c.RedirectURIs = []string{"/oauth/callback"} },
		"a redirect URI with a fragment": func(c *sandbox.Client) {
			c.RedirectURIs = []string{redirectURI + "#x"}
		},
		"a scope that Revento does not have": func(c *sandbox.Client) { c.Scopes = []string{"everything"} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			client := theClient()
			change(&client)
			if _, err := sandbox.New(sandbox.Options{Clients: []sandbox.Client{client}}); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
