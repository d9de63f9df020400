package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"revento-alerts/shared/revento/sandbox"
)

func newFuzzed(f *testing.F) *sandbox.Sandbox {
	f.Helper()
	s, err := sandbox.New(sandbox.Options{Clients: []sandbox.Client{theClient()}})
	if err != nil {
		f.Fatal(err)
	}
	s.SetRules(func(r *sandbox.Rules) { r.VersionRequired, r.RequestIDRequired = false, false })
	return s
}

// Whatever is asked, nobody is led to where the client is not.
func FuzzAuthorizeLeadsNowhereElse(f *testing.F) {
	provider := newFuzzed(f).Provider()
	f.Add(authorizeQuery(nil).Encode())
	f.Add(authorizeQuery(func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }).Encode())
	f.Add("client_id=" + clientID + "&redirect_uri=" + url.QueryEscape(redirectURI) + "&redirect_uri=//evil.example&state=%0d%0a")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, sandbox.AuthorizePath, nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		provider.ServeHTTP(w, r)
		if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, redirectURI+"?") {
			t.Errorf("it leads to %q", to)
		}
	})
}

// Whatever the page's parameters are, the reply is a page or a refusal.
func FuzzAPageOrARefusal(f *testing.F) {
	s := newFuzzed(f)
	provider := s.Provider()
	for _, query := range []string{"", "limit=1", "limit=99999999999999999999", "cursor=AAAA", "limit=%00&cursor=%ff", "limit=-1;cursor"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		tokens, err := s.Connect(clientID, makersCamp) // with a budget of its own
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, sandbox.APIPath+theEvent+"/participants", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		w := httptest.NewRecorder()
		provider.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
