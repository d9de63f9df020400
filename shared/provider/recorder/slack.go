package recorder

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const slackPath = "/api/"

func slackMethod(request *http.Request) (method string, isSlack bool) {
	return strings.CutPrefix(request.URL.Path, slackPath)
}

func refused(code string) object { return object{"ok": false, "error": code} }

// arguments looks up an argument of a call; "" where it is missing.
type arguments func(name string) string

// callSlack answers a method of the Web API. https://docs.slack.dev/reference/methods
func (r *Recorder) callSlack(method string, request *http.Request) object {
	get, err := read(request)
	if err != nil {
		return refused("invalid_form_data")
	}
	if get("token") == "" && !strings.HasPrefix(request.Header.Get("Authorization"), "Bearer ") {
		return refused("not_authed")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch method {
	case "auth.test":
		return object{"ok": true, "team": "Recorder", "team_id": "T0RECORDER", "user": "revento-alerts", "bot_id": botID}
	case "chat.postMessage":
		return r.post(get)
	case "chat.update":
		return r.update(get)
	case "chat.delete":
		return r.remove(get)
	case "conversations.history":
		return r.history(get)
	case "conversations.replies":
		return r.replies(get)
	case "conversations.info":
		return channelNamed(get("channel"))
	default:
		return refused("unknown_method")
	}
}

const botID = "B0RECORDER"

// scopes are those of any token, as the app's manifest lists them.
const scopes = "chat:write,channels:history,groups:history,channels:read,groups:read"

// channelNamed answers for any channel that is one: the app is in all of them.
func channelNamed(id string) object {
	if id == "" {
		return refused("channel_not_found")
	}
	return object{"ok": true, "channel": object{"id": id, "name": "recorded", "is_channel": true, "is_member": true, "is_archived": false}}
}

// read reads the arguments, which come as a form or as JSON.
func read(request *http.Request) (arguments, error) {
	if !strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
		if err := request.ParseForm(); err != nil {
			return nil, fmt.Errorf("read the form: %w", err)
		}
		return request.Form.Get, nil
	}
	var fields map[string]json.RawMessage
	if err := json.NewDecoder(request.Body).Decode(&fields); err != nil {
		return nil, fmt.Errorf("read the JSON: %w", err)
	}
	return func(name string) string {
		var text string
		if json.Unmarshal(fields[name], &text) == nil {
			return text
		}
		return string(fields[name])
	}, nil
}

// post posts a message. A reply whose root is gone without a trace ends up in the channel itself, and Slack calls that a success.
// https://github.com/slack-go/slack/issues/1571
func (r *Recorder) post(get arguments) object {
	posted := Message{Channel: get("channel")}
	if posted.Channel == "" {
		return refused("channel_not_found")
	}
	if code := posted.show(get); code != "" {
		return refused(code)
	}
	if root := r.message(posted.Channel, get("thread_ts")); root != nil && (!root.Deleted || r.hasReplies(root)) {
		posted.Thread = root.TS
	}
	r.lastTS = max(r.lastTS+1, r.now().UnixMicro())
	posted.TS = timestamp(r.lastTS)
	r.messages = append(r.messages, &posted)
	return r.kept(&posted)
}

func (r *Recorder) update(get arguments) object {
	m := r.message(get("channel"), get("ts"))
	if m == nil || m.Deleted {
		return refused("message_not_found")
	}
	changed := *m
	if code := changed.show(get); code != "" {
		return refused(code)
	}
	changed.Updates++
	*m = changed
	return r.kept(m)
}

func (r *Recorder) remove(get arguments) object {
	m := r.message(get("channel"), get("ts"))
	if m == nil || m.Deleted {
		return refused("message_not_found")
	}
	*m = Message{Channel: m.Channel, TS: m.TS, Thread: m.Thread, Deleted: true}
	return r.kept(m)
}

func (r *Recorder) kept(m *Message) object {
	if err := r.keep(entry{Message: m}); err != nil {
		return refused("internal_error")
	}
	return object{"ok": true, "channel": m.Channel, "ts": m.TS, "message": m.slack()}
}

// show replaces what the message shows, or returns Slack's error code. Apart from the text, what is not given stays.
// https://docs.slack.dev/reference/methods/chat.update/
func (m *Message) show(get arguments) (refusal string) {
	text, blocks, attachments, metadata := get("text"), get("blocks"), get("attachments"), get("metadata")
	switch {
	case text == "" && blocks == "" && attachments == "":
		return "no_text"
	case !isJSON(blocks):
		return "invalid_blocks_format"
	case !isJSON(attachments):
		return "invalid_attachments_format"
	case !isJSON(metadata):
		return "invalid_metadata_format"
	}
	m.Text = text
	m.Blocks, m.Attachments = given(blocks, m.Blocks), given(attachments, m.Attachments)
	m.Metadata = given(metadata, m.Metadata)
	return ""
}

func isJSON(text string) bool { return text == "" || json.Valid([]byte(text)) }

// given is an argument's JSON, or what was there before if the argument is missing.
func given(argument string, before json.RawMessage) json.RawMessage {
	if argument == "" {
		return before
	}
	return json.RawMessage(argument)
}

// slack is the message as Slack's API shows it.
func (m *Message) slack() object {
	shown := object{"type": "message", "ts": m.TS, "text": m.Text, "bot_id": botID}
	for name, value := range map[string]json.RawMessage{"attachments": m.Attachments, "blocks": m.Blocks, "metadata": m.Metadata} {
		if value != nil {
			shown[name] = value
		}
	}
	if m.Thread != "" {
		shown["thread_ts"] = m.Thread
	}
	if m.Deleted {
		shown["subtype"] = "tombstone"
	}
	return shown
}

// history returns a page of a channel, newest first, without the replies in its threads.
func (r *Recorder) history(get arguments) object {
	var found []*Message
	for _, m := range slices.Backward(r.messages) {
		if m.Channel == get("channel") && m.Thread == "" && !m.Deleted && m.within(get) {
			found = append(found, m)
		}
	}
	return page(found, get)
}

// replies returns a page of a thread: its root, whatever the window, and then the replies, oldest first.
func (r *Recorder) replies(get arguments) object {
	root := r.message(get("channel"), get("ts"))
	if root == nil || root.Deleted && !r.hasReplies(root) {
		return refused("thread_not_found")
	}
	found := []*Message{root}
	for _, m := range r.messages {
		if m.Channel == root.Channel && m.Thread == root.TS && !m.Deleted && m.within(get) {
			found = append(found, m)
		}
	}
	return page(found, get)
}

func (r *Recorder) hasReplies(root *Message) bool {
	return slices.ContainsFunc(r.messages, func(m *Message) bool {
		return m.Channel == root.Channel && m.Thread == root.TS && !m.Deleted
	})
}

func page(found []*Message, get arguments) object {
	const defaultLimit = 100
	limit, err := strconv.Atoi(get("limit"))
	if err != nil || limit <= 0 {
		limit = defaultLimit
	}
	withMetadata := isTrue(get("include_all_metadata"))
	shown := []object{}
	for _, m := range found[:min(limit, len(found))] {
		message := m.slack()
		if !withMetadata {
			delete(message, "metadata")
		}
		shown = append(shown, message)
	}
	return object{"ok": true, "messages": shown, "has_more": len(found) > limit}
}

// within says whether the message lies in the window from oldest to latest, whose ends count only where that is asked for.
func (m *Message) within(get arguments) bool {
	at, oldest, latest := microseconds(m.TS), get("oldest"), get("latest")
	inclusive := isTrue(get("inclusive"))
	tooOld := oldest != "" && (at < microseconds(oldest) || at == microseconds(oldest) && !inclusive)
	tooNew := latest != "" && (at > microseconds(latest) || at == microseconds(latest) && !inclusive)
	return !tooOld && !tooNew
}

func isTrue(text string) bool { return text == "1" || text == "true" }

func (r *Recorder) message(channel, ts string) *Message {
	for _, m := range r.messages {
		if m.Channel == channel && m.TS == ts {
			return m
		}
	}
	return nil
}

func timestamp(microseconds int64) string {
	return fmt.Sprintf("%d.%06d", microseconds/1e6, microseconds%1e6)
}

// microseconds is the inverse of timestamp. Fewer decimals are fine; what is no number is 0.
func microseconds(ts string) int64 {
	seconds, fraction, _ := strings.Cut(ts, ".")
	number, err := strconv.ParseInt(seconds+(fraction + "000000")[:6], 10, 64)
	if err != nil {
		return 0
	}
	return number
}
