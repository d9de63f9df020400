package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/exchange"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/test/faultproxy"
)

// What no error may hold.
const (
	tokenCanary   = "xoxb-CANARY-token"
	contentCanary = "CANARY-content"
)

const (
	channel = "C0SAMPLE01"
	root    = "1778336551.000100"
	posted  = "1778336552.000200"
)

var message = thread.Message{
	AlertKey: "key-1",
	Content: alert.Content{
		Type: "application.revision_requested", Title: contentCanary, Family: "application", Severity: route.Error,
		Environment: contentCanary, EventID: contentCanary, ResourceID: contentCanary, DeliveryID: contentCanary,
		HappenedAt: time.Date(2026, 5, 9, 14, 22, 31, 0, time.UTC),
		Fields:     []alert.Field{{Name: "note", Value: contentCanary}},
	},
}

// tokens gives what fetch gives; renewed, where it is not "", is what a fresh look finds, if one may look now.
type tokens struct {
	fetch   secret.Fetch
	renewed secret.Token
	wait    time.Duration // until one may look
}

func (t tokens) Get(ctx context.Context) (secret.Token, error) {
	text, err := t.fetch(ctx)
	return secret.Token(text), err
}

func (t tokens) Refresh(ctx context.Context) (secret.Token, bool, error) {
	if t.wait > 0 || t.renewed == "" {
		held, err := t.Get(ctx)
		return held, t.wait == 0, err
	}
	return t.renewed, true, nil
}

func (t tokens) Wait(context.Context) time.Duration { return t.wait }

// against returns a client of a Slack that answers with handler.
func against(t *testing.T, handler http.HandlerFunc) *slack.Client {
	t.Helper()
	return slack.New(faultproxy.Before(t, handler).URL+"/api/", tokens{fetch: secret.Static(tokenCanary)})
}

// answers is a handler with a fixed answer.
func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refuses(code string) http.HandlerFunc {
	return answers(http.StatusOK, fmt.Sprintf(`{"ok":false,"error":%q}`, code))
}

// calls are the operations, whose errors are classified alike but for the class of a lost answer.
var calls = map[string]func(context.Context, *slack.Client) error{
	"post":   func(ctx context.Context, c *slack.Client) error { return post(ctx, c, "") },
	"reply":  func(ctx context.Context, c *slack.Client) error { return post(ctx, c, root) },
	"update": func(ctx context.Context, c *slack.Client) error { return c.Update(ctx, channel, root, message) },
	"find": func(ctx context.Context, c *slack.Client) error {
		_, err := c.Find(ctx, thread.Search{Channel: channel, AlertKey: "key-1"})
		return err
	},
	"identify": func(ctx context.Context, c *slack.Client) error {
		_, _, _, err := c.Identify(ctx)
		return err
	},
	"channel": func(ctx context.Context, c *slack.Client) error {
		_, _, _, err := c.Channel(ctx, channel)
		return err
	},
	"text": func(ctx context.Context, c *slack.Client) error { return c.PostText(ctx, channel, contentCanary) },
}

// meanings are what errors mean to the rules.
var meanings = []error{
	thread.ErrThreadGone, thread.ErrMessageGone, thread.ErrCannotLook,
	provider.ErrCredential, provider.ErrMissingScope, provider.ErrNoChannel,
}

func post(ctx context.Context, c *slack.Client, root string) error {
	_, err := c.Post(ctx, channel, root, message)
	return err
}

// want is what one call's error must be.
type want struct {
	class   fault.Class
	reason  string
	meaning error // or nil
}

func (w want) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	failure := fault.Of(err)
	if failure.Class != w.class || failure.Reason != w.reason {
		t.Errorf("%s %q, want %s %q", failure.Class, failure.Reason, w.class, w.reason)
	}
	for _, meaning := range meanings {
		if got := errors.Is(err, meaning); got != (meaning == w.meaning) {
			t.Errorf("means %q: %v", meaning, got)
		}
	}
	if strings.Contains(err.Error(), "CANARY") {
		t.Errorf("the error leaks: %v", err)
	}
}

// permanently is what a definite refusal means for each call.
func permanently(reason string) map[string]want {
	return map[string]want{
		"post":     {fault.Permanent, reason, nil},
		"reply":    {fault.Permanent, reason, nil},
		"update":   {fault.Permanent, reason, nil},
		"find":     {fault.Permanent, reason, thread.ErrCannotLook},
		"identify": {fault.Permanent, reason, nil},
		"channel":  {fault.Permanent, reason, nil},
		"text":     {fault.Permanent, reason, nil},
	}
}

// lost is what an answer that tells nothing means: a post may have worked.
func lost(reason string) map[string]want {
	return map[string]want{
		"post":     {fault.Unknown, reason, nil},
		"reply":    {fault.Unknown, reason, nil},
		"update":   {fault.Transient, reason, nil},
		"find":     {fault.Transient, reason, nil},
		"identify": {fault.Transient, reason, nil},
		"channel":  {fault.Transient, reason, nil},
		"text":     {fault.Unknown, reason, nil},
	}
}

// always is one meaning for every call.
func always(class fault.Class, reason string) map[string]want {
	wants := map[string]want{}
	for call := range calls {
		wants[call] = want{class, reason, nil}
	}
	return wants
}

// but changes what an error means for one call.
func but(wants map[string]want, call string, meaning error) map[string]want {
	w := wants[call]
	w.meaning = meaning
	wants[call] = w
	return wants
}

func checkCalls(t *testing.T, client *slack.Client, wants map[string]want) {
	t.Helper()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { wants[name].check(t, call(t.Context(), client)) })
	}
}

func TestSlacksErrorCodes(t *testing.T) {
	codes := map[string]map[string]want{
		"ratelimited":            always(fault.Throttled, "ratelimited"),
		"rate_limited":           always(fault.Throttled, "rate_limited"),
		"message_limit_exceeded": always(fault.Throttled, "message_limit_exceeded"),

		"internal_error": lost("internal_error"),
		"fatal_error":    lost("fatal_error"),

		"service_unavailable": always(fault.Transient, "service_unavailable"),
		"request_timeout":     always(fault.Transient, "request_timeout"),
		"team_added_to_org":   always(fault.Transient, "team_added_to_org"),

		"thread_not_found":        but(permanently("thread_not_found"), "reply", thread.ErrThreadGone),
		"invalid_thread_ts":       but(permanently("invalid_thread_ts"), "reply", thread.ErrThreadGone),
		"cannot_reply_to_message": but(permanently("cannot_reply_to_message"), "reply", thread.ErrThreadGone),
		"message_not_found": but(but(permanently("message_not_found"), "reply", thread.ErrThreadGone),
			"update", thread.ErrMessageGone),

		"missing_scope":     but(permanently("missing_scope"), "channel", provider.ErrMissingScope),
		"channel_not_found": but(permanently("channel_not_found"), "channel", provider.ErrNoChannel),

		"Not a code: " + tokenCanary: permanently("unnamed_error"),
		strings.Repeat("a", 65):      permanently("unnamed_error"),
	}
	for _, code := range []string{
		"access_denied", "attachment_payload_limit_exceeded", "cant_update_message",
		"edit_window_closed", "invalid_arguments", "invalid_blocks", "invalid_blocks_format", "is_archived",
		"metadata_too_large", "msg_blocks_too_long", "msg_too_long", "no_permission", "no_text",
		"not_in_channel", "restricted_action", "too_many_attachments", "some_code_of_2027",
	} {
		codes[code] = permanently(code)
	}
	for _, code := range []string{"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"} {
		codes[code] = but(but(permanently(code), "identify", provider.ErrCredential), "find", nil) // nothing could be posted either
	}
	for code, wants := range codes {
		t.Run(code, func(t *testing.T) { checkCalls(t, against(t, refuses(code)), wants) })
	}
}

func TestHTTPStatuses(t *testing.T) {
	for status := http.StatusOK; status < 600; status++ {
		reason := exchange.HTTPReason(status)
		var wants map[string]want
		switch {
		case status == http.StatusOK:
			wants = lost("unreadable_answer")
		case status == http.StatusTooManyRequests:
			wants = always(fault.Throttled, reason)
		case status == http.StatusRequestTimeout:
			wants = always(fault.Transient, reason)
		case status >= 300 && status < 500:
			wants = permanently(reason)
		default: // 5xx, and a success that is not Slack's
			wants = lost(reason)
		}
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			checkCalls(t, against(t, answers(status, "<html>"+contentCanary, "Location", "/api/elsewhere")), wants)
		})
	}
}

// The client library gives an error without the class, or even none, for each of these.
func TestThrottlingInEveryForm(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		reason  string
		after   time.Duration
	}{
		{"429 with seconds", answers(429, "", "Retry-After", "30"), "http_429", 30 * time.Second},
		{"429 without Retry-After", answers(429, ""), "http_429", 0},
		{"429 with a fraction", answers(429, "", "Retry-After", "1.5"), "http_429", 0},
		{"429 with a negative number", answers(429, "", "Retry-After", "-1"), "http_429", 0},
		{"429 with a number beyond all bounds", answers(429, "", "Retry-After", "99999999999999999999"), "http_429", 0},
		{"429 with a date", answers(429, "", "Date", "Sat, 09 May 2026 14:00:00 GMT", "Retry-After", "Sat, 09 May 2026 14:00:40 GMT"),
			"http_429", 40 * time.Second},
		{"429 with a date that is over", answers(429, "", "Date", "Sat, 09 May 2026 14:00:00 GMT", "Retry-After", "Sat, 09 May 2026 13:00:00 GMT"),
			"http_429", 0},
		{"200 that says so, with seconds", answers(200, `{"ok":false,"error":"rate_limited"}`, "Retry-After", "7"), "rate_limited", 7 * time.Second},
		{"429 whose body breaks off", faultproxy.Cut("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 100\r\n\r\n{"), "http_429", 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := against(t, test.handler)
			checkCalls(t, client, always(fault.Throttled, test.reason))
			if got := fault.Of(post(t.Context(), client, "")).RetryAfter; got != test.after {
				t.Errorf("retry after %s, want %s", got, test.after)
			}
		})
	}
}

func TestLostAnswers(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		reason  string
	}{
		{"no answer", faultproxy.Cut(""), "connection_lost"},
		{"a status alone", faultproxy.Cut("HTTP/1.1 200 OK\r\n"), "connection_lost"},
		{"a body cut in the middle", faultproxy.Cut("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true"), "connection_lost"},
		{"a line that is not HTTP and quotes the token", faultproxy.Cut(tokenCanary + "\r\n\r\n"), "connection_lost"},
		{"an empty body", answers(200, ""), "unreadable_answer"},
		{"not JSON", answers(200, tokenCanary), "unreadable_answer"},
		{"JSON that is not an object", answers(200, `"`+tokenCanary+`"`), "unreadable_answer"},
		{"neither ok nor an error", answers(200, `{}`), "unreadable_answer"},
		{"not ok, and no error", answers(200, `{"ok":false}`), "unreadable_answer"},
		{"not ok, no error, and yet a message", answers(200, `{"ok":false,"channel":"C1","ts":"1.2"}`), "unreadable_answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkCalls(t, against(t, test.handler), lost(test.reason)) })
	}
}

func TestAnAnswerBeyondAllBounds(t *testing.T) {
	wants := lost("answer_too_large")
	// It would be as large the next time.
	wants["update"] = want{fault.Permanent, "answer_too_large", nil}
	wants["find"] = want{fault.Permanent, "answer_too_large", thread.ErrCannotLook}
	wants["identify"], wants["channel"] = want{fault.Permanent, "answer_too_large", nil}, want{fault.Permanent, "answer_too_large", nil}
	checkCalls(t, against(t, answers(200, strings.Repeat(" ", exchange.MaxAnswerBytes+1))), wants)
}

func TestATimeOutAfterSending(t *testing.T) {
	arrived := make(chan struct{})
	client := against(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() { // the time is over once Slack has the request, however long that took on a busy machine
				<-arrived
				cancel()
			}()
			lost("timeout")[name].check(t, call(ctx, client))
		})
	}
}

func TestWhatNeverReachesSlackIsTransient(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	untrusted := httptest.NewUnstartedServer(answers(200, `{"ok":true}`))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, base := range map[string]string{
		"a refused connection":             closed.URL,
		"a name that does not resolve":     "http://slack.invalid",
		"a certificate of somebody else's": untrusted.URL,
		"a handshake that hangs":           "https://" + silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			client := slack.New(base+"/api/", tokens{fetch: secret.Static(tokenCanary)})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			want{fault.Transient, "no_connection", nil}.check(t, post(ctx, client, ""))
		})
	}
}

func TestASuccessThatNamesNoMessageIsUnknown(t *testing.T) {
	for _, body := range []string{`{"ok":true}`, `{"ok":true,"channel":"C1"}`, `{"ok":true,"ts":"1.2"}`} {
		for _, call := range []string{"post", "text"} {
			want{fault.Unknown, "no_timestamp", nil}.check(t, calls[call](t.Context(), against(t, answers(200, body))))
		}
	}
}

func TestATokenThatCannotBeHadIsTransient(t *testing.T) {
	gone := func(context.Context) (string, error) { return "", errors.New("secrets manager is down") }
	checkCalls(t, slack.New("http://127.0.0.1:1/api/", tokens{fetch: gone}), always(fault.Transient, "no_token"))
}

func TestARequestThatCannotBeMadeIsPermanent(t *testing.T) {
	checkCalls(t, slack.New("http://[/api/", tokens{fetch: secret.Static(tokenCanary)}), permanently("unmade"))
}

// sent is a request as Slack got it.
type sent struct {
	path string
	form url.Values
}

// listening returns a client of a Slack that takes everything, and what it got.
func listening(t *testing.T, bodies map[string]string) (*slack.Client, *[]sent) {
	var got []sent
	client := against(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = append(got, sent{r.URL.Path, r.PostForm})
		answers(200, bodies[strings.TrimPrefix(r.URL.Path, "/api/")])(w, r)
	})
	return client, &got
}

const accepted = `{"ok":true,"channel":"C0SAMPLE01","ts":"` + posted + `"}`

func wantForm(t *testing.T, form url.Values, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for name := range form {
		if name != "text" && name != "blocks" && name != "attachments" { // held by the golden files
			got[name] = form.Get(name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"text", "blocks", "attachments"} {
		if form.Get(name) == "" && want["metadata"] != "" {
			t.Errorf("no %s", name)
		}
	}
}

func TestPostSendsMetadataWithTheAlertKeyAlone(t *testing.T) {
	for _, thread := range []string{"", root} {
		client, got := listening(t, map[string]string{"chat.postMessage": accepted})
		ts, err := client.Post(t.Context(), channel, thread, message)
		if err != nil || ts != posted {
			t.Fatalf("Post = %q, %v", ts, err)
		}
		want := map[string]string{
			"token": tokenCanary, "channel": channel, "parse": "none", "unfurl_links": "false", "unfurl_media": "false",
			"metadata": `{"event_type":"revento_alert","event_payload":{"alert_key":"key-1"}}`,
		}
		if thread != "" {
			want["thread_ts"] = thread
		}
		if len(*got) != 1 || (*got)[0].path != "/api/chat.postMessage" {
			t.Fatalf("sent %v", *got)
		}
		wantForm(t, (*got)[0].form, want)
	}
}

func TestUpdateLeavesTheMetadataAsItIs(t *testing.T) {
	client, got := listening(t, map[string]string{"chat.update": accepted})
	if err := client.Update(t.Context(), channel, root, message); err != nil {
		t.Fatal(err)
	}
	if len(*got) != 1 || (*got)[0].path != "/api/chat.update" {
		t.Fatalf("sent %v", *got)
	}
	wantForm(t, (*got)[0].form, map[string]string{"token": tokenCanary, "channel": channel, "ts": root, "parse": "none"})
}

// Slack puts a reply whose root was deleted into the channel itself and calls it a success.
func TestAReplyThatLeftItsThreadIsTakenBack(t *testing.T) {
	const unthreaded = `{"ok":true,"channel":"C0SAMPLE01","ts":"` + posted + `","message":{"type":"message","ts":"` + posted + `"}}`
	tests := []struct {
		name    string
		deleted string
		want    want
	}{
		{"taken back", `{"ok":true,"channel":"C0SAMPLE01","ts":"` + posted + `"}`, want{fault.Permanent, "reply_left_thread", thread.ErrThreadGone}},
		{"somebody was faster", `{"ok":false,"error":"message_not_found"}`, want{fault.Permanent, "reply_left_thread", thread.ErrThreadGone}},
		{"it cannot be", `{"ok":false,"error":"cant_delete_message"}`, want{fault.Unknown, "cant_delete_message", nil}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, got := listening(t, map[string]string{"chat.postMessage": unthreaded, "chat.delete": test.deleted})
			test.want.check(t, post(t.Context(), client, root))
			if len(*got) != 2 || (*got)[1].path != "/api/chat.delete" || (*got)[1].form.Get("ts") != posted {
				t.Errorf("sent %v", *got)
			}
		})
	}
	t.Run("a root is in no thread", func(t *testing.T) {
		client, _ := listening(t, map[string]string{"chat.postMessage": unthreaded})
		if err := post(t.Context(), client, ""); err != nil {
			t.Error(err)
		}
	})
	t.Run("a reply that is where it belongs", func(t *testing.T) {
		body := strings.Replace(unthreaded, `"type":"message"`, `"thread_ts":"`+root+`"`, 1)
		client, _ := listening(t, map[string]string{"chat.postMessage": body})
		if err := post(t.Context(), client, root); err != nil {
			t.Error(err)
		}
	})
}

// inPage is a message of a page as Slack gives it.
func inPage(ts, eventType string, payload any) map[string]any {
	return map[string]any{"type": "message", "ts": ts, "metadata": map[string]any{"event_type": eventType, "event_payload": payload}}
}

func TestFind(t *testing.T) {
	key := func(key string) any { return map[string]any{"alert_key": key} }
	ours := inPage(posted, "revento_alert", key("key-1"))
	rootOfAnother := inPage(root, "revento_alert", key("key-0"))
	tests := []struct {
		name     string
		thread   string
		messages []any
		more     bool
		want     string
		err      error
	}{
		{name: "in the channel", messages: []any{inPage("1.1", "revento_alert", key("key-2")), ours}, want: posted},
		{name: "behind its thread's root", thread: root, messages: []any{rootOfAnother, ours}, want: posted},
		{name: "only the root, which tells another alert", thread: root, messages: []any{rootOfAnother}},
		{name: "an empty channel", messages: []any{}},
		{name: "somebody else's metadata with our key", messages: []any{inPage("1.1", "their_event", key("key-1"))}},
		{name: "among messages in forms of their own", messages: []any{
			map[string]any{"ts": 1, "blocks": "none"}, inPage("1.1", "revento_alert", []int{1}), "text", nil, ours}, want: posted},
		{name: "not on a page that is not the last", messages: []any{inPage("1778336555.000100", "revento_alert", key("key-0"))}, more: true,
			err: thread.ErrCannotLook},
		{name: "on a page that is not the last", messages: []any{ours}, more: true, want: posted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body, err := json.Marshal(map[string]any{"ok": true, "messages": test.messages, "has_more": test.more})
			if err != nil {
				t.Fatal(err)
			}
			client, got := listening(t, map[string]string{"conversations.history": string(body), "conversations.replies": string(body)})
			ts, err := client.Find(t.Context(), thread.Search{
				Channel: channel, Thread: test.thread, AlertKey: "key-1",
				From: time.Unix(1778336551, 999_999_999), To: time.Unix(1778336560, 0),
			})
			if ts != test.want || !errors.Is(err, test.err) {
				t.Errorf("Find = %q, %v, want %q, %v", ts, err, test.want, test.err)
			}
			path, form := "/api/conversations.history", map[string]string{
				"token": tokenCanary, "channel": channel, "oldest": "1778336551.999999", "latest": "1778336560.000000",
				"inclusive": "1", "limit": "200", "include_all_metadata": "1",
			}
			if test.thread != "" {
				path, form["ts"] = "/api/conversations.replies", test.thread
			}
			if len(*got) != 1 || (*got)[0].path != path {
				t.Fatalf("sent %v", *got)
			}
			wantForm(t, (*got)[0].form, form)
		})
	}
}

// pageOf is a page of a channel, newest first, or of a thread, oldest first, that is not the last.
func pageOf(t *testing.T, timestamps ...string) string {
	t.Helper()
	var messages []any
	for _, ts := range timestamps {
		messages = append(messages, inPage(ts, "revento_alert", map[string]any{"alert_key": "another"}))
	}
	body, err := json.Marshal(map[string]any{"ok": true, "messages": messages, "has_more": true})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A page counts as a look only if it reaches over all attempts, by Slack's own clock where its answer tells it.
func TestALookCountsOnlyIfThePageReachesOverTheAttempts(t *testing.T) {
	at := time.Unix(1778336551, 0) // of the only attempt, ten seconds ago
	ts := func(after time.Duration) string { return fmt.Sprintf("%d.000000", at.Add(after).Unix()) }
	search := thread.SearchFor("key-1", alert.Record{Channel: channel, UnknownSince: at, LastAttempt: at}, at.Add(10*time.Second))
	under := search
	under.Thread = root
	const m = time.Minute
	for _, tt := range []struct {
		name   string
		search thread.Search
		date   time.Duration // how far Slack's clock is ahead by its answer; -1 where it does not tell
		page   []string
		cannot bool
	}{
		{"back to two minutes before", search, 0, []string{ts(10 * time.Second), ts(-2 * m)}, false},
		{"back to the second before", search, 0, []string{ts(10 * time.Second), ts(-time.Second)}, true},
		{"back to two minutes before, and nobody knows Slack's clock", search, -1, []string{ts(10 * time.Second), ts(-2 * m)}, true},
		{"back to eleven minutes before, and nobody knows Slack's clock", search, -1, []string{ts(10 * time.Second), ts(-11 * m)}, false},
		{"back to two minutes before by our clock", search, -5 * m, []string{ts(-4 * m), ts(-2 * m)}, true},
		{"back to two minutes before by Slack's clock", search, -5 * m, []string{ts(-4 * m), ts(-7 * m)}, false},
		{"a thread, up to two minutes after", under, 0, []string{root, ts(-2 * m), ts(2 * m)}, false},
		{"a thread, up to the second after", under, 0, []string{root, ts(-2 * m), ts(time.Second)}, true},
		{"a page of nothing that is ours", search, 0, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := against(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil
				if tt.date != -1 {
					w.Header().Set("Date", tt.search.Now.Add(tt.date).UTC().Format(http.TimeFormat))
				}
				answers(200, pageOf(t, tt.page...))(w, r)
			})
			if _, err := client.Find(t.Context(), tt.search); errors.Is(err, thread.ErrCannotLook) != tt.cannot {
				t.Errorf("Find: %v", err)
			}
		})
	}
}

// Slack's clock rules what it calls a message: the window is wide enough for two minutes, and moved for more.
func TestAMessageIsFoundWhateverTheClocksSay(t *testing.T) {
	at := time.Unix(1778336551, 0)
	search := thread.SearchFor("key-1", alert.Record{Channel: channel, UnknownSince: at, LastAttempt: at}, at.Add(10*time.Second))
	for _, ahead := range []time.Duration{0, 2 * time.Minute, -2 * time.Minute, 9 * time.Minute, time.Hour, -26 * time.Hour} {
		there := fmt.Sprintf("%d.000000", at.Add(ahead).Unix())
		client := against(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", search.Now.Add(ahead).UTC().Format(http.TimeFormat))
			body := `{"ok":true,"messages":[]}`
			if r.FormValue("oldest") <= there && there <= r.FormValue("latest") {
				body = `{"ok":true,"messages":[{"ts":"` + there + `","metadata":{"event_type":"revento_alert","event_payload":{"alert_key":"key-1"}}}]}`
			}
			answers(200, body)(w, r)
		})
		if ts, err := client.Find(t.Context(), search); ts != there || err != nil {
			t.Errorf("Slack's clock is %s ahead: found %q, %v", ahead, ts, err)
		}
	}
}

func TestARotatedTokenServesTheNextCall(t *testing.T) {
	token := "old"
	var used []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		used = append(used, r.FormValue("token"))
		answers(200, accepted)(w, r)
	}))
	t.Cleanup(server.Close)
	client := slack.New(server.URL+"/", tokens{fetch: func(context.Context) (string, error) { return token, nil }})
	for _, token = range []string{"old", "new"} {
		if err := post(t.Context(), client, ""); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"old", "new"}, used); diff != "" {
		t.Error(diff)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	followed := false
	client := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed = true
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	want{fault.Permanent, "http_307", nil}.check(t, post(t.Context(), client, ""))
	if followed {
		t.Error("the token was handed on")
	}
}

func TestATokenThatWasReplacedIsTakenAtOnce(t *testing.T) {
	const newToken = "xoxb-new"
	for code, asked := range map[string]int{"token_revoked": 2, "invalid_auth": 2, "account_inactive": 2, "channel_not_found": 1} {
		t.Run(code, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if r.FormValue("token") == newToken {
					answers(200, accepted)(w, r)
					return
				}
				refuses(code)(w, r)
			}))
			defer server.Close()
			client := slack.New(server.URL+"/api/", tokens{fetch: secret.Static(tokenCanary), renewed: newToken})
			if err := post(t.Context(), client, ""); (err == nil) != (asked == 2) {
				t.Errorf("Post: %v", err)
			}
			if requests != asked {
				t.Errorf("asked %d times, want %d", requests, asked)
			}
		})
	}
}

func TestADeadTokenIsSaidToBeOne(t *testing.T) {
	for wait, class := range map[time.Duration]fault.Class{
		0:                fault.Permanent, // read just now, and still the old one
		20 * time.Second: fault.Transient, // read within the minute: it may have been replaced since
	} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			refuses("token_revoked")(w, r)
		}))
		defer server.Close()
		err := post(t.Context(), slack.New(server.URL+"/api/", tokens{fetch: secret.Static(tokenCanary), wait: wait}), "")
		if failure := fault.Of(err); !failure.Credential || failure.Class != class || failure.RetryAfter != wait || requests != 1 {
			t.Errorf("%v after %d requests", err, requests)
		}
	}
}

func TestDelete(t *testing.T) {
	tests := []struct {
		name, body string
		want       want
	}{
		{"deleted", accepted, want{}},
		{"gone already", `{"ok":false,"error":"message_not_found"}`, want{}},
		{"somebody else's", `{"ok":false,"error":"cant_delete_message"}`, want{fault.Permanent, "cant_delete_message", deletion.ErrStays}},
		{"the channel is archived", `{"ok":false,"error":"is_archived"}`, want{fault.Permanent, "is_archived", deletion.ErrStays}},
		{"the app was removed from the channel", `{"ok":false,"error":"not_in_channel"}`, want{fault.Permanent, "not_in_channel", deletion.ErrStays}},
		{"the channel is gone", `{"ok":false,"error":"channel_not_found"}`, want{fault.Permanent, "channel_not_found", deletion.ErrStays}},
		{"the workspace keeps all", `{"ok":false,"error":"compliance_exports_prevent_deletion"}`,
			want{fault.Permanent, "compliance_exports_prevent_deletion", deletion.ErrStays}},
		{"the token is revoked", `{"ok":false,"error":"token_revoked"}`, want{fault.Permanent, "token_revoked", nil}},
		{"too fast", `{"ok":false,"error":"ratelimited"}`, want{fault.Throttled, "ratelimited", nil}},
		{"the answer is lost, and repeating does no harm", `{"ok":false,"error":"internal_error"}`, want{fault.Transient, "internal_error", nil}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, got := listening(t, map[string]string{"chat.delete": test.body})
			err := client.Delete(t.Context(), channel, posted)
			if test.want == (want{}) {
				if err != nil {
					t.Error(err)
				}
			} else {
				test.want.check(t, err)
			}
			if len(*got) != 1 || (*got)[0].path != "/api/chat.delete" {
				t.Fatalf("sent %v", *got)
			}
			wantForm(t, (*got)[0].form, map[string]string{"token": tokenCanary, "channel": channel, "ts": posted})
		})
	}
}
