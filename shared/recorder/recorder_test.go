package recorder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/recorder"
	"revento-alerts/shared/route"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/slack"
	"revento-alerts/shared/thread"
)

const channel = "C0SAMPLE01"

var happenedAt = time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC)

// bench is a recorder and the product's own clients of it.
type bench struct {
	*recorder.Recorder
	url       string
	slack     *slack.Client
	pagerduty *pagerduty.Client
}

func holder[T any](text string, parse func(string) (T, error)) *secret.Holder[T] {
	return secret.NewHolder(secret.Static(text), parse, time.Hour, time.Now)
}

func newBench(t *testing.T) bench {
	t.Helper()
	r := recorder.New(func() time.Time { return happenedAt })
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return bench{r, server.URL, slackClient(server.URL + "/api/"), pagerClient(server.URL)}
}

func slackClient(url string) *slack.Client {
	return slack.New(url, holder("xoxb-1", secret.ParseToken))
}

func pagerClient(url string) *pagerduty.Client {
	return pagerduty.New(url, holder(strings.Repeat("0", 32), secret.ParseRoutingKeys))
}

func content(title string) alert.Content {
	return alert.Content{
		Type: "application.submitted", Title: title, Family: "application", Severity: route.Error, Environment: "test",
		EventID: "evt_1", ResourceID: "app_1", HappenedAt: happenedAt, DeliveryID: "d-1",
	}
}

func message(title string) thread.Message {
	return thread.Message{AlertKey: "key of " + title, Content: content(title)}
}

// post posts a message and fails the test if that fails.
func (b bench) post(t *testing.T, root, title string) string {
	t.Helper()
	ts, err := b.slack.Post(t.Context(), channel, root, message(title))
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// wantMessages compares what is shown, as "thread / text".
func (b bench) wantMessages(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for _, m := range b.Messages() {
		line := m.Text
		if m.Thread != "" {
			line = "reply: " + line
		}
		if m.Deleted {
			line = "deleted"
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMessagesThreadsAndUpdates(t *testing.T) {
	b := newBench(t)
	root := b.post(t, "", "A")
	b.post(t, root, "B")
	b.post(t, "", "C")
	if err := b.slack.Update(t.Context(), channel, root, message("A2")); err != nil {
		t.Fatal(err)
	}
	b.wantMessages(t, "[test] A2: app_1 (evt_1)", "reply: [test] B: app_1 (evt_1)", "[test] C: app_1 (evt_1)")
	first := b.Messages()[0]
	if first.Updates != 1 || first.TS != "1778336551.000000" || first.Channel != channel {
		t.Errorf("the root: %+v", first)
	}
	if want := `{"event_type":"revento_alert","event_payload":{"alert_key":"key of A"}}`; string(first.Metadata) != want {
		t.Errorf("the metadata did not outlive the update: %s", first.Metadata)
	}
}

func TestALookUpFindsWhatWasPosted(t *testing.T) {
	b := newBench(t)
	root := b.post(t, "", "A")
	reply := b.post(t, root, "B")
	tests := []struct {
		name, thread, of, want string
		from                   time.Duration
	}{
		{"a root in the channel", "", "A", root, 0},
		{"a reply in its thread", root, "B", reply, 0},
		{"a reply in the channel", "", "B", "", 0},
		{"nothing of the kind", root, "C", "", 0},
		{"outside of the window", "", "A", "", time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ts, err := b.slack.Find(t.Context(), thread.Search{
				Channel: channel, Thread: test.thread, AlertKey: "key of " + test.of,
				From: happenedAt.Add(test.from), To: happenedAt.Add(time.Minute),
			})
			if err != nil || ts != test.want {
				t.Errorf("Find = %q, %v, want %q", ts, err, test.want)
			}
		})
	}
	if _, err := b.slack.Find(t.Context(), thread.Search{Channel: channel, Thread: "1.1"}); !errors.Is(err, thread.ErrCannotLook) {
		t.Errorf("in a thread that is not there: %v", err)
	}
}

func TestALookUpEndsWithItsPage(t *testing.T) {
	b := newBench(t)
	for i := range 201 {
		b.post(t, "", fmt.Sprint(i))
	}
	search := thread.Search{Channel: channel, AlertKey: "key of 0", From: happenedAt, To: happenedAt.Add(time.Minute)}
	if _, err := b.slack.Find(t.Context(), search); !errors.Is(err, thread.ErrCannotLook) {
		t.Errorf("the oldest of 201: %v", err)
	}
	search.AlertKey = "key of 1"
	if ts, err := b.slack.Find(t.Context(), search); ts == "" || err != nil {
		t.Errorf("the oldest but one: %q, %v", ts, err)
	}
}

func TestWhatIsDeleted(t *testing.T) {
	b := newBench(t)
	api := slackgo.New("xoxb-1", slackgo.OptionAPIURL(b.url+"/api/"))
	lonely, root := b.post(t, "", "A"), b.post(t, "", "B")
	b.post(t, root, "C")
	for _, ts := range []string{lonely, root} {
		if _, _, err := api.DeleteMessageContext(t.Context(), channel, ts); err != nil {
			t.Fatal(err)
		}
		if err := b.slack.Update(t.Context(), channel, ts, message("X")); !errors.Is(err, thread.ErrMessageGone) {
			t.Errorf("an update: %v", err)
		}
	}
	b.post(t, root, "D") // Slack keeps a thread whose root is gone
	if _, err := b.slack.Post(t.Context(), channel, lonely, message("E")); !errors.Is(err, thread.ErrThreadGone) {
		t.Errorf("a reply to what left no trace: %v", err)
	}
	b.wantMessages(t, "deleted", "deleted", "reply: [test] C: app_1 (evt_1)", "reply: [test] D: app_1 (evt_1)", "deleted")
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct{ name, path, contentType, body, want string }{
		{"no token", "/api/auth.test", "application/x-www-form-urlencoded", "", `"error":"not_authed"`},
		{"a form that is none", "/api/auth.test", "application/x-www-form-urlencoded", "%zz", `"error":"invalid_form_data"`},
		{"JSON that is none", "/api/auth.test", "application/json", "{", `"error":"invalid_form_data"`},
		{"an unknown method", "/api/chat.shout", "application/json", `{"token":"x"}`, `"error":"unknown_method"`},
		{"nothing to show", "/api/chat.postMessage", "application/json", `{"token":"x","channel":"C1"}`, `"error":"no_text"`},
		{"no channel", "/api/chat.postMessage", "application/json", `{"token":"x","text":"t"}`, `"error":"channel_not_found"`},
		{"blocks that are no JSON", "/api/chat.postMessage", "application/x-www-form-urlencoded", "token=x&channel=C1&blocks=%5B", `"error":"invalid_blocks_format"`},
		{"a message that is not there", "/api/chat.update", "application/json", `{"token":"x","channel":"C1","ts":"1.1","text":"t"}`, `"error":"message_not_found"`},
		{"a thread that is not there", "/api/conversations.replies", "application/json", `{"token":"x","channel":"C1","ts":"1.1"}`, `"error":"thread_not_found"`},
		{"an event that is no JSON", "/v2/enqueue", "application/json", "{", "not valid JSON"},
		{"an event without a key", "/v2/enqueue", "application/json", "{}", "'routing_key' is incorrect"},
		{"an unknown action", "/v2/enqueue", "application/json", `{"event_action":"shout"}`, "'event_action' is invalid"},
		{"a trigger without its payload", "/v2/enqueue", "application/json", `{"event_action":"trigger"}`, "'payload.severity' is invalid"},
		{"a resolve of nothing", "/v2/enqueue", "application/json", `{"event_action":"resolve"}`, "'dedup_key' is missing"},
		{"another path", "/", "application/json", "{}", "404 page not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := b.send(t, test.path, test.contentType, test.body); !strings.Contains(got, test.want) {
				t.Errorf("answered %s, want %s", got, test.want)
			}
		})
	}
	if len(b.Messages())+len(b.Incidents()) != 0 {
		t.Error("what was refused was recorded")
	}
}

func (b bench) send(t *testing.T, path, contentType, body string) string {
	t.Helper()
	response, err := http.Post(b.url+path, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestACallMayBeJSONAndABearer(t *testing.T) {
	b := newBench(t)
	answer := b.send(t, "/api/chat.postMessage", "application/json", `{"token":"x","channel":"C1","text":"t","blocks":[{"type":"divider"}]}`)
	if !strings.Contains(answer, `"ok":true`) || string(b.Messages()[0].Blocks) != `[{"type":"divider"}]` {
		t.Errorf("answered %s, recorded %+v", answer, b.Messages())
	}
	for _, method := range []string{"auth.test", "conversations.info"} {
		if answer := b.send(t, "/api/"+method, "application/json", `{"token":"x"}`); !strings.Contains(answer, `"ok":true`) {
			t.Errorf("%s: %s", method, answer)
		}
	}
}

// page opens or resolves the incident with a key.
func (b bench) page(t *testing.T, key, title string, resolves bool) {
	t.Helper()
	page := incident.Page{IncidentKey: key, Content: content(title)}
	page.Content.Resolves = resolves
	if err := b.pagerduty.Enqueue(t.Context(), page); err != nil {
		t.Fatal(err)
	}
}

// wantIncidents compares incidents as "key, newest trigger, number of triggers, state".
func (b bench) wantIncidents(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for _, i := range b.Incidents() {
		got = append(got, fmt.Sprintf("%s %s x%d resolved by %q", i.DedupKey, summary(t, i.Event), i.Triggers, summary(t, i.Resolution)))
		if strings.Contains(string(i.Event)+string(i.Resolution), "routing_key") {
			t.Error("the routing key is kept")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func summary(t *testing.T, event json.RawMessage) string {
	t.Helper()
	if event == nil {
		return ""
	}
	var shown struct{ Payload struct{ Summary string } }
	if err := json.Unmarshal(event, &shown); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(shown.Payload.Summary, ": app_1 (evt_1)")
}

func TestIncidents(t *testing.T) {
	b := newBench(t)
	b.page(t, "k1", "early", true) // dropped: there is nothing to resolve
	b.page(t, "k1", "A", false)
	b.page(t, "k2", "B", false)
	b.page(t, "k1", "A2", false)
	b.page(t, "k1", "done", true)
	b.page(t, "k1", "C", false)
	b.wantIncidents(t,
		`k1 [test] A2 x2 resolved by "[test] Resolved: done"`,
		`k2 [test] B x1 resolved by ""`,
		`k1 [test] C x1 resolved by ""`)
}

func start(t *testing.T, dir string) bench {
	t.Helper()
	r, err := recorder.Start(dir)
	if err != nil {
		t.Fatal(err)
	}
	return bench{r, r.PagerDutyURL(), slackClient(r.SlackURL()), pagerClient(r.PagerDutyURL())}
}

func TestARestartGoesOnWithWhatWasShown(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	root := b.post(t, "", "A")
	b.post(t, root, "B")
	if err := b.slack.Update(t.Context(), channel, root, message("A2")); err != nil {
		t.Fatal(err)
	}
	b.page(t, "k1", "A", false)
	b.page(t, "k1", "A", true)
	b.page(t, "k1", "B", false)
	messages, incidents := b.Messages(), b.Incidents()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	cutLastLine(t, filepath.Join(dir, "recorder.jsonl"))

	b = start(t, dir)
	defer b.Close()
	if diff := cmp.Diff(messages, b.Messages()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(incidents, b.Incidents()); diff != "" {
		t.Error(diff)
	}
	if next := b.post(t, root, "C"); next <= messages[1].TS {
		t.Errorf("the next message's ts %s is not after %s", next, messages[1].TS)
	}
}

// cutLastLine is a crash in the middle of writing one more line.
func cutLastLine(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"message":{"chan`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedFileIsNamedWithItsRemedy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recorder.jsonl")
	if err := os.WriteFile(path, []byte("not JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := recorder.Start(dir)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("Start: %v", err)
	}
}

func TestWhoWaitsIsTold(t *testing.T) {
	b := newBench(t)
	changed := b.Changed()
	select {
	case <-changed:
		t.Fatal("told before anything changed")
	default:
	}
	b.post(t, "", "A")
	<-changed
}

func TestARecorderIsSafeForConcurrentUse(t *testing.T) {
	b := start(t, t.TempDir())
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			if _, err := b.slack.Post(ctx, channel, "", message(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
			if err := b.pagerduty.Enqueue(ctx, incident.Page{IncidentKey: fmt.Sprint(i), Content: content("A")}); err != nil {
				t.Error(err)
			}
			_, _ = b.Messages(), b.Incidents()
		})
	}
	wait.Wait()
	seen := map[string]bool{}
	for _, m := range b.Messages() {
		seen[m.TS] = true
	}
	if len(seen) != 8 || len(b.Incidents()) != 8 {
		t.Errorf("%d messages, %d incidents", len(seen), len(b.Incidents()))
	}
}
