package exchange_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/ground/exchange"
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

// What answers in a provider's place may never end.
func TestAnAnswerIsReadUpToItsLimit(t *testing.T) {
	for size, want := range map[int]exchange.Exchange{
		exchange.MaxAnswerBytes:     {End: exchange.Answered},
		exchange.MaxAnswerBytes + 1: {End: exchange.Lost, Reason: exchange.ReasonTooLarge},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, size)) // who asked hangs up in the middle
			if size > exchange.MaxAnswerBytes {
				<-r.Context().Done() // and does not wait for the end
			}
		}))
		t.Cleanup(server.Close)
		const patience = 10 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		t.Cleanup(cancel)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		made := exchange.NewClient().Begin()
		_, err = made.Do(request)
		if made.End != want.End || made.Reason != want.Reason || (err == nil) != (want.End == exchange.Answered) {
			t.Errorf("of %d bytes: end %v, %q, %v", size, made.End, made.Reason, err)
		}
	}
}

func TestAnAnswersHeadersAreBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := exchange.NewClient().Begin()
	if _, err := made.Do(request); err == nil || made.End != exchange.Lost {
		t.Errorf("it ends as %d: %v", made.End, err)
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
