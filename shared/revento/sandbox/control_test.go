package sandbox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sandbox"
)

const prefix = "/sandbox"

// control asks the control's side, which stands under a prefix.
func (w *world) control(method, path, contentType, body string) *httptest.ResponseRecorder {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), method, "http://127.0.0.1:3001"+prefix+path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer := httptest.NewRecorder()
	http.StripPrefix(prefix, w.Control()).ServeHTTP(answer, r)
	return answer
}

func (w *world) command(c sandbox.Command) *httptest.ResponseRecorder {
	w.Helper()
	body, err := json.Marshal(c)
	if err != nil {
		w.Fatal(err)
	}
	return w.control(http.MethodPost, "/do", "application/json", string(body))
}

func (w *world) submit(form url.Values) *httptest.ResponseRecorder {
	w.Helper()
	return w.control(http.MethodPost, "/do", "application/x-www-form-urlencoded", form.Encode())
}

func (w *world) look(event string) (view sandbox.View) {
	w.Helper()
	answer := w.control(http.MethodGet, "/world?event="+event, "", "")
	if err := json.Unmarshal(answer.Body.Bytes(), &view); err != nil {
		w.Fatalf("%d: %v", answer.Code, err)
	}
	return view
}

// commands are one of each action, in an order that can be done.
var commands = []sandbox.Command{
	{Action: "flag", EventID: makersCamp, ParticipantID: somebody},
	{Action: "approve", EventID: makersCamp, ParticipantID: somebody},
	{Action: "reject", EventID: makersCamp, ParticipantID: somebody},
	{Action: "register", EventID: makersCamp, ParticipantID: somebody},
	{Action: "hide", EventID: makersCamp, ParticipantID: somebody},
	{Action: "show", EventID: makersCamp, ParticipantID: somebody},
	{Action: "rename", EventID: makersCamp, ParticipantID: somebody, Name: "New Name"},
	{Action: "move", EventID: makersCamp, ParticipantID: somebody, Count: 3},
	{Action: "cancel", EventID: makersCamp, ParticipantID: somebody},
	{Action: "apply", EventID: makersCamp},
	{Action: "unpublish", EventID: makersCamp},
	{Action: "publish", EventID: makersCamp},
	{Action: "freeze", EventID: makersCamp},
	{Action: "thaw", EventID: makersCamp},
	{Action: "change_activity", EventID: makersCamp, ActivityID: "act_sandbox_1_1", Name: "New"},
	{Action: "sign_up", EventID: makersCamp, ActivityID: "act_sandbox_1_1", Count: 20},
	{Action: "expire_access", EventID: makersCamp},
	{Action: "expire_refresh", EventID: makersCamp},
	{Action: "revoke", EventID: makersCamp},
	{Action: "revoke_user", EventID: makersCamp, UserID: person},
	{Action: "require_deletion", EventID: makersCamp},
	{Action: "suspend"},
	{Action: "move_clock", For: "1d"},
	{Action: "webhooks", Kind: "lose", Count: 2},
	{Action: "break", Kind: "throttle", At: "api", Count: 1, For: "30s"},
	{Action: "mend"},
	{Action: "rule", Name: "reuse", Value: "revoke"},
}

func TestEachActionIsDoneByJSONAndByTheForm(t *testing.T) {
	byJSON, byForm := newWorld(t), newWorld(t)
	done := map[string]bool{}
	for _, c := range commands {
		done[c.Action] = true
		if answer := byJSON.command(c); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), `"done":"`+c.Action+`"`) {
			t.Errorf("%s: %d %s", c.Action, answer.Code, answer.Body)
		}
		var fields map[string]any
		body, _ := json.Marshal(c) // as command does
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatal(err)
		}
		form := url.Values{"shown": {games}}
		for name, value := range fields {
			text, _ := json.Marshal(value)
			form.Set(name, strings.Trim(string(text), `"`))
		}
		answer := byForm.submit(form)
		if want := "./?done=" + c.Action + "&event=" + games; answer.Code != http.StatusSeeOther ||
			answer.Header().Get("Location") != want {
			t.Errorf("%s: %d to %q", c.Action, answer.Code, answer.Header().Get("Location"))
		}
		page := byForm.control(http.MethodGet, "/?done="+c.Action, "", "")
		if !strings.Contains(page.Body.String(), `<p class="outcome" role="status">`) {
			t.Errorf("%s: the page does not say that it was done", c.Action)
		}
	}
	refused := byJSON.command(sandbox.Command{Action: "vanish"})
	for _, action := range regexp.MustCompile(`[a-z_]+`).FindAllString(strings.SplitN(refused.Body.String(), "only ", 2)[1], -1) {
		if !done[action] {
			t.Errorf("%s was not tried", action)
		}
	}
}

func TestTheWorldShowsWhatWasChanged(t *testing.T) {
	w := newWorld(t)
	w.connect(makersCamp)
	w.signIn(makersCamp, person, "profile.read")
	w.command(sandbox.Command{Action: "flag", EventID: makersCamp, ParticipantID: "ptp_sandbox_1_001"})
	w.command(sandbox.Command{Action: "unpublish", EventID: makersCamp})
	w.command(sandbox.Command{Action: "break", Kind: "fail", At: "token", Count: 3})
	w.command(sandbox.Command{Action: "webhooks", Kind: "delay", Count: 2, For: "1m"})
	w.command(sandbox.Command{Action: "rule", Name: "code_life", Value: "30s"})
	w.command(sandbox.Command{Action: "move_clock", For: "1h"})
	w.refresh("any")
	view := w.look(makersCamp)
	shown := view.Events[0]
	if shown.Status != "unpublished" || shown.Participants != 36 || len(shown.Connections) != 2 ||
		!view.Now.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", shown)
	}
	installation, user := shown.Connections[0], shown.Connections[1]
	if installation.Kind != sandbox.Installation || installation.State != "active" || installation.Generation != 1 ||
		!installation.AccessEnds.Equal(start.Add(time.Hour)) || !installation.RefreshEnds.Equal(start.Add(revento.RefreshLife)) ||
		user.User != person || !slices.Equal(user.Scope, []string{"profile.read"}) {
		t.Errorf("%+v", shown.Connections)
	}
	if first := view.Event.Shown[0]; first.ID != "ptp_sandbox_1_001" || first.State != "revision_requested" ||
		len(view.Event.Activities) != 18 {
		t.Errorf("%+v", first)
	}
	if len(view.Faults) != 1 || view.Faults[0].Times != 2 || len(view.Webhooks) != 1 || view.Webhooks[0].Delay != time.Minute {
		t.Errorf("faults %v, webhooks %v", view.Faults, view.Webhooks)
	}
	if len(view.Sent) != 2 || view.Sent[0].Type != "application.revision_requested" || len(view.Calls) != 1 {
		t.Errorf("sent %v, calls %v", view.Sent, view.Calls)
	}
	for _, rule := range view.Rules {
		if rule.What == "" || rule.Name == "code_life" && rule.Value != "30s" {
			t.Errorf("%+v", rule)
		}
	}
	w.ok(w.Revoke(makersCamp))
	w.MoveClock(revento.RefreshLife)
	if got := w.look("").Events[0].Connections; got[0].State != "revoked" || got[1].State != "expired" {
		t.Errorf("%+v", got)
	}
}

func TestTheControlShowsNoToken(t *testing.T) {
	w := newWorld(t)
	tokens := w.refreshed(w.connect(makersCamp).RefreshToken)
	w.get(tokens.AccessToken, theEvent)
	for _, path := range []string{"/", "/world"} {
		body := w.control(http.MethodGet, path, "", "").Body.String()
		for _, secret := range []string{tokens.AccessToken, tokens.RefreshToken, clientSecret, "whsec"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s shows %s", path, secret)
			}
		}
	}
}

func TestACommandThatCannotBeDoneIsAnswered400(t *testing.T) {
	tests := map[string]sandbox.Command{
		"no action":       {},
		"an unknown one":  {Action: "vanish"},
		"no event":        {Action: "revoke"},
		"no participant":  {Action: "flag", EventID: makersCamp},
		"no duration":     {Action: "move_clock", For: "soon"},
		"a long duration": {Action: "move_clock", For: "99999d"},
		"no fault":        {Action: "break", At: "token"},
		"no treatment":    {Action: "webhooks"},
		"no rule":         {Action: "rule", Name: "gravity", Value: "1"},
	}
	w := newWorld(t)
	for name, c := range tests {
		answer := w.command(c)
		var refusal struct{ Error string }
		err := json.Unmarshal(answer.Body.Bytes(), &refusal)
		if err != nil || answer.Code != http.StatusBadRequest || refusal.Error == "" {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
	for name, form := range map[string]url.Values{
		"an unknown action": {"action": {"vanish"}, "shown": {makersCamp}},
		"no number":         {"action": {"move"}, "count": {"x"}},
	} {
		if answer := w.submit(form); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "Not done: ") {
			t.Errorf("%s: %d", name, answer.Code)
		}
	}
	if answer := w.control(http.MethodPost, "/do", "application/json", "no"); answer.Code != http.StatusBadRequest {
		t.Errorf("no JSON: %d", answer.Code)
	}
	if answer := w.control(http.MethodGet, "/else", "", ""); answer.Code != http.StatusNotFound {
		t.Errorf("another path: %d", answer.Code)
	}
}

func TestAPageOfAnotherSiteChangesNothing(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:3001/do", strings.NewReader("action=suspend"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer := httptest.NewRecorder()
	w.Control().ServeHTTP(answer, r)
	if answer.Code != http.StatusForbidden || len(w.look("").Sent) != 0 {
		t.Errorf("%d", answer.Code)
	}
}

var buttons = regexp.MustCompile(`name="action" value="([a-z_]+)"`)

// The page works without script, asks for nothing from elsewhere, and its forms stay under the prefix.
func TestTheControlsPage(t *testing.T) {
	w := newWorld(t)
	w.connect(makersCamp)
	w.ok(w.Hide(makersCamp, somebody, true))
	w.ok(w.Unpublish(games))
	w.ok(w.Freeze(games))
	w.ok(w.Rename(makersCamp, somebody, `<script>alert(1)</script>`))
	answer := w.control(http.MethodGet, "/?event="+makersCamp, "", "")
	body := answer.Body.String()
	if answer.Code != http.StatusOK || !strings.Contains(answer.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", answer.Code, answer.Header())
	}
	if strings.Contains(body, "<script") || strings.Contains(body, " style=") {
		t.Error("there is script, or style within elements")
	}
	for _, address := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		if address[1] != "do" && !strings.HasPrefix(address[1], "./?event=") {
			t.Errorf("it leads to %s", address[1])
		}
	}
	offered := map[string]bool{}
	for _, button := range buttons.FindAllStringSubmatch(body, -1) {
		offered[button[1]] = true
	}
	want := []string{
		"apply", "approve", "break", "cancel", "expire_access", "expire_refresh", "flag", "freeze", "hide", "mend", "move",
		"move_clock", "publish", "register", "reject", "require_deletion", "revoke", "revoke_user", "rule", "show", "suspend", "thaw",
		"unpublish", "webhooks",
	}
	if got := slices.Sorted(maps.Keys(offered)); !slices.Equal(got, want) {
		t.Errorf("it offers %v, want %v", got, want)
	}
}

func TestAWebhookIsSentBeforeTheCommandIsAnswered(t *testing.T) {
	w, received := newReceived(t)
	w.command(sandbox.Command{Action: "flag", EventID: makersCamp, ParticipantID: somebody})
	if got := received.types(t); !slices.Equal(got, []string{"application.revision_requested"}) {
		t.Errorf("sent %v", got)
	}
}

func TestWhatCanBeChosenIsSaidInWords(t *testing.T) {
	w := newWorld(t)
	page := w.control(http.MethodGet, "/", "", "").Body.String()
	options := regexp.MustCompile(`<option value="[^"]*">([^<]*)</option>`).FindAllStringSubmatch(page, -1)
	if len(options) < 14 {
		t.Errorf("%d options", len(options))
	}
	for _, option := range options {
		if option[1] == "" {
			t.Errorf("%s says nothing", option[0])
		}
	}
}
