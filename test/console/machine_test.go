//go:build browser

package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

// machine is a running serve whose page a browser shows.
type machine struct {
	*testing.T
	*serve.Machine
	options serve.Options
}

// newMachine starts serve with settings; without any, both providers are recorded, and the sandbox is asked in place of Revento.
func newMachine(t *testing.T, settings map[string]string) (machine, *browser) {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "sealing-keys") // and none of whoever runs the test
	source := func(name string) (string, bool) {
		if name == keyring.Variable {
			return keys, true
		}
		value, isSet := settings[name]
		return value, isSet
	}
	options := serve.Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: t.TempDir(), Source: source, Log: io.Discard}
	started, err := serve.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := started.Close(); err != nil {
			t.Error(err)
		}
	})
	page := newBrowser(t)
	page.look(1440, "light")
	page.open(started.ConsoleLink)
	return machine{t, started, options}, page
}

// posts sends a delivery as Revento does.
func (m machine) posts(delivery sample.Delivery) {
	m.Helper()
	answer, err := delivery.Post(m.Context(), http.DefaultClient, m.URL)
	if err != nil || answer.Code != http.StatusOK {
		m.Fatalf("answered %+v: %v", answer, err)
	}
}

func delivery(t *testing.T, eventType string, change sample.Change) sample.Delivery {
	t.Helper()
	made, err := sample.New(eventType, webhookSecret, time.Now(), change)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

const webhookSecret = "whsec_console"

func TestASampleLeadsToAMessageAndAnIncidentAndAnotherResolvesThem(t *testing.T) {
	_, page := newMachine(t, nil)
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
	page.waitForText("#slack", "[local] Application flagged for revision")
	page.waitForText("#slack", "Application app_sample_1")
	page.waitFor("the bar in the severity's colour", "getComputedStyle(document.querySelector('.attachment')).borderLeftColor === 'rgb(224, 30, 90)'")
	page.waitForText("#pagerduty .triggered", "[local] Application flagged for revision: app_sample_1 (evt_sample_1)")

	// Of two events of one second the one that triggers wins.
	page.waitFor("the next second", "Date.now() >= arguments[0]", time.Now().Truncate(time.Second).Add(time.Second).UnixMilli())
	page.click(`button[data-subject="application.approved"]`)
	page.waitForText("#slack", "1 reply")
	page.waitForText("#slack", "(edited)")
	page.waitFor("the bar to turn green", "getComputedStyle(document.querySelector('.attachment')).borderLeftColor === 'rgb(46, 182, 125)'")
	page.waitForText("#pagerduty .resolved", "Resolved: Application approved")
	page.waitFor("the page not to have been loaded again", "window.same")
	wantNoComplaints(t, page)
}

// slack is Slack as it is once the bot was invited to the channel.
type slack struct {
	*recorder.Recorder
	invited atomic.Bool
}

func (s *slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.invited.Load() {
		s.Recorder.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"ok":false,"error":"not_in_channel"}`) // serve may have hung up
}

func TestWhatSlackRefusedIsRedrivenOrDropped(t *testing.T) {
	stand := &slack{Recorder: recorder.New(time.Now)}
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	m, page := newMachine(t, map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-console", "SLACK_CHANNEL": "C0CONSOLE1", "SLACK_API_URL": server.URL + "/api/", "WEBHOOK_SECRETS": webhookSecret,
	})
	m.posts(delivery(t, "application.revision_requested", sample.Change{ResourceID: "app_1"}))
	page.waitForText("#dead-letters", "not_in_channel")
	m.posts(delivery(t, "application.revision_requested", sample.Change{ResourceID: "app_2"}))
	page.waitForText("nav", "Dead letters 2")

	stand.invited.Store(true)
	page.click(`#dead-letters .letter button[data-do="redrive"]`)
	page.waitForText("#dead-letters .outcome", "redriven application.revision_requested")
	page.waitForText("nav", "Dead letters 1")
	page.waitForText("#deliveries", "Slack C0CONSOLE1 sent")

	page.click(`#dead-letters .letter button[data-do="drop"]`)
	page.click("#ask-confirm")
	page.waitForText("#dead-letters .outcome", "dropped application.revision_requested")
	page.waitForText("#dead-letters", "Nothing has been given up on")
	if told := len(stand.Messages()); told != 1 {
		t.Errorf("Slack shows %d messages, want the one that was redriven", told)
	}
	wantNoComplaints(t, page)
}

func TestAHeldDeletionIsClosedAndAScheduledOneIsDoneNow(t *testing.T) {
	m, page := newMachine(t, map[string]string{"WEBHOOK_SECRETS": webhookSecret})
	m.posts(delivery(t, "application.revision_requested", sample.Change{}))
	page.waitForText("#pagerduty", "app_sample_1")
	m.posts(sample.Sign(revento.TypeDeletionRequired, webhookSecret, "held-1", time.Now(), []byte(
		`{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","event_id":"evt_1","organization_id":"org_1","data":{"user_id":"u"}}`)))
	page.waitForText("#deletions", "held")
	page.click("#deletions summary")
	page.click(`#deletions details[open] button[data-do="close"]`)
	page.waitForText("#ask", "recorded as done by a person")
	page.keys("asked Revento: a test of theirs")
	page.click("#ask-confirm")
	page.waitForText("#deletions details[open]", "asked Revento: a test of theirs")
	page.click("#deletions details[open] summary")

	m.posts(delivery(t, revento.TypeDeletionRequired, sample.Change{}))
	page.waitForText("#deletions", "scheduled")
	page.click("#deletions summary") // the newest is the first
	page.click(`#deletions details[open] button[data-do="delete-now"]`)
	page.waitForText("#ask", "cannot be brought back")
	page.click("#ask-confirm")
	page.waitForText("#deletions", "finished")
	wantNoComplaints(t, page)
}
