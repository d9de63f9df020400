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

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/inprocess"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/provider/slack"
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

func TestAnUpdateKeepsWhatItDoesNotName(t *testing.T) {
	b := newBench(t)
	const form = "application/json"
	b.send(t, "/api/chat.postMessage", form,
		`{"token":"x","channel":"C1","text":"t","blocks":[1],"attachments":[2],"metadata":{"event_type":"e"}}`)
	want := b.Messages()[0]
	want.Text, want.Blocks, want.Updates = "t2", []byte("[]"), 1
	b.send(t, "/api/chat.update", form, `{"token":"x","channel":"C1","ts":"`+want.TS+`","text":"t2","blocks":[]}`)
	if diff := cmp.Diff([]recorder.Message{want}, b.Messages()); diff != "" {
		t.Error(diff)
	}
}

func TestPagesOfHistoryAndReplies(t *testing.T) {
	b := newBench(t)
	root := b.post(t, "", "A") // ...0
	b.post(t, root, "B")       // ...1
	b.post(t, root, "C")       // ...2
	b.post(t, "", "D")         // ...3
	if _, err := b.slack.Post(t.Context(), "C0ANOTHER", "", message("E")); err != nil {
		t.Fatal(err)
	}
	at := func(microsecond int) string { return fmt.Sprintf("1778336551.%06d", microsecond) }
	for _, test := range []struct{ name, method, arguments, want string }{
		{"a channel, newest first", "history", "", "D A"},
		{"a thread, oldest first", "replies", "", "A B C"},
		{"a limit", "history", "limit=1", "D more"},
		{"a limit that is just enough", "history", "limit=2", "D A"},
		{"a limit of a thread counts its root", "replies", "limit=2", "A B more"},
		{"a limit that is none", "history", "limit=none", "D A"},
		{"oldest leaves its own moment out", "history", "oldest=" + at(0), "D"},
		{"latest leaves its own moment out", "history", "latest=" + at(3), "A"},
		{"inclusive takes both in", "history", "inclusive=true&oldest=" + at(0) + "&latest=" + at(3), "D A"},
		{"a window in which nothing is", "history", "oldest=" + at(9), ""},
		{"a thread's root is there whatever the window", "replies", "oldest=" + at(1), "A C"},
		{"a moment without decimals", "history", "latest=1778336551", ""},
		{"another channel", "history", "channel=C0ANOTHER", "E"},
		{"a channel in which nothing is", "history", "channel=C0EMPTY", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			arguments := test.arguments + "&token=x&ts=" + root
			if !strings.Contains(arguments, "channel=") {
				arguments += "&channel=" + channel
			}
			var page struct {
				Messages []struct{ Text, Metadata string }
				More     bool `json:"has_more"`
			}
			answer := b.send(t, "/api/conversations."+test.method, "application/x-www-form-urlencoded", arguments)
			if err := json.Unmarshal([]byte(answer), &page); err != nil {
				t.Fatal(err) // metadata, which was not asked for, would be no text
			}
			var got []string
			for _, m := range page.Messages {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(m.Text, "[test] "), ": app_1 (evt_1)"))
			}
			if page.More {
				got = append(got, "more")
			}
			if shown := strings.Join(got, " "); shown != test.want {
				t.Errorf("shows %q, want %q", shown, test.want)
			}
		})
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
	const form, object = "application/x-www-form-urlencoded", "application/json"
	for _, test := range []struct{ name, path, contentType, body, want string }{
		{"no token", "/api/auth.test", form, "", `"error":"not_authed"`},
		{"a form that is none", "/api/auth.test", form, "%zz", `"error":"invalid_form_data"`},
		{"JSON that is none", "/api/auth.test", object, "{", `"error":"invalid_form_data"`},
		{"an unknown method", "/api/chat.shout", object, `{"token":"x"}`, `"error":"unknown_method"`},
		{"nothing to show", "/api/chat.postMessage", object, `{"token":"x","channel":"C1"}`, `"error":"no_text"`},
		{"no channel", "/api/chat.postMessage", object, `{"token":"x","text":"t"}`, `"error":"channel_not_found"`},
		{"blocks that are no JSON", "/api/chat.postMessage", form,
			"token=x&channel=C1&blocks=%5B", `"error":"invalid_blocks_format"`},
		{"attachments that are no JSON", "/api/chat.postMessage", form,
			"token=x&channel=C1&text=t&attachments=%5B", `"error":"invalid_attachments_format"`},
		{"metadata that is no JSON", "/api/chat.postMessage", form,
			"token=x&channel=C1&text=t&metadata=%5B", `"error":"invalid_metadata_format"`},
		{"a message that is not there", "/api/chat.update", object,
			`{"token":"x","channel":"C1","ts":"1.1","text":"t"}`, `"error":"message_not_found"`},
		{"a message that is gone", "/api/chat.delete", object,
			`{"token":"x","channel":"C1","ts":"1.1"}`, `"error":"message_not_found"`},
		{"a thread that is not there", "/api/conversations.replies", object,
			`{"token":"x","channel":"C1","ts":"1.1"}`, `"error":"thread_not_found"`},
		{"an event that is no JSON", "/v2/enqueue", object, "{", "not valid JSON"},
		{"an event of another form", "/v2/enqueue", object, `{"payload":"none"}`, "not of the known form"},
		{"an event without a key", "/v2/enqueue", object, "{}", "'routing_key' is incorrect"},
		{"an unknown action", "/v2/enqueue", object, `{"event_action":"shout"}`, "'event_action' is invalid"},
		{"a trigger without its payload", "/v2/enqueue", object,
			`{"event_action":"trigger"}`, "'payload.severity' is invalid"},
		{"a resolve of nothing", "/v2/enqueue", object, `{"event_action":"resolve"}`, "'dedup_key' is missing"},
		{"another path", "/", object, "{}", "404 page not found"},
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
		if answer := b.send(t, "/api/"+method, "application/json", `{"token":"x","channel":"C1"}`); !strings.Contains(answer, `"ok":true`) {
			t.Errorf("%s: %s", method, answer)
		}
	}
}

func TestTheBotHasEveryScopeAndIsInEveryChannel(t *testing.T) {
	b := newBench(t)
	bot, team, scopes, err := b.slack.Identify(t.Context())
	if err != nil || bot != "revento-alerts" || team != "Recorder" {
		t.Errorf("Identify = %q, %q, %v", bot, team, err)
	}
	var used []string
	for _, scope := range slack.Scopes {
		used = append(used, scope.Name)
	}
	if diff := cmp.Diff(used, scopes); diff != "" {
		t.Error(diff)
	}
	name, member, archived, err := b.slack.Channel(t.Context(), channel)
	if err != nil || name != "recorded" || !member || archived {
		t.Errorf("Channel = %q, member %v, archived %v, %v", name, member, archived, err)
	}
	if answer := b.send(t, "/api/conversations.info", "application/json", `{"token":"x"}`); !strings.Contains(answer, "channel_not_found") {
		t.Errorf("no channel: %s", answer)
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

func TestAnEventWithoutAKeyGetsOne(t *testing.T) {
	b := newBench(t)
	const event = `{"routing_key":"00000000000000000000000000000000","event_action":"trigger",` +
		`"payload":{"summary":"A","source":"s","severity":"info"}}`
	for _, want := range []string{"recorded-1", "recorded-2"} {
		if answer := b.send(t, "/v2/enqueue", "application/json", event); !strings.Contains(answer, `"dedup_key":"`+want+`"`) {
			t.Errorf("answered %s, want %s", answer, want)
		}
	}
	b.wantIncidents(t, `recorded-1 A x1 resolved by ""`, `recorded-2 A x1 resolved by ""`)
}

func start(t *testing.T, dir string) bench {
	t.Helper()
	return startWithin(t, dir, recorder.DefaultLimits)
}

func startWithin(t *testing.T, dir string, limits recorder.Limits) bench {
	t.Helper()
	r, err := recorder.Open(dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	transport := inprocess.Transport(r)
	return bench{r, "", slackClient(recorder.SlackURL).Through(transport), pagerClient(recorder.PagerDutyURL).Through(transport)}
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
	b.wantSame(t, messages, incidents)
	if next := b.post(t, root, "C"); next <= messages[1].TS {
		t.Errorf("the next message's ts %s is not after %s", next, messages[1].TS)
	}
	b.page(t, "k1", "B", true)
	messages, incidents = b.Messages(), b.Incidents()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = start(t, dir) // what follows the cut line is whole
	defer b.Close()
	b.wantSame(t, messages, incidents)
}

func (b bench) wantSame(t *testing.T, messages []recorder.Message, incidents []recorder.Incident) {
	t.Helper()
	if diff := cmp.Diff(messages, b.Messages()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(incidents, b.Incidents()); diff != "" {
		t.Error(diff)
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
	if err := os.WriteFile(path, []byte("not JSON\n"+`{"message":{"channel":"C1","ts":"1.000000","text":"A"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := recorder.Open(dir, recorder.DefaultLimits)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("Open: %v", err)
	}
}

// What a crash or a power cut leaves at the end: a part of a line, blocks that were never written, or a line that says nothing.
func TestWhatIsNoWholeLastLineIsCutOffAndTold(t *testing.T) {
	const whole = `{"message":{"channel":"C1","ts":"1.000000","text":"A"}}` + "\n"
	for name, rest := range map[string]string{
		"half a line":             `{"message":{"chan`,
		"a line without its end":  `{"message":{"channel":"C1","ts":"2.000000","text":"B"}}`,
		"blocks of zeros":         strings.Repeat("\x00", 4096),
		"zeros and a line's end":  "\x00\x00\n",
		"half a line and its end": `{"message":` + "\n",
		"an empty line":           "\n",
		"a line of nothing":       "{}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "recorder.jsonl")
			if err := os.WriteFile(path, []byte(whole+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			b := start(t, dir)
			if !strings.Contains(b.Cut, path) {
				t.Errorf("told: %q", b.Cut)
			}
			b.wantMessages(t, "A")
			b.post(t, "", "C")
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = start(t, dir)
			defer b.Close()
			b.wantMessages(t, "A", "[test] C: app_1 (evt_1)")
			if b.Cut != "" {
				t.Errorf("told again: %q", b.Cut)
			}
		})
	}
}

// It kept everything for ever, in memory and in its file.
func TestTheOldestGoesWhereThereIsTooMuch(t *testing.T) {
	dir := t.TempDir()
	b := startWithin(t, dir, recorder.Limits{Entries: 3, Bytes: 1 << 20})
	root := b.post(t, "", "A")
	b.page(t, "k1", "A", false)
	b.post(t, "", "B")
	b.page(t, "k2", "B", false) // A goes
	b.wantMessages(t, "[test] B: app_1 (evt_1)")
	if err := b.slack.Update(t.Context(), channel, root, message("A2")); !errors.Is(err, thread.ErrMessageGone) {
		t.Errorf("updating what is gone: %v", err)
	}
	b.page(t, "k3", "C", false) // the page of k1 goes
	b.page(t, "k3", "C", true)
	messages, incidents := b.Messages(), b.Incidents()
	if len(incidents) != 2 || incidents[0].DedupKey != "k2" || !incidents[1].Resolved {
		t.Errorf("incidents: %+v", incidents)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = startWithin(t, dir, recorder.Limits{Entries: 3, Bytes: 1 << 20})
	defer b.Close()
	b.wantSame(t, messages, incidents)
	b.page(t, "k2", "B", true)
	if incidents := b.Incidents(); !incidents[0].Resolved {
		t.Errorf("another incident than k2's was resolved: %+v", incidents)
	}
}

func TestBytesAreBoundedInMemoryAndInTheFile(t *testing.T) {
	dir := t.TempDir()
	const limit = 64 << 10
	limits := recorder.Limits{Entries: 1000, Bytes: limit}
	b := startWithin(t, dir, limits)
	long := strings.Repeat("x", 2000)
	for range 200 {
		root := b.post(t, "", long)
		for range 5 {
			if err := b.slack.Update(t.Context(), channel, root, message(long)); err != nil {
				t.Fatal(err)
			}
		}
	}
	encoded, err := json.Marshal(b.Messages())
	if err != nil {
		t.Fatal(err)
	}
	if len(encoded) > limit || len(encoded) < limit/2 {
		t.Errorf("%d bytes are shown, want at most, and about, %d", len(encoded), limit)
	}
	info, err := os.Stat(filepath.Join(dir, "recorder.jsonl"))
	if err != nil || info.Size() > 2*limit+1<<20+16<<10 || info.Mode() != 0o600 {
		t.Errorf("the file has %d bytes, mode %v, %v", info.Size(), info.Mode(), err)
	}
	messages, incidents := b.Messages(), b.Incidents()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = startWithin(t, dir, limits)
	defer b.Close()
	b.wantSame(t, messages, incidents)
}

func TestAClosedRecorderTakesNothing(t *testing.T) {
	b := start(t, t.TempDir())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.slack.Post(t.Context(), channel, "", message("A")); err == nil {
		t.Error("taken")
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
