package awslambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/connection/consent"
)

// pageEvent is what API Gateway hands over, as its documentation shows it.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
const pageEvent = `{
	"version": "2.0", "routeKey": "GET /connect", "rawPath": "/connect", "rawQueryString": "a=1&a=2&b=%26%20c",
	"cookies": ["__Host-flow-1=v1", "other=a=b"],
	"headers": {"host": "alerts.example.com", "accept-language": "de,en", "x-repeated": "1,2"},
	"queryStringParameters": {"a": "1,2", "b": "& c"},
	"requestContext": {
		"domainName": "id.execute-api.eu-central-1.amazonaws.com", "stage": "$default",
		"http": {"method": "GET", "path": "/connect", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x"}
	},
	"isBase64Encoded": false
}`

// handed is what a handler sees of an event, and what API Gateway gets back.
func handed(t *testing.T, change func(*Request), handler http.HandlerFunc) (seen *http.Request, response Response) {
	t.Helper()
	var event Request
	if err := json.Unmarshal([]byte(pageEvent), &event); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&event)
	}
	response, err := Pages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		if handler != nil {
			handler(w, r)
		}
	}))(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return seen, response
}

func TestAPageSeesTheRequest(t *testing.T) {
	r, _ := handed(t, nil, nil)
	if r.Method != http.MethodGet || r.URL.String() != "/connect?a=1&a=2&b=%26%20c" || r.RequestURI != r.URL.String() || r.Host != "alerts.example.com" ||
		r.RemoteAddr != "192.0.2.1" {
		t.Errorf("%s %s (%s) of %s from %s", r.Method, r.URL, r.RequestURI, r.Host, r.RemoteAddr)
	}
	if diff := cmp.Diff([]string{"1", "2"}, r.URL.Query()["a"]); diff != "" || r.URL.Query().Get("b") != "& c" {
		t.Errorf("the query: %v %s", r.URL.Query(), diff)
	}
	if r.Header.Get("Accept-Language") != "de,en" || r.Header.Get("X-Repeated") != "1,2" || len(r.Header["Host"]) > 0 {
		t.Errorf("the headers: %v", r.Header)
	}
	var cookies []string
	for _, cookie := range r.Cookies() {
		cookies = append(cookies, cookie.Name+": "+cookie.Value)
	}
	if diff := cmp.Diff([]string{"__Host-flow-1: v1", "other: a=b"}, cookies); diff != "" {
		t.Error(diff)
	}
}

func TestAPageSeesTheCookiesOfALocalGateway(t *testing.T) {
	r, _ := handed(t, func(event *Request) { event.Cookies, event.Headers["Cookie"] = nil, "a=1; b=2" }, nil)
	if len(r.Cookies()) != 2 {
		t.Errorf("%v", r.Cookies())
	}
}

func TestWithoutAHostThePageSeesTheDomain(t *testing.T) {
	r, _ := handed(t, func(event *Request) { delete(event.Headers, "host") }, nil)
	if r.Host != "id.execute-api.eu-central-1.amazonaws.com" {
		t.Errorf("host %q", r.Host)
	}
}

func TestAPageSeesTheBody(t *testing.T) {
	for _, c := range []struct {
		body     string
		isBase64 bool
		want     string
	}{{"a=1", false, "a=1"}, {base64.StdEncoding.EncodeToString([]byte("a=\xff")), true, "a=\xff"}, {"", false, ""}} {
		r, _ := handed(t, func(event *Request) {
			event.RequestContext.HTTP.Method, event.Body, event.IsBase64Encoded = http.MethodPost, c.body, c.isBase64
		}, nil)
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != c.want || r.ContentLength != int64(len(c.want)) {
			t.Errorf("%q (%d), %v, want %q", got, r.ContentLength, err, c.want)
		}
	}
}

// told is what a function answers to events whose stage's variables are these, in order; each page says where it is.
func told(t *testing.T, stages ...map[string]string) (bodies []string, made int, err error) {
	t.Helper()
	handle := PagesOfStage(func(public consent.PublicURL) http.Handler {
		made++
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, public.RedirectURI()) })
	})
	for _, variables := range stages {
		response, failure := handle(t.Context(), Request{RawPath: "/connect", StageVariables: variables})
		bodies, err = append(bodies, response.Body), errors.Join(err, failure)
	}
	return bodies, made, err
}

func TestAStageTellsWhereThePagesAre(t *testing.T) {
	first, second := map[string]string{"public_url": "https://a.example"}, map[string]string{"public_url": "https://b.example"}
	bodies, made, err := told(t, first, first, second)
	want := []string{"https://a.example/oauth/callback", "https://a.example/oauth/callback", "https://b.example/oauth/callback"}
	if diff := cmp.Diff(want, bodies); diff != "" || made != 2 || err != nil {
		t.Errorf("made %d times, want 2; %v: %s", made, err, diff)
	}
}

// Host is what a browser sends: an invocation that fails tells an operator, and nobody is sent anywhere.
func TestWhereAStageDoesNotTellNothingStandsIn(t *testing.T) {
	for _, variables := range []map[string]string{nil, {"public_url": ""}, {"public_url": "http://a.example"}} {
		if bodies, made, err := told(t, variables); err == nil || made > 0 || bodies[0] != "" || !strings.Contains(err.Error(), "public_url") {
			t.Errorf("%v: %q, made %d times, %v", variables, bodies, made, err)
		}
	}
}

func TestAnEventThatIsNoRequestIsMalformed(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"a body that is no base64": func(event *Request) { event.Body, event.IsBase64Encoded = "!", true },
		"a method that is none":    func(event *Request) { event.RequestContext.HTTP.Method = "A B" },
	} {
		seen, response := handed(t, change, nil)
		if seen != nil || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered %d", name, response.StatusCode)
		}
	}
}

func TestAPagesContextIsTheFunctions(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	cancel()
	_, err := Pages(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Context().Err() == nil || r.Context().Value(key{}) != "value" {
			t.Error("the request has another context")
		}
	}))(ctx, Request{})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatAPageAnswers(t *testing.T) {
	const html = "text/html; charset=utf-8"
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   Response
	}{
		{"text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", html)
			w.Header().Add("Vary", "Cookie")
			w.Header().Add("Vary", "Accept")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "grüße ")
			_, _ = io.WriteString(w, "dich")
		}, Response{StatusCode: 403, Headers: map[string]string{"Content-Type": html, "Vary": "Cookie, Accept"}, Body: "grüße dich"}},
		{"two cookies", func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "__Host-a", Value: "1", Path: "/", Secure: true})
			http.SetCookie(w, &http.Cookie{Name: "b", MaxAge: -1})
			w.Header().Set("Location", "https://auth.revento.example/")
			w.WriteHeader(http.StatusSeeOther)
		}, Response{StatusCode: 303, Headers: map[string]string{"Location": "https://auth.revento.example/"},
			Cookies: []string{"__Host-a=1; Path=/; Secure", "b=; Max-Age=0"}}},
		{"no text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("PNG"))
		}, Response{StatusCode: 200, Headers: map[string]string{"Content-Type": "image/png"}, Body: "UE5H", IsBase64Encoded: true}},
		{"text that is none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", html)
			_, _ = w.Write([]byte{0xff})
		}, Response{StatusCode: 200, Headers: map[string]string{"Content-Type": html}, Body: "/w==", IsBase64Encoded: true}},
		{"text of a type that nobody named", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") },
			Response{StatusCode: 200, Headers: map[string]string{"Content-Type": html}, Body: "<!doctype html>"}},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, Response{StatusCode: 200, Headers: map[string]string{}}},
		{"a header too late, and a second status", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
			w.Header().Set("X-Late", "1")
			w.WriteHeader(http.StatusOK)
		}, Response{StatusCode: 404, Headers: map[string]string{}}},
	} {
		_, got := handed(t, nil, c.answer)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// API Gateway takes no header of a name twice, whatever its case, and cookies in cookies alone.
func TestNoCookieIsAHeader(t *testing.T) {
	_, got := handed(t, nil, func(w http.ResponseWriter, _ *http.Request) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"}) })
	encoded, err := json.Marshal(got)
	if err != nil || strings.Contains(strings.ToLower(string(encoded)), "set-cookie") || !strings.Contains(string(encoded), `"cookies":["a=1"]`) {
		t.Errorf("%s, %v", encoded, err)
	}
}
