package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento/sample"
)

func TestDeliveriesOnOneConnection(t *testing.T) {
	test(t, func(b *bench) {
		c := b.dial()
		for number, size := range []int{100, firstRead - 1, firstRead, firstRead + 1, bodyLimit} {
			head, body := delivery(fmt.Sprint(number), size)
			c.sends(head + body)
			c.wants(accepted)
		}
	})
}

func TestABodyWithoutALengthIsReadUpToTheLimit(t *testing.T) {
	chunked := func(body string) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) }
	test(t, func(b *bench) {
		for size, want := range map[int]answered{
			100: accepted, bodyLimit: accepted, bodyLimit + 1: {413, "too_large", false, ""}, 10 * bodyLimit: {413, "too_large", true, ""},
		} {
			head, body := delivery(fmt.Sprint(size), size)
			c := b.dial()
			c.sends(strings.Replace(head, fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked", 1) + chunked(body))
			if got := c.reads(); got.code != want.code || got.status != want.status {
				t.Errorf("%d bytes: answered %+v, want %+v", size, got, want)
			}
		}
	})
}

// The body of none of these is ever sent: the answer comes all the same, and with it the end of the connection.
func TestWhatItsHeadersRefuseCostsNoBody(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // synctest's
	fresh, stale := sample.Sign(eventType, webhookSecret, "d-1", now, nil).Header, sample.Sign("test", webhookSecret, "d-1", now.Add(-2*time.Hour), nil).Header
	cases := []struct {
		name, method, target string
		header               http.Header
		length               int
		want                 answered
	}{
		{"another path", "POST", "/", fresh, 1000, answered{404, "not_found", true, ""}},
		{"another method", "PUT", ingest.Path, fresh, 1000, answered{405, "method_not_allowed", true, ""}},
		{"no signature", "POST", ingest.Path, http.Header{}, 1000, answered{401, "unauthorized", true, ""}},
		{"of several faults: headers come before size", "POST", ingest.Path, http.Header{}, bodyLimit + 1, answered{401, "unauthorized", true, ""}},
		{"a byte over the limit", "POST", ingest.Path, fresh, bodyLimit + 1, answered{413, "too_large", true, ""}},
		{"of several faults: size comes before age", "POST", ingest.Path, stale, bodyLimit + 1, answered{413, "too_large", true, ""}},
		{"stale", "POST", ingest.Path, stale, 1000, answered{401, "stale", true, ""}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				for _, length := range []string{fmt.Sprintf("Content-Length: %d", tt.length), "Transfer-Encoding: chunked"} {
					if strings.HasPrefix(length, "T") && tt.want.code == http.StatusRequestEntityTooLarge {
						continue // its size is not known
					}
					c := b.dial()
					c.sends(requestHead(tt.method, tt.target, tt.header, length))
					began := time.Now()
					c.wants(tt.want)
					if took := time.Since(began); took > 0 {
						t.Errorf("the answer took %s", took)
					}
					c.hangsUp()
				}
			})
		})
	}
}

func TestOnlyTheWebhooksOwnPathIsAnswered(t *testing.T) {
	test(t, func(b *bench) {
		for _, target := range []string{
			"//webhooks/revento", "/webhooks//revento", "/webhooks/revento/", "/webhooks/./revento", "/x/../webhooks/revento", "/webhooks/revento/..",
			"/webhooks%2Frevento", "/%77ebhooks/revento", "/WEBHOOKS/REVENTO", "/prod/webhooks/revento", "/$default/webhooks/revento",
			"/api/overview", "/", "http://127.0.0.1/api/overview",
		} {
			c := b.dial()
			c.sends(requestHead("POST", target, nil, "Content-Length: 0"))
			c.wants(answered{404, "not_found", false, ""})
		}
		c := b.dial()
		c.sends(requestHead("OPTIONS", "*", nil))
		c.wants(answered{404, "not_found", false, ""})
	})
}

// What net/http answers by itself is JSON too, is told in the log, and is kept.
func TestWhatNetHTTPRefusesIsJSON(t *testing.T) {
	cases := []struct {
		name, text string
		want       answered
	}{
		{"no request", "GARBAGE\r\n\r\n", answered{400, "malformed", true, ""}},
		{"no host", "POST /webhooks/revento HTTP/1.1\r\n\r\n", answered{400, "malformed", true, ""}},
		{"a malformed header", "POST / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", answered{400, "malformed", true, ""}},
		{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", answered{400, "malformed", true, ""}},
		{"an unknown encoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n", answered{501, "malformed", true, ""}},
		{"an unknown version", "POST / HTTP/3.0\r\nHost: x\r\n\r\n", answered{505, "malformed", true, ""}},
		{"an unknown expectation", requestHead("POST", ingest.Path, nil, "Expect: miracles"), answered{417, "malformed", true, ""}},
		{"headers that are too large", requestHead("POST", ingest.Path, nil, "X: "+strings.Repeat("x", MaxHeaderBytes)),
			answered{431, "headers_too_large", true, ""}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				c := b.dial()
				c.sends(tt.text)
				c.wants(tt.want)
				c.hangsUp()
				if kept := b.refusals.Recent(""); len(kept) != 1 || string(kept[0].Status) != tt.want.status {
					t.Errorf("kept: %+v", kept)
				}
				if !strings.Contains(b.log.String(), `"reply_`+tt.want.status+`":1`) {
					t.Errorf("the log: %s", b.log.String())
				}
			})
		})
	}
}

func TestHeadersThatJustFitAreTaken(t *testing.T) {
	test(t, func(b *bench) {
		head, body := delivery("d-1", 100)
		padding := "X: " + strings.Repeat("x", MaxHeaderBytes-len(head)-len("X: \r\n")-64)
		c := b.dial()
		c.sends(strings.TrimSuffix(head, "\r\n") + padding + "\r\n\r\n" + body)
		c.wants(accepted)
	})
}

func TestWithinTheProcessThereIsNoConnection(t *testing.T) {
	test(t, func(b *bench) {
		signed := sample.Sign(eventType, webhookSecret, "d-1", time.Now(), []byte(`{"type":"event.unpublished"}`))
		request := httptest.NewRequest(http.MethodPost, ingest.Path, strings.NewReader(string(signed.Body)))
		request.Header = signed.Header
		recorder := httptest.NewRecorder()
		b.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			t.Errorf("answered %d: %s", recorder.Code, recorder.Body)
		}
	})
}

func TestSender(t *testing.T) {
	for _, tt := range []struct{ name, remote, forwardedFor, want string }{
		{"direct", "203.0.113.9:1234", "", "203.0.113.9"},
		{"a stranger names another", "203.0.113.9:1234", "198.51.100.1", "203.0.113.9"},
		{"through a proxy on this machine", "127.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		{"of several the one that the proxy saw", "[::1]:1234", "1.2.3.4, 198.51.100.1", "198.51.100.1"},
		{"what is no address is not kept", "127.0.0.1:1234", "a name", "127.0.0.1"},
		{"IPv4 in IPv6", "[::ffff:203.0.113.9]:1234", "", "203.0.113.9"},
		{"not known", "pipe", "198.51.100.1", ""},
	} {
		if diff := cmp.Diff(tt.want, sender(tt.remote, tt.forwardedFor)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
