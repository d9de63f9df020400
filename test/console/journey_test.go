//go:build browser

package console_test

import (
	"net/url"
	"testing"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
)

const sandboxEvent = "evt_sandbox_1"

// asks asks what a command asks of the serve that runs.
func (m machine) asks(path string, answer any) {
	m.Helper()
	operator, err := serve.Operate(m.Context(), m.options.DataDir, m.options.Source, m.options.Log)
	if err != nil {
		m.Fatal(err)
	}
	if err := operator.Client.Post(m.Context(), path, struct{}{}, answer); err != nil {
		m.Error(err)
	}
	if err := operator.Close(); err != nil {
		m.Error(err)
	}
}

// connects consents to the sandbox's event as its organizer does: by the link, and on Revento's page.
func (m machine) connects(page *browser) {
	m.Helper()
	var made api.Link
	m.asks("connections/"+sandboxEvent+"/link", &made)
	page.open(made.Link)
	page.waitForText("h1", "read from your event?")
	page.click(`button[value="allow"]`)
	page.waitForText("h1", "Your event is connected")
}

// probes looks at the connection now.
func (m machine) probes(want connection.State) {
	m.Helper()
	var view life.View
	if m.asks("connections/"+sandboxEvent+"/probe", &view); view.State != want {
		m.Errorf("the connection is %s, want %s", view.State, want)
	}
}

// shows opens the console, which no page before made complain.
func (m machine) shows(page *browser) {
	m.Helper()
	page.complaints()
	page.open(m.ConsoleLink)
}

// The way of issue 15, as an operator and an organizer go it in their browsers: an event is connected, its consent is taken back, one page
// comes, it is connected again, and that page is resolved.
func TestAConnectionIsMadeTakenBackAndMadeAgain(t *testing.T) {
	m, page := newMachine(t, nil)
	page.waitForText("#connections", "No event is connected")
	m.connects(page)
	m.probes(connection.Active)
	m.shows(page)
	page.waitForText("#connections", sandboxEvent)
	page.waitForText("#connections .pill", "healthy")
	page.waitForText("#connections", "Northwind Makers Camp")
	page.waitForText("#connections .fate", " registered")

	page.open(m.Sandbox)
	page.click(`input[name="event_id"][value="` + sandboxEvent + `"] ~ button[value="revoke"]`)
	m.probes(connection.Revoked)
	m.shows(page)
	page.waitForText("#connections .pill", "revoked")
	page.waitForText("nav", "Connections 1")
	page.waitForText("#pagerduty .triggered", "Connection to Revento broken")
	page.waitForText("#pagerduty .triggered", "one page")

	m.connects(page)
	m.probes(connection.Active)
	m.shows(page)
	page.waitForText("#connections .pill", "healthy")
	page.waitForText("#pagerduty .resolved", "Connection to Revento broken")
	page.waitFor("the one incident and no other", `document.querySelectorAll("#pagerduty .incident").length === 1`)
	page.waitFor("nobody to be needed", `!document.querySelector('nav a[href="#connections"] .badge')`)
	wantNoComplaints(t, page)
}

// Revento's stand-in is another site than the pages, as Revento is: what it is sent must come back by the link alone.
func TestTheConsentPageIsOnAnotherHost(t *testing.T) {
	m, page := newMachine(t, nil)
	var made api.Link
	m.asks("connections/"+sandboxEvent+"/link", &made)
	link, err := url.Parse(made.Link)
	if err != nil {
		t.Fatal(err)
	}
	page.open(made.Link)
	page.waitFor("another host", "location.hostname !== arguments[0]", link.Hostname())
	page.click(`button[value="cancel"]`)
	page.waitForText("h1", "Not connected")
	page.waitFor("the host again", "location.hostname === arguments[0]", link.Hostname())
}
