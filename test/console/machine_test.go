//go:build browser

package console_test

import (
	"io"
	"strings"
	"testing"

	"revento-alerts/shared/ingest"
	"revento-alerts/shared/serve"
)

// front is where the page of a machine is.
func front(t *testing.T) string {
	t.Helper()
	unset := func(string) (string, bool) { return "", false }
	options := serve.Options{Listen: "127.0.0.1:0", DataDir: t.TempDir(), Source: unset, Log: io.Discard}
	machine, err := serve.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := machine.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.TrimSuffix(machine.URL, ingest.Path)
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
