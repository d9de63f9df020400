package serve_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/revento/sample"
)

// found are the findings of a check about a subject.
func found(t *testing.T, client *api.Client, subject string) []checkup.Finding {
	t.Helper()
	var all api.Findings
	if err := client.Post(t.Context(), "check", api.CheckRequest{}, &all); err != nil {
		t.Fatal(err)
	}
	var about []checkup.Finding
	for _, finding := range all.Findings {
		if finding.Subject == subject {
			about = append(about, finding)
		}
	}
	return about
}

// PagerDuty answered 500 to everything, and check said "ok, 3 in flight".
func TestCheckTellsWhatPagerDutyAnswersAndWhatTimeItIsThere(t *testing.T) {
	pagerDuty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer pagerDuty.Close()
	dir, values := t.TempDir(), map[string]string{
		"WEBHOOK_SECRETS": "s", "PAGERDUTY_EVENTS_URL": pagerDuty.URL, "PAGERDUTY_ROUTING_KEY": strings.Repeat("0", 32),
	}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	if code := deliver(t, machine, "application.revision_requested", "s", sample.Change{}); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	operate(t, dir, values, func(client *api.Client) {
		var answer []checkup.Finding
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
			if answer = found(t, client, "PagerDuty's last answer"); len(answer) == 1 && answer[0].Verdict != checkup.OK {
				break
			}
		}
		if len(answer) != 1 || answer[0].Verdict != checkup.Warning || !strings.HasPrefix(answer[0].Says, "http_500, at ") {
			t.Errorf("%+v", answer)
		}
		if clock := found(t, client, "clock"); len(clock) != 1 || clock[0].Verdict != checkup.Failed || !strings.Contains(clock[0].Says, "behind PagerDuty's") {
			t.Errorf("%+v", clock)
		}
	})
}

// With both providers recorded nobody else tells the time; and where the clock is far off, nothing that Revento signs is taken.
func TestCheckAndLogTellByHowMuchTheClockIsOffFromWhatRightlySignedRequestsSay(t *testing.T) {
	dir, values := t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, log := start(t, dir, values)
	defer stop(t, machine)
	signed := func(at time.Time) int {
		body := bodyOf("application.revision_requested", at, `{}`)
		return post(t, machine, sample.Sign("application.revision_requested", "s", "d-1", at, body))
	}
	operate(t, dir, values, func(client *api.Client) {
		if clock := found(t, client, "clock"); len(clock) != 1 || clock[0].Verdict != checkup.Skipped {
			t.Errorf("before any request: %+v", clock)
		}
		if code := signed(time.Now().Add(2 * time.Hour)); code != http.StatusUnauthorized {
			t.Errorf("two hours from now is answered %d", code)
		}
		if clock := found(t, client, "clock"); len(clock) != 1 || clock[0].Verdict != checkup.Failed ||
			!strings.HasPrefix(clock[0].Says, "this clock is behind Revento's by 2h0m0s") && !strings.HasPrefix(clock[0].Says, "this clock is behind Revento's by 1h59m5") {
			t.Errorf("after one of the future: %+v", clock)
		}
		if code := signed(time.Now()); code != http.StatusOK {
			t.Errorf("now is answered %d", code)
		}
		if clock := found(t, client, "clock"); len(clock) != 1 || clock[0].Verdict != checkup.OK || clock[0].Says != "it agrees with Revento's" {
			t.Errorf("after one of now: %+v", clock)
		}
	})
	if line := log.String(); !strings.Contains(line, `"clock_off":1`) || !strings.Contains(line, "this clock is behind") {
		t.Errorf("the log says %s", line)
	}
}
