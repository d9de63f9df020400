package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/ground/clip"
	"revento-alerts/shared/revento"
	"revento-alerts/test/golden"
)

// result is what a person sees of a command.
type result struct {
	code     int
	out, err string
}

// call runs the program as a person would, with a home of its own and nothing in the environment but variables.
func call(t *testing.T, variables map[string]string, arguments ...string) result {
	t.Helper()
	return answering(t, "", variables, arguments...)
}

// answering is call by a person who types an answer.
func answering(t *testing.T, answer string, variables map[string]string, arguments ...string) result {
	t.Helper()
	t.Setenv("HOME", "/home/operator")
	var out, errOut bytes.Buffer
	w := world{in: strings.NewReader(answer), asks: answer != "", out: &out, errOut: &errOut, source: func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}}
	for name, value := range variables {
		w.environ = append(w.environ, name+"="+value)
	}
	code := run(t.Context(), arguments, w)
	return result{code: code, out: out.String(), err: errOut.String()}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{
		"", "serve", "demo", "send", "event", "routes", "deletions", "deletions list", "deletions show", "deletions now", "deletions close",
		"trace", "check", "dead-letters", "dead-letters list", "dead-letters show", "dead-letters redrive", "dead-letters drop",
		"participants", "participants list", "participants count", "participants check-in",
	} {
		t.Run(command, func(t *testing.T) {
			r := call(t, nil, strings.Fields(command+" --help")...)
			if r.code != 0 || r.err != "" {
				t.Fatalf("%+v", r)
			}
			golden.Want(t, "help-"+strings.ReplaceAll(command, " ", "-")+".txt", r.out)
		})
	}
}

func TestEveryCommandRefusesARouteThatIsMisspelt(t *testing.T) {
	for _, command := range []string{"serve", "demo", "check", "routes", "send application.approved", "event application.approved", "trace d-1"} {
		r := call(t, map[string]string{"APPLICATION_REVISION_REQUEST_ROUTE": "slack"}, strings.Fields(command)...)
		if r.code != exitFailed || !strings.Contains(r.err, "did you mean APPLICATION_REVISION_REQUESTED_ROUTE?") {
			t.Errorf("%s: %+v", command, r)
		}
	}
}

func TestRoutes(t *testing.T) {
	cases := []struct {
		name      string
		variables map[string]string
	}{
		{"defaults", nil},
		{"react-fast", map[string]string{
			"APPLICATION_REVISION_REQUESTED_ROUTE": "pagerduty:critical,slack",
			"APPLICATION_SUBMITTED_ROUTE":          "off",
			"PARTICIPANT_REGISTERED_ROUTE":         "off",
			"EVENT_UNPUBLISHED_ROUTE":              "off",
			"INTEGRATION_SUSPENDED_ROUTE":          "off",
		}},
		{"families", map[string]string{"ACTIVITY_ROUTE": "slack", "OTHER_ROUTE": "slack", "DATA_DELETION_REQUIRED_ROUTE": "off"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := call(t, c.variables, "routes")
			if r.code != 0 || r.err != "" {
				t.Fatalf("%+v", r)
			}
			golden.Want(t, "routes-"+c.name+".txt", r.out)
		})
	}
}

func TestARouteOutOfFormIsRefusedWithItsParameter(t *testing.T) {
	r := call(t, map[string]string{"OTHER_ROUTE": "email"}, "routes")
	if r.code != exitFailed || !strings.Contains(r.err, "OtherRoute (OTHER_ROUTE)") {
		t.Errorf("%+v", r)
	}
}

func TestAWrongCommandLineEndsWithTwoAndAHint(t *testing.T) {
	cases := []struct {
		name      string
		arguments []string
		says      string
	}{
		{"no such command", []string{"sevre"}, "sevre"},
		{"no such flag", []string{"serve", "--port", "1"}, "--port"},
		{"no type", []string{"send"}, "name one event type"},
		{"no such type", []string{"send", "application.vanished"}, "application.approved"},
		{"a type too many", []string{"event", "a", "b"}, "name one event type"},
		{"an argument too many", []string{"routes", "x"}, "x"},
		{"a time out of form", []string{"event", "application.approved", "--occurred-at", "noon"}, "2026-05-09T14:22:31Z"},
		{"participants of no event", []string{"participants", "list"}, "--event"},
		{"a list in two forms", []string{"participants", "count", "--event", "e", "--json", "--csv"}, "give one"},
		{"a day out of form", []string{"participants", "count", "--event", "e", "--since", "today"}, "such as 2026-05-09"},
		{"a check-in at no moment", []string{"participants", "check-in", "e", "p", "--at", "soon"}, "such as 2026-05-09"},
		{"a check-in of nobody", []string{"participants", "check-in", "e"}, "accepts 2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := call(t, map[string]string{"WEBHOOK_SECRETS": "s"}, c.arguments...)
			if r.code != exitUsage || !strings.Contains(r.err, c.says) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestSendSaysWhereASecretComesFrom(t *testing.T) {
	r := call(t, nil, "send", "application.approved", "--data", t.TempDir())
	if r.code != exitFailed || !strings.Contains(r.err, "WEBHOOK_SECRETS") || !strings.Contains(r.err, "serve") {
		t.Errorf("%+v", r)
	}
}

// receiver answers as an endpoint would, and keeps what it was sent.
func receiver(t *testing.T, code int) (*httptest.Server, *http.Request, *[]byte) {
	t.Helper()
	got, body := new(http.Request), new([]byte)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = *r
		var buffer bytes.Buffer
		if _, err := buffer.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		*body = buffer.Bytes()
		w.WriteHeader(code)
		if _, err := w.Write([]byte(`{"status":"accepted"}`)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server, got, body
}

func TestSendPostsWhatTheNewestSecretSigns(t *testing.T) {
	server, got, body := receiver(t, http.StatusOK)
	r := call(t, map[string]string{"WEBHOOK_SECRETS": "new,old"}, "send", "application.approved", "--url", server.URL,
		"--resource", "app_sample_2", "--event-id", "evt_sample_2", "--organization-id", "org_sample_2", "--delivery-id", "d-1",
		"--occurred-at", "2026-05-09T14:22:31Z")
	if r.code != 0 || r.out != "200 {\"status\":\"accepted\"}\n" {
		t.Fatalf("%+v", r)
	}
	proof, err := revento.ParseProof(got.Header.Get(revento.HeaderTimestamp), got.Header.Get(revento.HeaderSignature))
	if err != nil || proof.MatchingSecret([]string{"new"}, *body) != 0 {
		t.Errorf("the signature is not the newest secret's: %v", err)
	}
	envelope, err := revento.ParseEnvelope(*body)
	if err != nil {
		t.Fatal(err)
	}
	if envelope.ResourceID() != "app_sample_2" || envelope.EventID != "evt_sample_2" || envelope.OrganizationID != "org_sample_2" ||
		got.Header.Get(revento.HeaderDeliveryID) != "d-1" || envelope.OccurredAt.Format("15:04:05") != "14:22:31" {
		t.Errorf("sent %s under %v", *body, got.Header)
	}
}

func TestSendFailsWhereTheReceiverRefuses(t *testing.T) {
	server, _, _ := receiver(t, http.StatusUnauthorized)
	r := call(t, map[string]string{"WEBHOOK_SECRETS": "s"}, "send", "application.approved", "--url", server.URL)
	if r.code != exitFailed || !strings.Contains(r.err, server.URL+" answered 401") || !strings.Contains(r.err, "--data") {
		t.Errorf("%+v", r)
	}
}

// The receiver may be anybody, and a terminal obeys what it is shown.
func TestNothingHiddenOfAReplyReachesTheTerminal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("\x1b[2J\u202eno\u200b\u009b\x00"))
	}))
	defer server.Close()
	r := call(t, map[string]string{"WEBHOOK_SECRETS": "s"}, "send", "application.approved", "--url", server.URL)
	if want := `200 \u001b[2J\u202eno\u200b\u009b\u0000` + "\n"; r.out != want {
		t.Errorf("%q, want %q", r.out, want)
	}
	r = call(t, nil, "send", "\x1b[2J\u202e")
	if r.code != exitUsage || strings.ContainsFunc(strings.ReplaceAll(r.err, "\n", ""), clip.IsHidden) {
		t.Errorf("%q", r.err)
	}
}

func TestSendFailsWhereNobodyListens(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "address"), []byte(server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	awsWith(t, server.URL)
	for flag, want := range map[string]string{
		"--url " + server.URL: "is --url wrong?", "--data " + dir: "does 'revento-alerts serve --data " + dir + "' run?",
		"--stack revento": "does this machine reach AWS?",
	} {
		r := call(t, map[string]string{"WEBHOOK_SECRETS": "s"}, append([]string{"send", "application.approved"}, strings.Fields(flag)...)...)
		if r.code != exitFailed || !strings.Contains(r.err, server.URL) || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", flag, r)
		}
	}
}

func TestEventPrintsASignedGatewayEvent(t *testing.T) {
	r := call(t, map[string]string{"WEBHOOK_SECRETS": "s"}, "event", "integration.suspended")
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal([]byte(r.out), &event); err != nil || r.code != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	proof, err := revento.ParseProof(event.Headers["x-revento-timestamp"], event.Headers["x-revento-signature"])
	if err != nil || proof.MatchingSecret([]string{"s"}, []byte(event.Body)) != 0 {
		t.Errorf("the event is not signed: %v", err)
	}
	if event.RawPath != "/webhooks/revento" || event.RequestContext.HTTP.Method != "POST" {
		t.Errorf("event = %+v", event)
	}
}
