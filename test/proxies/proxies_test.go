//go:build proxies

package proxies_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"os/exec"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento/sample"
)

// documentedProxies are those of docs.
var documentedProxies = map[string]func(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd{
	"nginx": nginx, "Caddy": caddy,
}

// each runs a test behind each documented proxy.
func each(t *testing.T, test func(*testing.T, site)) {
	for name, proxy := range documentedProxies {
		t.Run(name, func(t *testing.T) { test(t, newSite(t, proxy)) })
	}
}

// delivers posts a delivery through the proxy.
func (s site) delivers(t *testing.T, ctx context.Context, delivery sample.Delivery) int {
	t.Helper()
	answer, err := delivery.Post(ctx, s.client, s.base+ingest.Path)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Code
}

func flagged(t *testing.T, resource string) sample.Delivery {
	t.Helper()
	delivery, err := sample.New("application.revision_requested", secret, time.Now(), sample.Change{ResourceID: resource})
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}

// shows waits until the recorder shows so many incidents.
func (s site) shows(t *testing.T, incidents int) {
	t.Helper()
	for changed := s.machine.Recorder.Changed(); len(s.machine.Recorder.Incidents()) < incidents; changed = s.machine.Recorder.Changed() {
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("%d incidents are shown, want %d", len(s.machine.Recorder.Incidents()), incidents)
		}
	}
}

func TestADeliveryComesThroughTLS(t *testing.T) {
	each(t, func(t *testing.T, s site) {
		if code := s.delivers(t, t.Context(), flagged(t, "app_1")); code != http.StatusOK {
			t.Errorf("answered %d", code)
		}
		s.shows(t, 1)
		forged := sample.Sign("application.approved", "not the secret", "d-1", time.Now(), []byte(`{"type":"application.approved"}`))
		if code := s.delivers(t, t.Context(), forged); code != http.StatusUnauthorized {
			t.Errorf("a forged one is answered %d", code)
		}
	})
}

// The operator's side is another listener: it is not reached even where everything is handed on, and whoever asks has the token.
func TestNothingOfTheOperatorsSideIsReached(t *testing.T) {
	proxies := map[string]func(t *testing.T, dir, upstream, port string, c certificate) *exec.Cmd{"a plain nginx": plainNginx}
	for name, proxy := range documentedProxies {
		proxies[name] = proxy
	}
	for name, proxy := range proxies {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, proxy)
			for _, path := range []string{
				"/", "/?token=" + s.token, "/console/main.js", "/favicon.ico", "/api/", "/api/overview", "/api/deliveries", "/api/deletions",
				"/api/dead-letters", "/api/dead-letters/drop", "/api/check", "/api/slack", "/api/pagerduty", "/api/samples/event.unpublished",
			} {
				for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
					if code := s.asks(t, method, path); code != http.StatusNotFound {
						t.Errorf("%s %s is answered %d", method, path, code)
					}
				}
			}
			if code := s.delivers(t, t.Context(), flagged(t, "app_1")); code != http.StatusOK {
				t.Errorf("a delivery is answered %d", code)
			}
		})
	}
}

// asks asks as a program that has the token would, under the name localhost.
func (s site) asks(t *testing.T, method, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

func TestBodiesUpToTheLimitComeThrough(t *testing.T) {
	const limit = 262144 // BODY_LIMIT
	frame := `{"type":"x","pad":""}`
	each(t, func(t *testing.T, s site) {
		for name, test := range map[string]struct{ size, code int }{
			"small": {len(frame), http.StatusOK}, "at-the-limit": {limit, http.StatusOK}, "a-byte-over": {limit + 1, http.StatusRequestEntityTooLarge},
			"far-over": {4 * limit, http.StatusRequestEntityTooLarge},
		} {
			body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", test.size-len(frame))+`"`, 1)
			if code := s.delivers(t, t.Context(), sample.Sign("x", secret, "d-"+name, time.Now(), []byte(body))); code != test.code {
				t.Errorf("%s is answered %d, want %d", name, code, test.code)
			}
		}
	})
}

// slowly gives a body a piece at a time.
type slowly struct {
	rest   string
	pieces int
}

func (s *slowly) Read(p []byte) (int, error) {
	const between = 100 * time.Millisecond
	if s.rest == "" {
		return 0, io.EOF
	}
	<-time.After(between)
	n := copy(p, s.rest[:min(len(s.rest), max(1, len(s.rest)/max(1, s.pieces)))])
	s.rest, s.pieces = s.rest[n:], s.pieces-1
	return n, nil
}

func TestABodyThatComesSlowlyComesThrough(t *testing.T) {
	each(t, func(t *testing.T, s site) {
		delivery := flagged(t, "app_1")
		for name, length := range map[string]int64{"with its length": int64(len(delivery.Body)), "in chunks": -1} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+ingest.Path, &slowly{string(delivery.Body), 20})
			if err != nil {
				t.Fatal(err)
			}
			request.Header, request.ContentLength = delivery.Header.Clone(), length
			response, err := s.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: answered %d", name, response.StatusCode)
			}
		}
		s.shows(t, 1)
	})
}

func TestOneConnectionCarriesManyDeliveries(t *testing.T) {
	each(t, func(t *testing.T, s site) {
		connections := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
			if !got.Reused {
				connections++
			}
		}})
		const deliveries = 30
		for range deliveries {
			if code := s.delivers(t, ctx, flagged(t, "app_1")); code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		}
		if connections != 1 {
			t.Errorf("%d connections were opened", connections)
		}
	})
}
