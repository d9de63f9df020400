package slack_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/ground/fault"
)

func TestIdentifyTellsTheBotItsWorkspaceAndItsScopes(t *testing.T) {
	const body = `{"ok":true,"url":"https://acme.slack.com/","team":"Acme","user":"revento-alerts","team_id":"T1","user_id":"U1","bot_id":"B1"}`
	tests := map[string]struct {
		header []string
		scopes []string
	}{
		"as Slack tells them": {[]string{"x-oauth-scopes", "chat:write,channels:history"}, []string{"chat:write", "channels:history"}},
		"with blanks":         {[]string{"X-OAuth-Scopes", "chat:write, channels:history"}, []string{"chat:write", "channels:history"}},
		"none":                {[]string{"X-OAuth-Scopes", ""}, []string{}},
		"not told":            {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bot, team, scopes, err := against(t, answers(200, body, test.header...)).Identify(t.Context())
			if err != nil || bot != "revento-alerts" || team != "Acme" {
				t.Errorf("Identify = %q, %q, %v", bot, team, err)
			}
			if diff := cmp.Diff(test.scopes, scopes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An answer that is not Slack's own must not read as a channel without the bot, or as a bot without a name.
func TestASuccessThatTellsNothingIsNone(t *testing.T) {
	for _, body := range []string{`{"ok":true}`, `{"ok":true,"channel":null}`, `{"ok":true,"channel":{}}`, `{"ok":true,"channel":7}`} {
		for _, call := range []string{"identify", "channel"} {
			want{fault.Transient, "unreadable_answer", nil}.check(t, calls[call](t.Context(), against(t, answers(200, body))))
		}
	}
}

func TestWhatAChannelIs(t *testing.T) {
	tests := map[string]struct {
		body             string
		name             string
		member, archived bool
	}{
		"the bot is in it": {`{"id":"C1","name":"alerts","is_channel":true,"is_member":true,"is_archived":false}`, "alerts", true, false},
		"it is not":        {`{"id":"C1","name":"alerts","is_channel":true,"is_member":false}`, "alerts", false, false},
		"archived":         {`{"id":"C1","name":"old","is_archived":true,"is_member":false}`, "old", false, true},
		"a direct message": {`{"id":"D1","is_im":true,"user":"U1"}`, "", true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, got := listening(t, map[string]string{"conversations.info": `{"ok":true,"channel":` + test.body + `}`})
			name, member, archived, err := client.Channel(t.Context(), channel)
			if err != nil || name != test.name || member != test.member || archived != test.archived {
				t.Errorf("Channel = %q, member %v, archived %v, %v", name, member, archived, err)
			}
			wantForm(t, (*got)[0].form, map[string]string{
				"token": tokenCanary, "channel": channel, "include_locale": "false", "include_num_members": "false",
			})
		})
	}
}

func TestATextIsPostedAsItReadsAndIsNoAlert(t *testing.T) {
	client, got := listening(t, map[string]string{"chat.postMessage": accepted})
	if err := client.PostText(t.Context(), channel, "[a<b] test *of* <!channel>"); err != nil {
		t.Fatal(err)
	}
	if text := (*got)[0].form.Get("text"); text != "[a&lt;b] test ∗of∗ &lt;!channel&gt;" {
		t.Errorf("text %q", text)
	}
	wantForm(t, (*got)[0].form, map[string]string{
		"token": tokenCanary, "channel": channel, "parse": "none", "unfurl_links": "false", "unfurl_media": "false",
	})
}

func TestSlacksTimeIsThatOfItsAnswer(t *testing.T) {
	at := time.Date(2026, 11, 25, 7, 40, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		date string
		want time.Time
	}{
		"told":     {at.Format(http.TimeFormat), at},
		"not told": {"soon", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			client := against(t, answers(200, `{"ok":true,"user":"revento-alerts","team":"Acme"}`, "Date", test.date))
			if got, err := client.Time(t.Context()); err != nil || !got.Equal(test.want) {
				t.Errorf("Time = %s, %v; want %s", got, err, test.want)
			}
		})
	}
}
