//go:build browser

package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"revento-alerts/shared/api"
	"revento-alerts/shared/console"
	"revento-alerts/shared/serve"
)

// front puts the page before a machine.
func front(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	unset := func(string) (string, bool) { return "", false }
	machine, err := serve.Start(t.Context(), serve.Options{Listen: "127.0.0.1:0", DataDir: dir, Source: unset, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := machine.Close(); err != nil {
			t.Error(err)
		}
	})
	base, err := url.Parse(machine.URL)
	if err != nil {
		t.Fatal(err)
	}
	// Without Rewrite, the proxy would say that it forwards, and the machine would refuse that.
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: base.Scheme, Host: base.Host})
	}}
	recorded := api.Handler(api.Backend{
		Slack: machine.Recorder, PagerDuty: machine.Recorder,
		Samples: &api.Samples{
			Secret:  func(context.Context) (string, error) { return serve.ReadSecret(dir) },
			Webhook: proxy,
			Now:     time.Now,
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.Handle(api.Path, proxy)
	for _, pattern := range []string{"/api/slack", "/api/pagerduty", "/api/samples/"} {
		mux.Handle(pattern, recorded)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestASampleLeadsToAMessageAndAnIncidentAndAnotherResolvesThem(t *testing.T) {
	page := newBrowser(t)
	page.look(1440, "light")
	page.open(front(t))
	page.waitForText("#deliveries", "Nothing has come yet")
	page.waitForText("#slack", "No message has been posted")
	page.waitForText("#pagerduty", "Nobody has been paged")
	page.run("window.same = true", nil)

	page.click(`button[data-subject="application.revision_requested"]`)
	page.waitForText("#samples", "application.revision_requested: answered 200 accepted")
	page.waitForText("#deliveries", "application.revision_requested")
	page.waitForText("#deliveries", "PagerDuty sent")
	page.waitForText("#deliveries", "Slack C0SAMPLE01 sent")
	page.click("#deliveries summary")
	page.waitForText("#deliveries details[open]", "Step by step")
	page.waitForText("#slack", "[production] Application flagged for revision")
	page.waitForText("#slack", "Application app_sample_1")
	page.waitFor("the bar in the severity's colour", "getComputedStyle(document.querySelector('.attachment')).borderLeftColor === 'rgb(224, 30, 90)'")
	page.waitForText("#pagerduty .triggered", "[production] Application flagged for revision: app_sample_1 (evt_sample_1)")

	page.click(`button[data-subject="application.approved"]`)
	page.waitForText("#slack", "1 reply")
	page.waitForText("#slack", "(edited)")
	page.waitFor("the bar to turn green", "getComputedStyle(document.querySelector('.attachment')).borderLeftColor === 'rgb(46, 182, 125)'")
	page.waitForText("#pagerduty .resolved", "Resolved: Application approved")
	page.waitFor("the page not to have been loaded again", "window.same")
	wantNoComplaints(t, page)
}
