package gateway

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
)

func TestPagesAreShownAtTheirOwnPathsOnly(t *testing.T) {
	test(t, func(b *bench) {
		b.ShowPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "the page "+r.URL.Path)
		}), "/connect")
		c := b.dial()
		c.sends("GET /connect?event_id=evt_1 HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(c.answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || string(body) != "the page /connect" {
			t.Errorf("answered %d %q, %v", response.StatusCode, body, err)
		}
		for _, target := range []string{"/connect/", "//connect", "/%63onnect", "/x/../connect", "/api/overview"} {
			c := b.dial()
			c.sends("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
			c.wants(answered{404, "not_found", false, ""})
		}
	})
}

// Who asks for pages keeps no delivery out, and does not pile up.
func TestManyPagesLeaveRoomForDeliveries(t *testing.T) {
	test(t, func(b *bench) {
		release := make(chan struct{})
		b.ShowPages(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), "/connect")
		const page = "GET /connect HTTP/1.1\r\nHost: x\r\n\r\n"
		for range pageLimit {
			b.dial().sends(page)
		}
		time.Sleep(time.Second) // by the fake clock: all of them are being worked on
		c := b.dial()
		c.sends(page)
		c.wants(answered{503, string(ingest.Busy), false, "5"})
		c = b.dial()
		c.sends(requestHead("POST", ingest.Path, nil, "Content-Length: 0"))
		c.wants(answered{401, "unauthorized", false, ""})
		close(release)
	})
}

func TestAPageThatHangsIsCancelled(t *testing.T) {
	test(t, func(b *bench) {
		b.ShowPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		}), "/connect")
		began := time.Now()
		c := b.dial()
		c.sends("GET /connect HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(c.answers, nil)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || time.Since(began) != pageTime {
			t.Errorf("%v, %v after %s", response, err, time.Since(began))
		}
	})
}

func TestABodyOfAPageIsBounded(t *testing.T) {
	test(t, func(b *bench) {
		b.ShowPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
		}), "/connect")
		c := b.dial()
		c.sends("POST /connect HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n" + strings.Repeat("x", pageBody+1))
		response, err := http.ReadResponse(c.answers, nil)
		if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%v, %v", response, err)
		}
	})
}
