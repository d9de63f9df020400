package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/test/golden"
)

// ask makes a request of the API and returns the answer's status and body.
func ask(t *testing.T, b api.Backend, method, path string) (int, string) {
	t.Helper()
	recorded := httptest.NewRecorder()
	api.Handler(b).ServeHTTP(recorded, httptest.NewRequest(method, api.Path+path, strings.NewReader("{}")))
	return recorded.Code, recorded.Body.String()
}

func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(got), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	golden.Want(t, name, indented.String())
}

// recorded is a recorder that was told what a provider would be.
func recorded(t *testing.T) *recorder.Recorder {
	t.Helper()
	r := recorder.New(func() time.Time { return noon })
	tell := func(path, contentType, body string) {
		t.Helper()
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		request.Header.Set("Content-Type", contentType)
		answer := httptest.NewRecorder()
		r.ServeHTTP(answer, request)
		if answer.Code >= http.StatusMultipleChoices || strings.Contains(answer.Body.String(), `"ok":false`) {
			t.Fatalf("%s is answered %d %s", path, answer.Code, answer.Body)
		}
	}
	slack := func(method string, arguments ...string) {
		t.Helper()
		form := url.Values{"token": {"xoxb-1"}}
		for i := 0; i < len(arguments); i += 2 {
			form.Set(arguments[i], arguments[i+1])
		}
		tell("/api/"+method, "application/x-www-form-urlencoded", form.Encode())
	}
	page := func(event string) {
		t.Helper()
		tell("/v2/enqueue", "application/json", `{"routing_key": "`+strings.Repeat("k", 32)+`", `+event+`}`)
	}
	slack("chat.postMessage", "channel", "C0111", "text", "flagged", "blocks", `[{"type":"divider"}]`, "attachments", `[{"color":"#e01e5a"}]`)
	slack("chat.postMessage", "channel", "C0222", "text", "<script> & elsewhere")
	slack("chat.postMessage", "channel", "C0111", "text", "approved", "thread_ts", "1778328000.000000")
	slack("chat.update", "channel", "C0111", "ts", "1778328000.000000", "text", "resolved")
	slack("chat.delete", "channel", "C0222", "ts", "1778328000.000001")
	page(`"event_action": "trigger", "dedup_key": "first", "client_url": "https://revento.example", "payload": {"summary": "flagged",
		"source": "evt_1", "severity": "error", "timestamp": "2026-05-09T12:00:00Z", "component": "application app_1", "group": "evt_1",
		"class": "application.revision_requested", "custom_details": {"status": "<b>"}}`)
	page(`"event_action": "trigger", "dedup_key": "second", "payload": {"summary": "suspended", "source": "evt_1", "severity": "critical",
		"timestamp": "2026-05-09T12:00:00Z"}`)
	page(`"event_action": "trigger", "dedup_key": "second", "payload": {"summary": "suspended again", "source": "evt_1", "severity": "critical",
		"timestamp": "no time"}, "links": [{"href": "https://revento.example/2"}]`)
	page(`"event_action": "resolve", "dedup_key": "first", "payload": {"summary": "approved", "source": "evt_1", "severity": "info",
		"timestamp": "2026-05-09T12:01:00Z"}`)
	return r
}

func TestWhatSlackWouldShow(t *testing.T) {
	code, body := ask(t, api.Backend{Slack: recorded(t)}, http.MethodGet, "slack")
	if code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	wantGolden(t, "slack.json", body)
}

func TestWhatPagerDutyWouldShow(t *testing.T) {
	code, body := ask(t, api.Backend{PagerDuty: recorded(t)}, http.MethodGet, "pagerduty")
	if code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	wantGolden(t, "pagerduty.json", body)
}

func TestARecorderThatWasToldNothingShowsEmptyLists(t *testing.T) {
	empty := recorder.New(time.Now)
	for path, want := range map[string]string{"slack": `{"channels":[]}`, "pagerduty": `{"incidents":[]}`} {
		if _, body := ask(t, api.Backend{Slack: empty, PagerDuty: empty}, http.MethodGet, path); strings.TrimSpace(body) != want {
			t.Errorf("%s is answered %s, not %s", path, body, want)
		}
	}
}

func TestNothingRefusedIsAnEmptyList(t *testing.T) {
	_, body := ask(t, api.Backend{Refusals: new(ingest.Refusals)}, http.MethodGet, "refused")
	if strings.TrimSpace(body) != `{"refused":[]}` {
		t.Errorf("answered %s", body)
	}
}

func TestWhatIsNotToBeHadHereIsNotFoundAndSaysWhy(t *testing.T) {
	for path, want := range map[string]string{
		"GET refused": "while serve runs",
		"GET slack":   "Slack's messages are in Slack", "GET pagerduty": "PagerDuty's incidents are in PagerDuty",
		"POST samples/application.approved": "'revento-alerts send --stack prod'",
	} {
		method, path, _ := strings.Cut(path, " ")
		code, body := ask(t, api.Backend{Check: checkup.Checkup{Site: checkup.OnStack("prod", "eu-west-1")}}, method, path)
		if code != http.StatusNotFound || !strings.Contains(body, want) {
			t.Errorf("%s is answered %d %s", path, code, body)
		}
	}
}
