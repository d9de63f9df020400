package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"revento-alerts/shared/exchange"
)

// The rest of what an exchange can come to is held by the tests of the adapters, which are what gives it a meaning.

func TestEachRequestHasAConnectionOfItsOwn(t *testing.T) {
	var peers []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { peers = append(peers, r.RemoteAddr) }))
	t.Cleanup(server.Close)
	client := exchange.NewClient()
	for range 2 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		made := client.Begin()
		if _, err := made.Do(request); err != nil || made.End != exchange.Answered || made.Reason != "" {
			t.Fatalf("%+v, %v", made, err)
		}
	}
	if len(peers) != 2 || peers[0] == peers[1] {
		t.Errorf("the connections came from %q", peers)
	}
}

func TestAnExchangeThatWasNotUsedIsUnmade(t *testing.T) {
	if made := exchange.NewClient().Begin(); made.End != exchange.Unmade || made.Reason != exchange.ReasonUnmade {
		t.Errorf("%+v", made)
	}
}

func TestCode(t *testing.T) {
	for text, want := range map[string]string{
		"channel_not_found":     "channel_not_found",
		"2fa_required":          "2fa_required",
		strings.Repeat("a", 64): strings.Repeat("a", 64),
		strings.Repeat("a", 65): "unnamed_error",
		"":                      "unnamed_error",
		"xoxb-1":                "unnamed_error",
		"Upper":                 "unnamed_error",
		"a\n":                   "unnamed_error",
		"a b":                   "unnamed_error",
	} {
		if got := exchange.Code(text); got != want {
			t.Errorf("Code(%q) = %q, want %q", text, got, want)
		}
	}
}
