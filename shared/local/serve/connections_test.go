package serve_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/operate/trace"
	"revento-alerts/shared/revento"
)

const sandboxEvent = "evt_sandbox_1"

// organizer is a browser that consents, or does not.
type organizer struct {
	*testing.T
	http.Client
}

func newOrganizer(t *testing.T) *organizer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &organizer{t, http.Client{Jar: jar}}
}

var (
	ticket  = regexp.MustCompile(`name="ticket" value="([^"]*)"`)
	heading = regexp.MustCompile(`<h1[^>]*>([^<]*)</h1>`)
)

// decides opens a link and answers the sandbox's consent page. It returns the heading of the page that comes then.
func (o *organizer) decides(link, decision string) string {
	o.Helper()
	response, page := asked(o.T, &o.Client, http.MethodGet, link, func(*http.Request) {})
	found := ticket.FindStringSubmatch(page)
	if found == nil {
		o.Fatalf("%s shows no consent page but %d %s", link, response.StatusCode, page)
	}
	form := url.Values{"ticket": {found[1]}, "decision": {decision}}.Encode()
	request, err := http.NewRequestWithContext(o.Context(), http.MethodPost, response.Request.URL.String(), strings.NewReader(form))
	if err != nil {
		o.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := o.Do(request)
	if err != nil {
		o.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		o.Fatal(err)
	}
	shown := heading.FindStringSubmatch(body.String())
	if shown == nil {
		o.Fatalf("answered %d %s", answer.StatusCode, body.String())
	}
	return shown[1]
}

// changes has something happen at the sandbox.
func changes(t *testing.T, machine *serve.Machine, dir string, command map[string]any) {
	t.Helper()
	body, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, machine.Sandbox+"do", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token(t, dir))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusOK {
		t.Fatalf("%v: answered %d", command, answer.StatusCode)
	}
}

func does[T any](t *testing.T, client *api.Client, path string) (made T) {
	t.Helper()
	if err := client.Post(t.Context(), path, struct{}{}, &made); err != nil {
		t.Fatal(err)
	}
	return made
}

// The whole way, as an operator and an organizer go it: connected, looked at, revoked, told once, connected again, told as over.
func TestAConnectionIsMadeLostAndMadeAgain(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, log := start(t, dir, values)
	defer stop(t, machine)
	organizer := newOrganizer(t)
	operate(t, dir, values, func(client *api.Client) {
		link := func() string { return does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link }
		probed := func(want connection.State) {
			t.Helper()
			if view := does[life.View](t, client, "connections/"+sandboxEvent+"/probe"); view.State != want || view.IsWell() != (want == connection.Active) {
				t.Errorf("the connection is %+v, want %s", view, want)
			}
			idle(t, machine)
		}
		if got := organizer.decides(link(), "cancel"); got != "Not connected" {
			t.Errorf("after a decline: %q", got)
		}
		if got := organizer.decides(link(), "allow"); got != "Your event is connected" {
			t.Errorf("after a consent: %q", got)
		}
		probed(connection.Active)
		wantIncidents(t, machine, 0, 0)
		changes(t, machine, dir, map[string]any{"action": "revoke", "event_id": sandboxEvent})
		probed(connection.Revoked)
		wantIncidents(t, machine, 1, 1)
		if got := organizer.decides(link(), "allow"); got != "Your event is connected" {
			t.Errorf("after another consent: %q", got)
		}
		probed(connection.Active)
		wantIncidents(t, machine, 1, 0)
	})
	wantNoToken(t, dir, log.String())
}

// At the consent all is read, and judged; who asks for it meanwhile waits for that, or for the next.
func TestAllThatReventoKnowsIsReadAtTheConsent(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		var view life.View
		for number := int64(0); number == 0; {
			idle(t, machine)
			if err := client.Get(t.Context(), "connections/"+sandboxEvent, &view); err != nil {
				t.Fatal(err)
			}
			if view.Pass != nil {
				number = view.Pass.Number
			}
		}
		if !view.IsRead(1) || !view.IsDone(1, time.Now()) || view.Pass.State != pass.Judged || view.Pass.Held != nil {
			t.Errorf("the pass is %+v", view.Pass)
		}
		if synced := does[life.Synced](t, client, "connections/"+sandboxEvent+"/sync"); synced.Awaited != 2 {
			t.Errorf("asked again, pass %d is waited for", synced.Awaited)
		}
		err := client.Post(t.Context(), "connections/"+sandboxEvent+"/accept", api.Accepted{Pass: 1}, &view)
		if err == nil || !strings.Contains(err.Error(), "nothing of pass 1 is held: 'revento-alerts connections show "+sandboxEvent) {
			t.Errorf("accepted: %v", err)
		}
	})
}

func wantIncidents(t *testing.T, machine *serve.Machine, all, open int) {
	t.Helper()
	incidents := machine.Recorder.Incidents()
	unresolved := 0
	for _, incident := range incidents {
		if !incident.Resolved {
			unresolved++
		}
		if !strings.Contains(string(incident.Event), "Connection to Revento broken") || incident.Triggers != 1 {
			t.Errorf("an incident: %s, triggered %d times", incident.Event, incident.Triggers)
		}
	}
	if len(incidents) != all || unresolved != open {
		t.Errorf("%d incidents, %d of them open; want %d and %d", len(incidents), unresolved, all, open)
	}
}

// wantNoToken looks for tokens, in clear, in all that is kept and logged.
func wantNoToken(t *testing.T, dir, log string) {
	t.Helper()
	tokens := regexp.MustCompile(`rev_(install|refresh|user)_[A-Za-z0-9_-]{8,}`)
	if found := tokens.FindString(log); found != "" {
		t.Errorf("the log holds %s", found)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if found := tokens.Find(content); found != nil {
			t.Errorf("%s holds %s", entry.Name(), found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What was sealed opens after a restart, and the sandbox still knows its tokens.
func TestAConnectionOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
	})
	stop(t, machine)
	machine, _ = start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		if view := does[life.View](t, client, "connections/"+sandboxEvent+"/probe"); !view.IsWell() {
			t.Errorf("after a restart: %+v", view)
		}
	})
}

// Who ends a connection erases its tokens at once; what is kept of it is deleted as if Revento had required it.
func TestWhoDisconnectsHasItsDataDeleted(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		idle(t, machine) // a look that is under way when the tokens go waits, and is done with at its next receipt
		if view := does[life.View](t, client, "connections/"+sandboxEvent+"/disconnect"); view.State != connection.Ended || view.Reason != connection.Disconnected {
			t.Errorf("disconnected: %+v", view)
		}
		idle(t, machine)
		if list := deletions(t, client); len(list) != 1 || list[0].EventID != sandboxEvent || list[0].State != "scheduled" {
			t.Errorf("the deletions: %+v", list)
		}
		var view life.View
		if err := client.Post(t.Context(), "connections/"+sandboxEvent+"/probe", struct{}{}, &view); err == nil {
			t.Errorf("it is looked at: %+v", view)
		}
	})
}

// Where connections are on, a held request that names a user is closed by deleting what is kept of the user, whether serve runs or not.
func TestAHeldRequestIsClosedByForgettingTheUser(t *testing.T) {
	for name, running := range map[string]bool{"serve runs": true, "serve has stopped": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			values := map[string]string{"WEBHOOK_SECRETS": "s", "SEALING_KEYS_FILE": filepath.Join(t.TempDir(), "keys")}
			machine, _ := start(t, dir, values)
			operate(t, dir, values, func(client *api.Client) {
				newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
				changes(t, machine, dir, map[string]any{"action": "require_deletion", "event_id": sandboxEvent, "user_id": "usr_sandbox_001"})
				becomes(t, client, deletion.Held)
			})
			idle(t, machine)
			if !running {
				stop(t, machine)
			}
			operate(t, dir, values, func(client *api.Client) {
				var closed api.Deletion
				asked := map[string]string{"note": "ticket 4712", "user": "usr_sandbox_001"}
				if err := client.Post(t.Context(), "deletions/"+deletions(t, client)[0].ID+"/close", asked, &closed); err != nil {
					t.Fatal(err)
				}
				if closed.State != deletion.Closed || !closed.PersonForgotten || !strings.Contains(closed.Statement, "backups of the data folder") {
					t.Errorf("%+v", closed)
				}
			})
			if running {
				stop(t, machine)
			}
		})
	}
}

func TestWhatIsMadeUpNeverMeetsWhatIsReal(t *testing.T) {
	real := map[string]string{
		"REVENTO_CLIENT_ID": "client_1", "REVENTO_CLIENT_SECRET": "secret", "REVENTO_AUTH_URL": "http://127.0.0.1:1", "REVENTO_API_URL": "http://127.0.0.1:1/api/v1",
	}
	for name, values := range map[string]map[string]string{
		"a client id":      {"REVENTO_CLIENT_ID": "client_1"},
		"a client secret":  {"REVENTO_CLIENT_SECRET": "secret"},
		"an API":           {"REVENTO_API_URL": "https://api.revento.example/api/v1"},
		"a bot token":      {"SLACK_BOT_TOKEN": "xoxb-1"},
		"an integration's": {"PAGERDUTY_ROUTING_KEY": "00000000000000000000000000000000"},
	} {
		t.Run("--sandbox is refused beside "+name, func(t *testing.T) {
			options := serve.Options{
				Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: t.TempDir(), Source: variables(values), Log: new(bytes.Buffer), Sandbox: true,
			}
			machine, err := serve.Start(t.Context(), options)
			if err == nil {
				stop(t, machine)
				t.Fatal("it runs")
			}
			if !strings.Contains(err.Error(), "--sandbox is refused") {
				t.Error(err)
			}
		})
	}
	t.Run("the sandbox's connections end where Revento itself is asked", func(t *testing.T) {
		dir := t.TempDir()
		machine, _ := start(t, dir, map[string]string{"WEBHOOK_SECRETS": "s"})
		operate(t, dir, map[string]string{}, func(client *api.Client) {
			newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		})
		stop(t, machine)
		machine, _ = start(t, dir, real)
		defer stop(t, machine)
		if machine.Sandbox != "" {
			t.Error("the sandbox runs")
		}
		operate(t, dir, map[string]string{}, func(client *api.Client) {
			var view life.View
			if err := client.Get(t.Context(), "connections/"+sandboxEvent, &view); err != nil && !strings.Contains(err.Error(), "nobody connected") {
				t.Error(err)
			} else if err == nil && view.State != connection.Ended {
				t.Errorf("%+v", view)
			}
		})
	})
}

// What a person asks first of a connection: does all of it work, with a real call, and why did that page come?
func TestCheckAndTraceTellOfAConnection(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
		found := map[string]checkup.Finding{}
		for _, f := range does[api.Findings](t, client, "check").Findings {
			found[f.Subject] = f
		}
		for subject, says := range map[string]string{
			"Revento client": "/oauth/callback", "Revento client secret": "1 secret", "sealing keys": "1 key", "Revento's consent page": "answers",
			"Revento's API": "answers", "connections": "it works", "a call of Revento": "Revento answered for " + sandboxEvent, "queue sync": "waiting",
		} {
			if f := found[subject]; f.Verdict != checkup.OK || !strings.Contains(f.Says, says) {
				t.Errorf("%s: %+v, want %q", subject, f, says)
			}
		}
		changes(t, machine, dir, map[string]any{"action": "revoke", "event_id": sandboxEvent})
		does[life.View](t, client, "connections/"+sandboxEvent+"/probe")
		idle(t, machine)
		var stories api.Stories
		query := url.Values{"event": {sandboxEvent}, "organization": {"org_sandbox_1"}, "resource": {sandboxEvent}}
		if err := client.Get(t.Context(), "trace?"+query.Encode(), &stories); err != nil || len(stories.Stories) != 1 {
			t.Fatalf("%+v, %v", stories, err)
		}
		var story trace.Story
		if err := client.Get(t.Context(), "trace/"+stories.Stories[0].DeliveryID, &story); err != nil || !strings.HasPrefix(story.DeliveryID, "own-") ||
			story.Type != revento.TypeConnectionBroken || len(story.Alerts) != 2 {
			t.Errorf("%+v, %v", story, err)
		}
	})
}
