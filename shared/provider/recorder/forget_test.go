package recorder_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"revento-alerts/shared/provider/recorder"
)

func calls(t *testing.T, r *recorder.Recorder, path, body, contentType string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Content-Type", contentType)
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	if answer.Code >= http.StatusMultipleChoices || strings.Contains(answer.Body.String(), `"ok":false`) {
		t.Fatalf("%s: answered %d %s", path, answer.Code, answer.Body)
	}
}

// posts posts a message with an alert's key in its metadata, and returns its ts.
func posts(t *testing.T, r *recorder.Recorder, text, alertKey string) string {
	t.Helper()
	before := len(r.Messages())
	calls(t, r, "/api/chat.postMessage", url.Values{
		"channel": {channel}, "text": {text}, "token": {"t"},
		"metadata": {`{"event_type":"revento_alert","event_payload":{"alert_key":"` + alertKey + `"}}`},
	}.Encode(), "application/x-www-form-urlencoded")
	if len(r.Messages()) != before+1 {
		t.Fatalf("%q was not posted", text)
	}
	return r.Messages()[before].TS
}

func pages(t *testing.T, r *recorder.Recorder, summary, dedupKey string) {
	t.Helper()
	calls(t, r, "/v2/enqueue", `{"routing_key":"`+strings.Repeat("0", 32)+`","event_action":"trigger","dedup_key":"`+dedupKey+
		`","payload":{"summary":"`+summary+`","source":"s","severity":"error"}}`, "application/json")
}

// What is forgotten is gone from memory and file, also what a message showed before it was deleted; the rest outlives a restart,
// and so does what comes after it.
func TestWhatIsForgottenIsGoneFromTheFile(t *testing.T) {
	dir := t.TempDir()
	r := start(t, dir).Recorder
	posts(t, r, "FORGOTTEN", "key-1")
	posts(t, r, "kept", "key-2")
	deleted := posts(t, r, "DELETED", "key-3")
	calls(t, r, "/api/chat.delete", url.Values{"channel": {channel}, "ts": {deleted}, "token": {"t"}}.Encode(), "application/x-www-form-urlencoded")
	pages(t, r, "PAGED", "incident-1")
	pages(t, r, "open", "incident-2")
	for _, want := range []int{2, 0} {
		forgotten, err := r.Forget(map[string]bool{"key-1": true, "key-3": true}, map[string]bool{"incident-1": true})
		if err != nil || forgotten != want {
			t.Errorf("%d were forgotten, want %d: %v", forgotten, want, err)
		}
	}
	posts(t, r, "later", "key-4")
	pages(t, r, "open still", "incident-2")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "recorder.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"FORGOTTEN", "DELETED", "PAGED"} {
		if bytes.Contains(content, []byte(gone)) {
			t.Errorf("the file holds %s", gone)
		}
	}
	again := start(t, dir).Recorder
	var texts []string
	for _, m := range again.Messages() {
		if !m.Deleted {
			texts = append(texts, m.Text)
		}
	}
	if got := strings.Join(texts, ", "); got != "kept, later" {
		t.Errorf("after a restart it shows %q", got)
	}
	if incidents := again.Incidents(); len(incidents) != 1 || incidents[0].DedupKey != "incident-2" || incidents[0].Triggers != 2 {
		t.Errorf("after a restart: %+v", incidents)
	}
	pages(t, again, "opened later", "incident-3") // under a number that no other has
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	last := start(t, dir)
	defer last.Close()
	if incidents := last.Incidents(); len(incidents) != 2 || incidents[1].DedupKey != "incident-3" {
		t.Errorf("after another restart: %+v", incidents)
	}
}
