package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/client"
)

// canary is in every token, code and secret that is sent or answered.
const canary = "CANARY"

// double answers as a test says, and keeps what it was asked.
type double struct {
	*testing.T
	client *client.Client
	vault  string
	server string

	mu      sync.Mutex
	asked   []*http.Request
	forms   []url.Values
	answers []http.HandlerFunc
}

func newDouble(t *testing.T, answers ...http.HandlerFunc) *double {
	t.Helper()
	d := &double{T: t, answers: answers, vault: canary + "_secret"}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.server = server.URL
	fetch := func(context.Context) (string, error) { return d.vault, nil }
	d.client = client.New(client.Options{
		AuthURL: server.URL, APIURL: server.URL + "/api/v1", ClientID: "client_1", RedirectURI: "http://127.0.0.1:3000/oauth/callback",
		Secrets: secret.NewHolder(fetch, secret.ParseClient, time.Hour, time.Now), Now: time.Now,
	})
	return d
}

// ServeHTTP gives each request the next answer, and the last one to all that follow.
func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	_ = r.ParseForm()
	d.asked, d.forms = append(d.asked, r), append(d.forms, r.PostForm)
	answer := d.answers[0]
	if len(d.answers) > 1 {
		d.answers = d.answers[1:]
	}
	d.mu.Unlock()
	answer(w, r)
}

// requests are those that came, also where one was cut off and its handler is not over.
func (d *double) requests() []*http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func refuses(status int, code string) http.HandlerFunc {
	return answers(status, fmt.Sprintf(`{"error":%q,"message":"%s","request_id":"%s"}`, code, canary, canary))
}

func drops(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

var access = revento.NewAccess("evt/1 é", secret.Hide("rev_install_"+canary))

const tokensBody = `{"access_token":"rev_install_CANARY","refresh_token":"rev_refresh_CANARY","token_type":"Bearer","expires_in":3600,
	"refresh_expires_in":7776000,"scope":"event.read participants.read","event_id":"evt_1","organization_id":"org_1"}`

func (d *double) wantFailure(err error, class fault.Class, reason string) {
	d.Helper()
	if err == nil {
		d.Fatal("it succeeded")
	}
	if got := fault.Of(err); got.Class != class || got.Reason != reason || got.Op == "" {
		d.Errorf("the failure is %q, %s %s, want %s %s", got.Op, got.Class, got.Reason, class, reason)
	}
	shown := fmt.Sprintf("%v %+v %#v", err, err, err)
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		shown += fmt.Sprintf("%v %#v", cause, cause)
	}
	if strings.Contains(shown, canary) {
		d.Errorf("the error holds what was sent or answered: %s", shown)
	}
}

func TestTheAuthorizeURLAsksForAllThatTheGuideNames(t *testing.T) {
	d := newDouble(t)
	verifier := client.NewVerifier()
	address, err := url.Parse(d.client.AuthorizeURL("evt_1", "state_1", verifier, []string{"event.read", "program.read"}))
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	if len(verifier) < 43 || strings.Contains(address.String(), verifier) || query.Get("code_challenge") == "" {
		t.Errorf("the verifier %q, the address %s", verifier, address)
	}
	query.Del("code_challenge")
	want := url.Values{
		"response_type": {"code"}, "client_id": {"client_1"}, "redirect_uri": {"http://127.0.0.1:3000/oauth/callback"},
		"scope": {"event.read program.read"}, "event_id": {"evt_1"}, "state": {"state_1"}, "code_challenge_method": {"S256"},
	}
	if address.Path != "/oauth/authorize" || query.Encode() != want.Encode() {
		t.Errorf("it asks at %s for %s, want %s", address.Path, query.Encode(), want.Encode())
	}
}

func TestACodeIsExchangedInOneRequest(t *testing.T) {
	d := newDouble(t, answers(200, tokensBody, "Content-Type", "application/json"))
	tokens, err := d.client.Exchange(t.Context(), "code_1", "verifier_1")
	if err != nil {
		t.Fatal(err)
	}
	d.wantTokens(tokens)
	d.wantForms(url.Values{
		"grant_type": {"authorization_code"}, "code": {"code_1"}, "code_verifier": {"verifier_1"}, "client_id": {"client_1"},
		"client_secret": {canary + "_secret"}, "redirect_uri": {"http://127.0.0.1:3000/oauth/callback"},
	})
	if got := d.asked[0].Header.Get("Authorization"); got != "" {
		t.Errorf("it authenticates in a header, too: %s", got)
	}
}

func (d *double) wantForms(want ...url.Values) {
	d.Helper()
	if len(d.forms) != len(want) {
		d.Fatalf("%d requests, want %d: %v", len(d.forms), len(want), d.forms)
	}
	for i, form := range d.forms {
		if form.Encode() != want[i].Encode() {
			d.Errorf("request %d sends %s, want %s", i, form.Encode(), want[i].Encode())
		}
	}
}

func (d *double) wantTokens(tokens revento.Tokens) {
	d.Helper()
	if tokens.Access.Show() != "rev_install_CANARY" || tokens.Refresh.Show() != "rev_refresh_CANARY" || tokens.AccessLife != time.Hour ||
		tokens.RefreshLife != 90*24*time.Hour || tokens.Scope != "event.read participants.read" || tokens.EventID != "evt_1" ||
		tokens.OrganizationID != "org_1" {
		d.Errorf("the tokens are %+v", tokens)
	}
}

func TestARefreshIsOneRequest(t *testing.T) {
	d := newDouble(t, answers(200, tokensBody))
	tokens, err := d.client.Refresh(t.Context(), secret.Hide("secret_1"), secret.Hide("rev_refresh_old"))
	if err != nil {
		t.Fatal(err)
	}
	d.wantTokens(tokens)
	d.wantForms(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"rev_refresh_old"}, "client_id": {"client_1"}, "client_secret": {"secret_1"},
	})
}

// redeems are the ways of redeeming something that is good for one time.
var redeems = map[string]func(ctx context.Context, c *client.Client) (revento.Tokens, error){
	"a code": func(ctx context.Context, c *client.Client) (revento.Tokens, error) {
		return c.Exchange(ctx, canary+"_code", canary+"_verifier")
	},
	"a refresh token": func(ctx context.Context, c *client.Client) (revento.Tokens, error) {
		return c.Refresh(ctx, secret.Hide(canary+"_secret"), secret.Hide("rev_refresh_"+canary))
	},
}

// Whatever is answered, one request is sent: a second one would redeem what the first one has.
func TestARedemptionThatFailsIsClassifiedAndNotRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		class  fault.Class
		reason string
		code   string
	}{
		"invalid_grant":             {refuses(400, "invalid_grant"), fault.Permanent, "invalid_grant", "invalid_grant"},
		"invalid_scope":             {refuses(400, "invalid_scope"), fault.Permanent, "invalid_scope", "invalid_scope"},
		"a code of no form":         {refuses(400, canary+" {}"), fault.Permanent, "http_400", ""},
		"a page":                    {answers(403, "<html>"+canary), fault.Permanent, "http_403", ""},
		"429":                       {refuses(429, "rate_limit_exceeded"), fault.Throttled, "rate_limit_exceeded", "rate_limit_exceeded"},
		"500":                       {refuses(500, "server_error"), fault.Unknown, "server_error", "server_error"},
		"a gateway's page":          {answers(502, "<html>"+canary), fault.Unknown, "http_502", ""},
		"no answer":                 {drops, fault.Unknown, "connection_lost", ""},
		"half an answer":            {answers(200, tokensBody[:60], "Content-Length", "500"), fault.Unknown, "connection_lost", ""},
		"no JSON":                   {answers(200, canary), fault.Unknown, "unreadable_answer", ""},
		"no token":                  {answers(200, `{"refresh_token":"CANARY"}`), fault.Unknown, "unreadable_answer", ""},
		"a token that is none":      {answers(200, `{"access_token":"CANARY \r\nX: y","refresh_token":"CANARY"}`), fault.Unknown, "unreadable_answer", ""},
		"another kind of token":     {answers(200, `{"access_token":"CANARY","token_type":"mac"}`), fault.Unknown, "unreadable_answer", ""},
		"an error that is a 200":    {answers(200, `{"error":"invalid_grant"}`), fault.Permanent, "invalid_grant", "invalid_grant"},
		"a redirect, elsewhere":     {answers(307, canary, "Location", "http://127.0.0.1:1/elsewhere"), fault.Permanent, "http_307", ""},
		"a redirect, here":          {answers(308, canary, "Location", "/again"), fault.Permanent, "http_308", ""},
		"a redirect, to no address": {answers(302, canary, "Location", "%zz"), fault.Unknown, "connection_lost", ""},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(canary, 1<<20)))
		}, fault.Unknown, "answer_too_large", ""},
	} {
		for way, redeem := range redeems {
			t.Run(name+", "+way, func(t *testing.T) {
				d := newDouble(t, test.answer)
				_, err := redeem(t.Context(), d.client)
				d.wantFailure(err, test.class, test.reason)
				if got := revento.CodeOf(err); got != test.code {
					t.Errorf("the code is %q, want %q", got, test.code)
				}
				if len(d.requests()) != 1 {
					t.Errorf("%d requests, want 1", len(d.requests()))
				}
			})
		}
	}
}

func TestWhatIsRedeemedWithoutAConnectionIsStillGood(t *testing.T) {
	for way, redeem := range redeems {
		d := newDouble(t)
		nowhere := client.New(client.Options{
			AuthURL: "http://127.0.0.1:1", ClientID: "client_1", Now: time.Now,
			Secrets: secret.NewHolder(secret.Static(canary), secret.ParseClient, time.Hour, time.Now),
		})
		_, err := redeem(t.Context(), nowhere)
		if fault.Of(err).Class != fault.Transient {
			t.Errorf("%s: %v", way, err)
		}
		d.wantFailure(err, fault.Transient, "no_connection")
	}
}

func TestTheBrowsersEndDoesNotCutOffAnExchange(t *testing.T) {
	d := newDouble(t, answers(200, tokensBody))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := d.client.Exchange(ctx, "code_1", "verifier_1"); err != nil {
		t.Error(err)
	}
}

func TestAnExchangeTriesTheOtherSecretOnce(t *testing.T) {
	d := newDouble(t, refuses(401, "invalid_client"), answers(200, tokensBody))
	d.vault = canary + "_new," + canary + "_old"
	tokens, err := d.client.Exchange(t.Context(), "code_1", "verifier_1")
	if err != nil {
		t.Fatal(err)
	}
	d.wantTokens(tokens)
	if got := d.forms[1].Get("client_secret"); len(d.forms) != 2 || got != canary+"_old" {
		t.Errorf("%d requests, the second with %s", len(d.forms), got)
	}
	d = newDouble(t, refuses(401, "invalid_client"))
	d.vault = canary + "_new," + canary + "_old"
	_, err = d.client.Exchange(t.Context(), "code_1", "verifier_1")
	d.wantFailure(err, fault.Permanent, "invalid_client")
	if len(d.forms) != 2 {
		t.Errorf("%d requests, want 2", len(d.forms))
	}
	d = newDouble(t, refuses(401, "invalid_client"))
	_, err = d.client.Exchange(t.Context(), "code_1", "verifier_1")
	d.wantFailure(err, fault.Permanent, "invalid_client")
	if len(d.forms) != 1 {
		t.Errorf("%d requests with one secret, want 1", len(d.forms))
	}
}

func TestACallSendsWhatTheGuideAsksFor(t *testing.T) {
	d := newDouble(t, answers(200, `{"title":"Camp","start_date":"2026-07-01","end_date":"2026-07-05","publish_status":"published"}`))
	event, reply, err := d.client.Event(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	if event.Name != "Camp" || event.StartDate != "2026-07-01" || event.EndDate != "2026-07-05" || event.PublishStatus != "published" {
		t.Errorf("the event is %+v", event)
	}
	asked := d.asked[0]
	want := map[string]string{
		"Authorization": "Bearer rev_install_" + canary, "Accept": "application/vnd.revento.v1+json", "X-Revento-Request-Id": reply.RequestID,
	}
	for name, value := range want {
		if got := asked.Header.Get(name); got != value || value == "" {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if got := asked.URL.EscapedPath(); got != "/api/v1/events/evt%2F1%20%C3%A9" || asked.Method != http.MethodGet {
		t.Errorf("it asks %s %s", asked.Method, got)
	}
	if _, second, _ := d.client.Event(t.Context(), access); second.RequestID == reply.RequestID {
		t.Error("two requests have one id")
	}
}

func TestATokenOfNoEventAsksNothing(t *testing.T) {
	for _, event := range []string{"", ".", ".."} {
		d := newDouble(t, answers(200, `{}`))
		_, _, err := d.client.Event(t.Context(), revento.NewAccess(event, secret.Hide(canary)))
		d.wantFailure(err, fault.Permanent, "token_of_no_event")
		if len(d.requests()) != 0 {
			t.Errorf("%q: it asks %s", event, d.asked[0].URL)
		}
	}
}

func TestAPageIsReadWithItsCursor(t *testing.T) {
	d := newDouble(t, answers(200, `{"data":[{"id":"par_1"},{"id":"par_2"}],"next_cursor":"a b","has_more":true}`),
		answers(200, `{"data":[],"next_cursor":"stale","has_more":false}`))
	page, _, err := d.client.List(t.Context(), access, client.Participants, "")
	if err != nil || len(page.Rows) != 2 || string(page.Rows[1]) != `{"id":"par_2"}` || !page.More || page.Next != "a b" {
		t.Errorf("the first page: %+v, %v", page, err)
	}
	page, _, err = d.client.List(t.Context(), access, client.Participants, page.Next)
	if err != nil || len(page.Rows) != 0 || page.More || page.Next != "" {
		t.Errorf("the second page: %+v, %v", page, err)
	}
	var got []string
	for _, asked := range d.asked {
		got = append(got, asked.URL.Path+"?"+asked.URL.RawQuery)
	}
	want := []string{"/api/v1/events/evt/1 é/participants?limit=50", "/api/v1/events/evt/1 é/participants?cursor=a+b&limit=50"}
	if !slices.Equal(got, want) {
		t.Errorf("it asks for %q, want %q", got, want)
	}
}

// A page that does not say whether there is more, or what there is, is no page: nobody may be declared gone by it.
func TestAPageThatIsNotWholeIsUnreadable(t *testing.T) {
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"data":[]}`, `{"has_more":false}`, `{"data":null,"has_more":false}`, `{"data":[],"has_more":null}`,
		`{"data":[],"has_more":true}`, `{"data":[],"has_more":true,"next_cursor":null}`, `{"data":{},"has_more":false}`,
		`{"data":[],"has_more":"no"}`, `{"data":["CANARY"],"has_more":false`,
	} {
		d := newDouble(t, answers(200, body))
		_, _, err := d.client.List(t.Context(), access, client.Participants, "")
		d.wantFailure(err, fault.Transient, "unreadable_answer")
	}
}

func TestACallThatFailsIsClassifiedAndNotRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		class  fault.Class
		reason string
		wait   time.Duration
	}{
		"token_expired":        {refuses(401, "token_expired"), fault.Permanent, "token_expired", 0},
		"token_revoked":        {refuses(401, "token_revoked"), fault.Permanent, "token_revoked", 0},
		"another event":        {refuses(403, "event_not_authorized"), fault.Permanent, "event_not_authorized", 0},
		"not found":            {answers(404, canary), fault.Permanent, "http_404", 0},
		"429 with a time":      {answers(429, `{"error":"rate_limit_exceeded"}`, "Retry-After", "17"), fault.Throttled, "rate_limit_exceeded", 17 * time.Second},
		"429 for ever":         {answers(429, `{"error":"rate_limit_exceeded"}`, "Retry-After", "4000000000"), fault.Throttled, "rate_limit_exceeded", 24 * time.Hour},
		"429 in flight":        {refuses(429, "concurrent_limit_exceeded"), fault.Throttled, "concurrent_limit_exceeded", 0},
		"503 with a time":      {answers(503, canary, "Retry-After", "5"), fault.Transient, "http_503", 5 * time.Second},
		"408":                  {answers(408, canary), fault.Transient, "http_408", 0},
		"no answer":            {drops, fault.Transient, "connection_lost", 0},
		"a redirect elsewhere": {answers(302, canary, "Location", "http://127.0.0.1:1/"), fault.Permanent, "http_302", 0},
		"no JSON":              {answers(200, canary), fault.Transient, "unreadable_answer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, test.answer)
			_, reply, err := d.client.Event(t.Context(), access)
			d.wantFailure(err, test.class, test.reason)
			if got := fault.Of(err).RetryAfter; got != test.wait {
				t.Errorf("it asks to wait %s, want %s", got, test.wait)
			}
			if refusal, ok := errors.AsType[*revento.Refusal](err); ok && (refusal.RequestID != reply.RequestID || reply.RequestID == "") {
				t.Errorf("the refusal is of the request %q, want %q", refusal.RequestID, reply.RequestID)
			}
			if len(d.requests()) != 1 {
				t.Errorf("%d requests, want 1", len(d.requests()))
			}
		})
	}
}

func TestWhatIsLeftIsReadByReventosClock(t *testing.T) {
	date := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	reset := func(at time.Time) string { return fmt.Sprint(at.Unix()) }
	dated := date.Format(http.TimeFormat)
	for name, test := range map[string]struct {
		headers []string
		want    revento.Allowance
	}{
		"nothing told":        {[]string{"Date", dated}, revento.Allowance{}},
		"some":                {[]string{"Date", dated, "X-RateLimit-Remaining", "7", "X-RateLimit-Reset", reset(date.Add(time.Minute))}, revento.Allowance{Known: true, Remaining: 7, ResetIn: time.Minute}},
		"none":                {[]string{"Date", dated, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset(date.Add(time.Minute))}, revento.Allowance{Known: true, ResetIn: time.Minute}},
		"over already":        {[]string{"Date", dated, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset(date.Add(-time.Minute))}, revento.Allowance{Known: true}},
		"in years":            {[]string{"Date", dated, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "99999999999"}, revento.Allowance{Known: true, ResetIn: time.Hour}},
		"no time":             {[]string{"Date", dated, "X-RateLimit-Remaining", "0"}, revento.Allowance{Known: true, ResetIn: time.Hour}},
		"a remaining of none": {[]string{"Date", dated, "X-RateLimit-Remaining", "few"}, revento.Allowance{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{200, 429} {
				d := newDouble(t, answers(status, `{}`, test.headers...))
				_, reply, _ := d.client.Event(t.Context(), access)
				if reply.Allowance != test.want || !reply.Date.Equal(date) {
					t.Errorf("%d: %+v at %s, want %+v", status, reply.Allowance, reply.Date, test.want)
				}
			}
		})
	}
}

func TestADocumentIsWhatWasAnswered(t *testing.T) {
	const body = `{"name":"Camp","extra":{"deep":[1,2]}}`
	d := newDouble(t, answers(200, body))
	event, _, err := d.client.Event(t.Context(), access)
	if err != nil || event.Name != "Camp" || !json.Valid(event.Document) || string(event.Document) != body {
		t.Errorf("%+v, %v", event, err)
	}
}

// Without a token Revento owes no more than a refusal: any answer shows that it is reached, and nobody is named in what is asked.
func TestAnyAnswerShowsThatReventoIsReached(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a refusal": refuses(http.StatusUnauthorized, "invalid_token"), "nothing there": answers(http.StatusNotFound, "no"), "a page": answers(http.StatusOK, "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, answer)
			if err := d.client.Reach(t.Context(), d.server+"/api/v1"); err != nil {
				t.Errorf("not reached: %v", err)
			}
			for _, request := range d.requests() {
				if request.Header.Get("Authorization") != "" || request.URL.RawQuery != "" {
					t.Errorf("it names somebody: %v", request.Header)
				}
			}
		})
	}
	d := newDouble(t, drops)
	d.wantFailure(d.client.Reach(t.Context(), d.server), fault.Transient, "connection_lost")
	d.wantFailure(d.client.Reach(t.Context(), "http://127.0.0.1:1"), fault.Transient, "no_connection")
	d.wantFailure(d.client.Reach(t.Context(), ":"), fault.Permanent, "unmade")
}
