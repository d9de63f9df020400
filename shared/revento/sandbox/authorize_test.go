package sandbox_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/revento/sandbox"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const connectScopes = "event.read participants.read program.read"

func authorizeQuery(change func(url.Values)) url.Values {
	query := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "scope": {connectScopes},
		"event_id": {makersCamp}, "state": {"the state"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
	}
	if change != nil {
		change(query)
	}
	return query
}

func (w *world) ask(query url.Values) answer {
	w.Helper()
	return w.must(w.request(http.MethodGet, sandbox.AuthorizePath+"?"+query.Encode(), nil))
}

// back is where a redirect leads, which has to be the redirect URI.
func (w *world) back(location string) url.Values {
	w.Helper()
	parsed, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, redirectURI+"?") {
		w.Fatalf("it leads to %q", location)
	}
	return parsed.Query()
}

func (w *world) consent(decision sandbox.Decision, change func(url.Values)) url.Values {
	w.Helper()
	location, err := w.Consent(w.url+sandbox.AuthorizePath+"?"+authorizeQuery(change).Encode(), decision)
	if err != nil {
		w.Fatal(err)
	}
	return w.back(location)
}

func exchangeForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {redirectURI},
		"client_id": {clientID}, "client_secret": {clientSecret},
	}
}

var ticketField = regexp.MustCompile(`name="ticket" value="([^"]+)"`)

func TestAConsentIsAskedForAnsweredAndExchanged(t *testing.T) {
	w := newWorld(t)
	page := w.ask(authorizeQuery(nil))
	for _, part := range []string{
		"Alerts", "Northwind Makers Camp", makersCamp, "Northwind Gatherings", "event.read", "participants.read", "program.read",
		"Allow", "Cancel", "127.0.0.1:3000",
	} {
		if !strings.Contains(page.body, part) {
			t.Errorf("the consent page does not say %q", part)
		}
	}
	ticket := ticketField.FindStringSubmatch(page.body)
	if page.status != http.StatusOK || ticket == nil {
		t.Fatalf("%d %s", page.status, page.body)
	}
	form := url.Values{"ticket": {ticket[1]}, "decision": {"allow"}, "offered": {"program.read"}, "scope": {"program.read"}}
	decided := w.post(sandbox.AuthorizePath, form)
	query := w.back(decided.header.Get("Location"))
	if decided.status != http.StatusSeeOther || query.Get("state") != "the state" || query.Get("code") == "" || query.Has("error") {
		t.Fatalf("%d %v", decided.status, query)
	}
	given := w.post(sandbox.TokenPath, exchangeForm(query.Get("code")))
	tokens := w.tokens(given)
	if given.status != http.StatusOK || tokens.Scope != connectScopes || tokens.EventID != makersCamp ||
		tokens.OrganizationID != "org_sandbox_1" || tokens.TokenType != "Bearer" || tokens.ExpiresIn != 3600 ||
		tokens.RefreshExpiresIn != 7_776_000 || !strings.HasPrefix(tokens.AccessToken, "rev_install_") ||
		!strings.HasPrefix(tokens.RefreshToken, "rev_refresh_") {
		t.Errorf("%d %s", given.status, given.body)
	}
	if again := w.post(sandbox.AuthorizePath, form); again.status != http.StatusBadRequest || again.header.Get("Location") != "" {
		t.Errorf("answered twice: %d", again.status)
	}
}

func TestTheConsentPageRunsNothingAndLoadsNothing(t *testing.T) {
	page := newWorld(t).ask(authorizeQuery(nil))
	policy := page.header.Get("Content-Security-Policy")
	for _, part := range []string{
		"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' http://127.0.0.1:3000;",
	} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q has no %s", policy, part)
		}
	}
	_, rest, _ := strings.Cut(page.body, "<style>")
	sheet, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(sheet))
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Error("the policy does not allow the page's own style sheet")
	}
	if strings.Contains(page.body, "<script") || strings.Contains(page.body, " style=") {
		t.Error("there is script, or style within elements")
	}
	if page.header.Get("Cache-Control") != "no-store" || page.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", page.header)
	}
}

func TestARequestThatMustNotLeadBackShowsAPage(t *testing.T) {
	tests := map[string]func(url.Values){
		"an unknown client":                  func(q url.Values) { q.Set("client_id", "int_other") },
		"no redirect URI":                    func(q url.Values) { q.Del("redirect_uri") },
		"a redirect URI with one slash more": func(q url.Values) { q.Set("redirect_uri", redirectURI+"/") },
		"a redirect URI with a query more":   func(q url.Values) { q.Set("redirect_uri", redirectURI+"?x=1") },
		"a redirect URI of another host":     func(q url.Values) { q.Set("redirect_uri", "http://localhost:3000/oauth/callback") },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			a := newWorld(t).ask(authorizeQuery(change))
			if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.Contains(a.body, "cannot be consented to") {
				t.Errorf("%d to %q", a.status, a.header.Get("Location"))
			}
		})
	}
}

func TestARequestThatIsRefusedLeadsBackWithTheCodeAndTheState(t *testing.T) {
	tests := map[string]struct {
		change func(url.Values)
		code   string
	}{
		"another response type":      {func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		"no PKCE":                    {func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		"plain PKCE":                 {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"a challenge that is none":   {func(q url.Values) { q.Set("code_challenge", "abc") }, "invalid_request"},
		"no event":                   {func(q url.Values) { q.Del("event_id") }, "invalid_request"},
		"an unknown event":           {func(q url.Values) { q.Set("event_id", "evt_other") }, "invalid_request"},
		"a parameter that is twice":  {func(q url.Values) { q.Add("scope", "event.read") }, "invalid_request"},
		"no scope":                   {func(q url.Values) { q.Del("scope") }, "invalid_scope"},
		"an unknown scope":           {func(q url.Values) { q.Set("scope", "event.write") }, "invalid_scope"},
		"scopes of both kinds":       {func(q url.Values) { q.Set("scope", "event.read profile.read") }, "invalid_scope"},
		"sign-in before the connect": {func(q url.Values) { q.Set("scope", "profile.read") }, "unauthorized_client"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.ask(authorizeQuery(test.change))
			query := w.back(a.header.Get("Location"))
			if a.status != http.StatusSeeOther || query.Get("error") != test.code || query.Get("state") != "the state" || query.Has("code") {
				t.Errorf("%d %v, want %s", a.status, query, test.code)
			}
		})
	}
}

func TestWhatTheManifestDoesNotDeclareCannotBeAskedFor(t *testing.T) {
	w := newWorld(t)
	client := theClient()
	client.Scopes, client.Optional = []string{"event.read"}, nil
	w.ok(w.AddClient(client))
	if got := w.consent(sandbox.Decision{}, nil).Get("error"); got != "invalid_scope" {
		t.Errorf("error %q", got)
	}
}

func TestADeclinedConsentLeadsBackOnce(t *testing.T) {
	w := newWorld(t)
	query := w.consent(sandbox.Decision{Decline: true}, nil)
	if query.Get("error") != "access_denied" || query.Get("state") != "the state" || query.Has("code") {
		t.Errorf("%v", query)
	}
}

func TestOnlyAnOptionalScopeCanBeLeftOut(t *testing.T) {
	w := newWorld(t)
	query := w.consent(sandbox.Decision{Without: []string{"program.read", "participants.read"}}, nil)
	tokens := w.tokens(w.post(sandbox.TokenPath, exchangeForm(query.Get("code"))))
	if tokens.Scope != "event.read participants.read" {
		t.Errorf("scope %q", tokens.Scope)
	}
}

func TestAConsentPageWaitsHalfAnHour(t *testing.T) {
	w := newWorld(t)
	ticket := ticketField.FindStringSubmatch(w.ask(authorizeQuery(nil)).body)[1]
	w.clock.advance(30 * time.Minute)
	if a := w.post(sandbox.AuthorizePath, url.Values{"ticket": {ticket}, "decision": {"allow"}}); a.status != http.StatusBadRequest {
		t.Errorf("%d", a.status)
	}
}

func signInQuery(q url.Values) { q.Set("scope", "profile.read event.attendance") }

func TestAPersonSignsInWhereTheEventIsConnected(t *testing.T) {
	w := newWorld(t)
	w.connect(makersCamp)
	page := w.ask(authorizeQuery(signInQuery))
	if !strings.Contains(page.body, `value="`+person+`"`) {
		t.Error("the page does not offer the persons")
	}
	query := w.consent(sandbox.Decision{User: person}, signInQuery)
	tokens := w.tokens(w.post(sandbox.TokenPath, exchangeForm(query.Get("code"))))
	if tokens.Scope != "profile.read event.attendance" || tokens.EventID != makersCamp || tokens.UserID != "" {
		t.Errorf("%+v", tokens)
	}
	if _, err := w.Consent("?"+authorizeQuery(signInQuery).Encode(), sandbox.Decision{User: "usr_other"}); err == nil {
		t.Error("a person without an application signed in")
	}
}

func TestACodeIsExchangedOnceByWhoAskedForIt(t *testing.T) {
	tests := map[string]struct {
		change func(*world, url.Values)
		status int
		code   string
	}{
		"another verifier":     {func(_ *world, f url.Values) { f.Set("code_verifier", strings.Repeat("x", 43)) }, 400, "invalid_grant"},
		"no verifier":          {func(_ *world, f url.Values) { f.Del("code_verifier") }, 400, "invalid_grant"},
		"another redirect URI": {func(_ *world, f url.Values) { f.Set("redirect_uri", redirectURI+"/") }, 400, "invalid_grant"},
		"no redirect URI":      {func(_ *world, f url.Values) { f.Del("redirect_uri") }, 400, "invalid_grant"},
		"no redirect URI, and none is needed": {func(w *world, f url.Values) {
			w.ok(w.SetRule("code_needs_redirect_uri", "false"))
			f.Del("redirect_uri")
		}, 200, ""},
		"no client": {func(_ *world, f url.Values) { f.Del("client_id") }, 401, "invalid_client"},
		"no client, and none is needed": {func(w *world, f url.Values) {
			w.ok(w.SetRule("code_needs_client_id", "false"))
			f.Del("client_id")
		}, 200, ""},
		"another secret":   {func(_ *world, f url.Values) { f.Set("client_secret", "wrong") }, 401, "invalid_client"},
		"the older secret": {func(_ *world, f url.Values) { f.Set("client_secret", "client-secret-old") }, 200, ""},
		"an unknown code":  {func(_ *world, f url.Values) { f.Set("code", "wrong") }, 400, "invalid_grant"},
		"another client's": {func(w *world, f url.Values) {
			w.ok(w.AddClient(sandbox.Client{ID: "int_2", Secrets: []string{"s2"}}))
			f.Set("client_id", "int_2")
			f.Set("client_secret", "s2")
		}, 400, "invalid_grant"},
		"after ten minutes":     {func(w *world, _ url.Values) { w.clock.advance(10 * time.Minute) }, 400, "invalid_grant"},
		"just before":           {func(w *world, _ url.Values) { w.clock.advance(10*time.Minute - 1) }, 200, ""},
		"another grant type":    {func(_ *world, f url.Values) { f.Set("grant_type", "password") }, 400, "unsupported_grant_type"},
		"a field that is twice": {func(_ *world, f url.Values) { f.Add("code", "x") }, 400, "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			form := exchangeForm(w.consent(sandbox.Decision{}, nil).Get("code"))
			test.change(w, form)
			a := w.post(sandbox.TokenPath, form)
			if test.code != "" {
				w.wantCode(a, test.status, test.code)
			} else if a.status != test.status {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestACodeThatComesTwiceIsRefused(t *testing.T) {
	for _, revokes := range []bool{false, true} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.CodeReuseRevokes = revokes })
		form := exchangeForm(w.consent(sandbox.Decision{}, nil).Get("code"))
		tokens := w.tokens(w.post(sandbox.TokenPath, form))
		w.wantCode(w.post(sandbox.TokenPath, form), 400, "invalid_grant")
		if got := w.get(tokens.AccessToken, "/events/"+makersCamp).status; (got == http.StatusUnauthorized) != revokes {
			t.Errorf("revokes %v: %d", revokes, got)
		}
	}
}

func TestTheTokenEndpointTakesFormsAlone(t *testing.T) {
	w := newWorld(t)
	w.wantCode(w.must(w.request(http.MethodGet, sandbox.TokenPath, nil)), 405, "method_not_allowed")
	r := w.request(http.MethodPost, sandbox.TokenPath, strings.NewReader(`{"grant_type":"refresh_token"}`))
	r.Header.Set("Content-Type", "application/json")
	w.wantCode(w.must(r), 400, "invalid_request")
}
