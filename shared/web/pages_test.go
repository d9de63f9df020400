package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/web"
	"revento-alerts/test/golden"
)

func TestFromTheLinkToTheConnection(t *testing.T) {
	onBothSides(t, func(t *testing.T, newSite func(string) *site) {
		for _, public := range []string{secure, onHTTP} {
			s := newSite(public)
			state := s.begins(s.link())
			status, body := s.gets(s.callback(state, "code", code))
			if status != http.StatusOK || !strings.Contains(body, "Your event is connected") || s.known.connected != 1 {
				t.Errorf("%s: %d, %d connected: %s", public, status, s.known.connected, body)
			}
			again, repeated := s.gets(s.callback(state, "code", code))
			if again != http.StatusOK || !strings.Contains(repeated, "the first time") || s.known.connected != 1 {
				t.Errorf("%s, again: %d, %d connected: %s", public, again, s.known.connected, repeated)
			}
		}
	})
}

// place is a page that can be seen, and how one gets there.
type place struct {
	name   string
	status int
	visit  func(*site) string // returns the address
}

// connected and the like: what the callback of a flow brings.
func back(more ...string) func(*site) string {
	return func(s *site) string { return s.callback(s.begins(s.link()), more...) }
}

func behind(change func(*site), visit func(*site) string) func(*site) string {
	return func(s *site) string {
		change(s)
		return visit(s)
	}
}

func later(after time.Duration, visit func(*site) string) func(*site) string {
	return func(s *site) string {
		address := visit(s)
		s.clock = s.clock.Add(after)
		return address
	}
}

func at(path string) func(*site) string {
	return func(s *site) string { return s.public.String() + path }
}

var places = []place{
	{"connected", 200, back("code", code)},
	{"connected-before", 200, func(s *site) string {
		address := back("code", code)(s)
		s.gets(address)
		return address
	}},
	{"declined", 200, back("error", "access_denied", "error_description", "The organizer said no.")},
	{"less-scope", 200, behind(func(s *site) { s.revento.tokens.Scope = "event.read" }, back("code", code))},
	{"flow-expired", 400, later(consent.FlowLife, back("code", code))},
	{"other-flow", 400, func(s *site) string {
		address := back("code", code)(s)
		s.browser = nil
		return address
	}},
	{"other-event", 409, behind(func(s *site) { s.revento.tokens.EventID = "evt_other" }, back("code", code))},
	{"other-organization", 409, behind(func(s *site) { s.known.organization = "org_other" }, back("code", code))},
	{"unavailable", 503, back("error", "temporarily_unavailable")},
	{"no-code", 400, back()},
	{"code-refused", 400, behind(func(s *site) { s.revento.err = &revento.Refusal{Status: 400, Code: revento.CodeInvalidGrant} }, back("code", code))},
	{"request-refused", 400, back("error", "invalid_scope", "error_description", "The scope program.read is not declared.")},
	{"incomplete", 400, behind(func(s *site) { s.revento.tokens.OrganizationID = "" }, back("code", code))},
	{"link-wrong", 403, at("/connect?event_id=" + event + "&link=AAAA")},
	{"link-expired", 410, func(s *site) string { return later(consent.LinkLife, (*site).link)(s) }},
	{"event-malformed", 400, at("/connect?event_id=%20")},
	{"not-found", 404, at("/")},
}

// What people see, in which a person has looked at it. The style sheet is left out.
func TestPagesAreAsAPersonSawThem(t *testing.T) {
	link := regexp.MustCompile(`link=[\w-]+`) // its key is random
	onBothSides(t, func(t *testing.T, newSite func(string) *site) {
		for _, place := range places {
			s := newSite(secure)
			status, body := s.gets(place.visit(s))
			if status != place.status {
				t.Errorf("%s is answered %d, want %d", place.name, status, place.status)
			}
			golden.Want(t, place.name+".html", link.ReplaceAllString(withoutStyle(body), "link=LINK"))
		}
	})
}

var styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>\n`)

func withoutStyle(body string) string { return styleElement.ReplaceAllString(body, "") }

func TestEveryAnswerIsUnderAStrictPolicy(t *testing.T) {
	visits := append(slices.Clone(places), place{"to Revento", 303, (*site).link})
	onBothSides(t, func(t *testing.T, newSite func(string) *site) {
		for _, place := range visits {
			for public, transport := range map[string]string{secure: "max-age=31536000", onHTTP: ""} {
				s := newSite(public)
				response := s.asks(http.MethodGet, place.visit(s))
				wantStrict(t, public+", "+place.name, response.Header, transport)
			}
		}
	})
}

var strictPolicy = regexp.MustCompile(`^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; img-src data:; ` +
	`base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`)

func wantStrict(t *testing.T, what string, header http.Header, transport string) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control":                "no-store",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security":    transport,
		"Access-Control-Allow-Origin":  "",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %s is %q, not %q", what, name, got, want)
		}
	}
	if policy := header.Get("Content-Security-Policy"); !strictPolicy.MatchString(policy) {
		t.Errorf("%s: the policy is %q", what, policy)
	}
}

func TestThePolicyAllowsTheStyleSheetThatIsThere(t *testing.T) {
	s := newSite(t, secure)
	response := s.asks(http.MethodGet, s.public.String()+"/connect")
	policy := response.Header.Get("Content-Security-Policy")
	_, body := s.gets(s.public.String() + "/connect")
	found := styleElement.FindStringSubmatch(body)
	if found == nil {
		t.Fatal("there is no style sheet")
	}
	hash := sha256.Sum256([]byte(found[1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"; !strings.Contains(policy, want) {
		t.Errorf("the policy %q does not allow %s", policy, want)
	}
}

func TestPagesNeedNoScriptAndLoadNothing(t *testing.T) {
	forbidden := regexp.MustCompile(`(?i)<script|\son[a-z]+=|\sstyle=|javascript:|@import|url\(|<iframe|<form|<img|http-equiv|src=|href="(//|http://)`)
	for _, place := range places {
		s := newSite(t, secure)
		if _, body := s.gets(place.visit(s)); forbidden.MatchString(body) {
			t.Errorf("%s has %q", place.name, forbidden.FindString(body))
		}
	}
}

// The cookie's attributes are ASVS 3.3.1 to 3.3.4's.
func TestAFlowsCookieIsBoundToItsHost(t *testing.T) {
	for _, test := range []struct {
		public, name string
		secure       bool
	}{{secure, `^__Host-flow-[0-9a-f]{16}$`, true}, {onHTTP, `^flow-[0-9a-f]{16}$`, false}} {
		s := newSite(t, test.public)
		set := s.asks(http.MethodGet, s.link()).Cookies()
		if len(set) != 1 {
			t.Fatalf("%s: %v", test.public, set)
		}
		got := set[0]
		if !regexp.MustCompile(test.name).MatchString(got.Name) || got.Secure != test.secure || !got.HttpOnly || got.Path != "/" || got.Domain != "" ||
			got.SameSite != http.SameSiteLaxMode || got.MaxAge != int(consent.CookieLife.Seconds()) || len(got.Name)+len(got.Value) > 4096 {
			t.Errorf("%s: %s", test.public, got)
		}
	}
}

func TestTwoTabsDoNotEndEachOther(t *testing.T) {
	s := newSite(t, secure)
	first, second := s.begins(s.link()), s.begins(s.link())
	for _, state := range []string{first, second} {
		if status, body := s.gets(s.callback(state, "code", code)); status != http.StatusOK || strings.Contains(body, "the first time") {
			t.Errorf("%d: %s", status, body)
		}
	}
	if s.known.connected != 2 {
		t.Errorf("%d connected", s.known.connected)
	}
}

func TestABrowserKeepsNoMoreThanAFewFlows(t *testing.T) {
	s := newSite(t, secure)
	s.browser = jar{{Name: "another", Value: "site"}}
	var states []string
	for range 12 {
		states = append(states, s.begins(s.link()))
	}
	if len(s.browser) != 6 {
		t.Errorf("%d cookies: %v", len(s.browser), s.browser)
	}
	if status, _ := s.gets(s.callback(states[11], "code", code)); status != http.StatusOK {
		t.Errorf("the newest flow is answered %d", status)
	}
	if status, _ := s.gets(s.callback(states[7], "code", code)); status != http.StatusOK {
		t.Errorf("the oldest flow that is kept is answered %d", status)
	}
	if status, _ := s.gets(s.callback(states[6], "code", code)); status != http.StatusBadRequest {
		t.Errorf("an older flow is answered %d", status)
	}
}

func TestAskedUnderAnotherLoopbackNameThePageIsThePublicOnes(t *testing.T) {
	for _, test := range []struct {
		public, address string
		want            string // where it goes on to; "": it is answered
	}{
		{onHTTP, "http://localhost:3000/connect?event_id=a%26b&link=c", "http://127.0.0.1:3000/connect?event_id=a%26b&link=c"},
		{onHTTP, "http://[::1]:3000/oauth/callback?state=s&code=c", "http://127.0.0.1:3000/oauth/callback?state=s&code=c"},
		{onHTTP, "http://127.0.0.2:3000/connect", "http://127.0.0.1:3000/connect"},
		{onHTTP, "http://LOCALHOST/connect", "http://127.0.0.1:3000/connect"},
		{"http://localhost:3000", "http://127.0.0.1:3000/connect", "http://localhost:3000/connect"},
		{"http://localhost:3000", "http://LocalHost:3000/connect", ""},
		{onHTTP, "http://127.0.0.1:3000/connect", ""},
		{onHTTP, "http://127.0.0.1:8080/connect", ""}, // a tunnel
		{onHTTP, "http://evil.example/connect", ""},
		{onHTTP, "http://localhost:3000/another", ""},
		{secure, "http://localhost:3000/connect", ""},
		{secure, "http://evil.example/connect", ""},
		{secure, "http://" + host + "/connect", ""},
	} {
		s := newSite(t, test.public)
		response := s.asks(http.MethodGet, test.address)
		if got := response.Header.Get("Location"); got != test.want || (test.want != "") != (response.StatusCode == http.StatusSeeOther) {
			t.Errorf("%s asked for %s goes on to %q (%d), want %q", test.public, test.address, got, response.StatusCode, test.want)
		}
	}
}

// The addresses on a page, and where a link leads, are the public URL's and Revento's, whatever a browser says of itself.
func TestNoHeaderDecidesAnAddress(t *testing.T) {
	s := newSite(t, secure)
	link := strings.Replace(s.link(), host, "evil.example", 1) + "&redirect_uri=https://evil.example&next=//evil.example&return=/%5Cevil.example"
	if location := s.asks(http.MethodGet, link).Header.Get("Location"); strings.Contains(location, "evil") || !strings.HasPrefix(location, atAuth) {
		t.Errorf("on to %q", location)
	}
	address := strings.Replace(back("error", "access_denied")(s), host, "evil.example", 1)
	if _, body := s.gets(address); strings.Contains(body, "evil") || !strings.Contains(body, `href="`+secure+"/connect?") {
		t.Errorf("the page: %s", withoutStyle(body))
	}
}

// "Try again" begins another flow with the same link.
func TestWhoDeclinedCanTryAgain(t *testing.T) {
	s := newSite(t, secure)
	status, body := s.gets(back("error", "access_denied")(s))
	found := regexp.MustCompile(`<a class="button" href="([^"]+)">Try again</a>`).FindStringSubmatch(body)
	if status != http.StatusOK || found == nil {
		t.Fatalf("%d: %s", status, withoutStyle(body))
	}
	if status, body := s.gets(s.callback(s.begins(html.UnescapeString(found[1])), "code", code)); status != http.StatusOK || s.known.connected != 1 {
		t.Errorf("%d: %s", status, withoutStyle(body))
	}
}

func TestOnlyGETIsAnswered(t *testing.T) {
	s := newSite(t, secure)
	address := back("code", code)(s)
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "CANARY"} {
		if response := s.asks(method, address); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != http.MethodGet {
			t.Errorf("%s is answered %d, allow %q", method, response.StatusCode, response.Header.Get("Allow"))
		}
	}
	if status, _ := s.gets(address); status != http.StatusOK || s.known.connected != 1 {
		t.Errorf("then GET is answered %d, %d connected", status, s.known.connected)
	}
}

func TestWhatIsThereTwiceIsNotThere(t *testing.T) {
	s := newSite(t, secure)
	if status, _ := s.gets(s.link() + "&event_id=" + event); status != http.StatusBadRequest {
		t.Errorf("an event twice is answered %d", status)
	}
	if status, _ := s.gets(s.link() + "&link=x"); status != http.StatusForbidden {
		t.Errorf("a link twice is answered %d", status)
	}
	if status, body := s.gets(back("code", code)(s) + "&code=other"); status != http.StatusBadRequest || s.known.connected > 0 {
		t.Errorf("a code twice is answered %d: %s", status, withoutStyle(body))
	}
}

// Markup, what is hidden, and text without end.
const hostile = "<script>canary</script>\"'><b onclick=x>\u202e\u200b\x1b[2J\n javascript:canary"

func TestWhatAStrangerWritesIsTextAndShort(t *testing.T) {
	s := newSite(t, secure)
	_, body := s.gets(back("error", "invalid_scope", "error_description", hostile+strings.Repeat("long ", 1000))(s))
	if strings.Contains(body, "<script") || strings.Contains(body, "<b ") || strings.ContainsAny(body, "\u202e\u200b\x1b") || strings.Count(body, "long") > 50 {
		t.Errorf("the page: %s", withoutStyle(body))
	}
	for _, address := range []string{"/connect?event_id=" + hostileQuery, "/connect?event_id=evt_%3Cscript%3Ecanary&link=canary", "/oauth/callback?state=" + hostileQuery +
		"&error=" + hostileQuery + "&error_description=" + hostileQuery, "/canary%3Cscript%3E"} {
		if status, body := s.gets(secure + address); status < 400 || strings.Contains(body, "canary") {
			t.Errorf("%s is answered %d: %s", address, status, withoutStyle(body))
		}
	}
}

const hostileQuery = "%3Cscript%3Ecanary%3C/script%3E%0d%0aSet-Cookie:canary"

// Neither a page, a header nor the log tells a token, a code or a verifier; and the log nothing that an address holds.
func TestNothingSecretIsTold(t *testing.T) {
	for _, place := range places {
		s := newSite(t, secure)
		address := place.visit(s)
		before := s.log.Len()
		response := s.asks(http.MethodGet, address+"&error_uri=canary&canary=canary")
		_, body := s.gets(address)
		told := body + fmt.Sprint(response.Header) + s.log.String()
		for _, hidden := range []string{code, access, refresh, s.revento.verifier} {
			if hidden != "" && strings.Contains(told, hidden) {
				t.Errorf("%s: %q is told in %s", place.name, hidden, told)
			}
		}
		for _, text := range []string{"canary", "AAAA", "organizer said", "not declared"} {
			if line := s.log.String()[before:]; strings.Contains(line, text) {
				t.Errorf("%s: %q of the address is in the log: %s", place.name, text, line)
			}
		}
	}
}

func TestEachRequestIsOneLine(t *testing.T) {
	for _, place := range places {
		s := newSite(t, secure)
		address := place.visit(s)
		s.log.Reset()
		s.gets(address)
		var line struct {
			Message string `json:"msg"`
			Level   string
			Code    int
			Outcome string
			Method  string
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(s.log.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v: %s", place.name, err, s.log)
		}
		isCallback := strings.Contains(address, "/oauth/callback") && line.Outcome != "other_flow"
		if line.Message != "page" || line.Code != place.status || line.Outcome == "" || line.Method != "GET" || (line.EventID != "") != isCallback {
			t.Errorf("%s: %s", place.name, s.log)
		}
		if isWrong := line.Outcome == "other_event" || line.Outcome == "other_organization"; isWrong != (line.Level == "ERROR") {
			t.Errorf("%s: the level is %s", place.name, line.Level)
		}
		counted := line.Outcome
		if place.name == "connected-before" {
			counted = "replayed"
		}
		if !strings.Contains(s.log.String(), `"page_`+counted+`":1`) || strings.Count(s.log.String(), `"page_`) != 1 {
			t.Errorf("%s is not counted: %s", place.name, s.log)
		}
	}
}

func TestWhoComesTooEarlyIsToldWhenToComeAgain(t *testing.T) {
	s := newSite(t, secure)
	response := s.asks(http.MethodGet, back("error", "server_error")(s))
	if got := response.Header.Get("Retry-After"); got != "60" {
		t.Errorf("Retry-After is %q", got)
	}
}

func TestPathsAreThoseThatAreAnswered(t *testing.T) {
	s := newSite(t, secure)
	for _, path := range web.Paths() {
		if status, _ := s.gets(secure + path); status == http.StatusNotFound {
			t.Errorf("%s is answered %d", path, status)
		}
	}
	for _, path := range []string{"/", "/connect/", "/connect/x", "/oauth/callback/", "/oauth", "/oauth//callback", "/webhooks/revento", "/favicon.ico"} {
		if response := s.asks(http.MethodGet, secure+path); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, response.StatusCode)
		}
	}
}

// Whatever a browser sends, it gets a page, of which nothing is its own markup, and nothing is connected.
func FuzzNoRequestGetsMoreThanAPage(f *testing.F) {
	f.Add("event_id=evt_1&link=AAAA", "flow-1=x")
	f.Add("state="+strings.Repeat("A", 43)+"&code=c", "__Host-flow-0123456789abcdef=1.0123456789abcdef.AAAA")
	f.Add("state=%zz&error=access_denied;x", "a=\"b; c")
	f.Fuzz(func(t *testing.T, query, cookies string) {
		s := newSite(t, secure)
		for _, path := range web.Paths() {
			r := httptest.NewRequest(http.MethodGet, secure+path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Cookie", cookies)
			recorded := httptest.NewRecorder()
			s.pages.ServeHTTP(recorded, r)
			body := withoutStyle(recorded.Body.String())
			if recorded.Code < 400 || recorded.Code >= 500 || s.known.connected > 0 || strings.Contains(body, "<script") {
				t.Errorf("%s is answered %d, %d connected: %s", path, recorded.Code, s.known.connected, body)
			}
		}
	})
}
