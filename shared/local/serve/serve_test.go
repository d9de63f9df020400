package serve_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
	"revento-alerts/test/output"
)

func variables(values map[string]string) settings.Source {
	return func(name string) (string, bool) {
		value, set := values[name]
		return value, set
	}
}

func start(t *testing.T, dir string, values map[string]string) (*serve.Machine, *output.Buffer) {
	t.Helper()
	log := new(output.Buffer)
	if _, set := values["SLACK_POST_INTERVAL"]; !set {
		values["SLACK_POST_INTERVAL"] = "0s"
	}
	machine, err := serve.Start(t.Context(), serve.Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: variables(values), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return machine, log
}

func stop(t *testing.T, machine *serve.Machine) {
	t.Helper()
	if err := machine.Close(); err != nil {
		t.Error(err)
	}
}

func post(t *testing.T, machine *serve.Machine, delivery sample.Delivery) int {
	t.Helper()
	answer, err := delivery.Post(t.Context(), http.DefaultClient, machine.URL)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Code
}

func deliver(t *testing.T, machine *serve.Machine, eventType, secret string, change sample.Change) int {
	t.Helper()
	delivery, err := sample.New(eventType, secret, time.Now(), change)
	if err != nil {
		t.Fatal(err)
	}
	return post(t, machine, delivery)
}

// shown waits until the recorder shows so many messages and incidents.
func shown(t *testing.T, r *recorder.Recorder, messages, incidents int) {
	t.Helper()
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		changed := r.Changed()
		if len(r.Messages()) == messages && len(r.Incidents()) == incidents {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d messages and %d incidents are shown, want %d and %d", len(r.Messages()), len(r.Incidents()), messages, incidents)
		}
	}
}

// Each of the forms once was one secret, blanks and brackets included, and Revento's deliveries were refused.
func TestBothWebhookSecretsCountInWhateverFormTheyAreWritten(t *testing.T) {
	for _, text := range []string{
		"new,old", "new, old", "new\nold\n", `{"secrets": ["new", "old"]}`, `["new", "old"]`, `"new", "old"`, `"new,old"`, "'new', 'old'",
	} {
		t.Run(text, func(t *testing.T) {
			machine, _ := start(t, t.TempDir(), map[string]string{"WEBHOOK_SECRETS": text})
			defer stop(t, machine)
			for _, secret := range []string{"new", "old"} {
				if code := deliver(t, machine, "application.approved", secret, sample.Change{}); code != http.StatusOK {
					t.Errorf("what %s signed is answered %d", secret, code)
				}
			}
		})
	}
}

func TestACredentialThatCannotBeOneIsRefusedAtStart(t *testing.T) {
	for _, variable := range []string{"WEBHOOK_SECRETS", "SLACK_BOT_TOKEN", "PAGERDUTY_ROUTING_KEY"} {
		for _, text := range []string{" ", "...", "xoxb-...", "{", `"CANARY`, `{"canary": "CANARY"}`} {
			options := serve.Options{
				Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: t.TempDir(), Source: variables(map[string]string{variable: text}),
				Log: io.Discard,
			}
			machine, err := serve.Start(t.Context(), options)
			if err == nil {
				stop(t, machine)
			}
			if err == nil || !strings.HasPrefix(err.Error(), variable) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%s=%q: %v", variable, text, err)
			}
		}
	}
}

// A past bug: the line break at the end of the file counted as part of the secret.
func TestTheSecretThatIsMadeIsTheOneThatSigns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	machine, _ := start(t, dir, map[string]string{})
	if !machine.SecretMade || !machine.SecretKept {
		t.Errorf("machine = %+v", machine)
	}
	secret, err := serve.ReadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	if code := deliver(t, machine, "event.unpublished", secret, sample.Change{}); code != http.StatusOK {
		t.Errorf("answered %d", code)
	}
	stop(t, machine)

	machine, _ = start(t, dir, map[string]string{})
	defer stop(t, machine)
	if machine.SecretMade {
		t.Error("a second secret was made")
	}
	if code := deliver(t, machine, "event.unpublished", secret, sample.Change{}); code != http.StatusOK {
		t.Errorf("after a restart answered %d", code)
	}
}

func TestTheDataFolderIsItsOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	machine, _ := start(t, dir, map[string]string{})
	stop(t, machine)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", entry.Name(), mode)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
}

func TestFromWebhookToSlackAndPagerDuty(t *testing.T) {
	machine, log := start(t, t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "new-canary,old-canary"})
	code := deliver(t, machine, "application.revision_requested", "old-canary", sample.Change{})
	shown(t, machine.Recorder, 1, 1)
	stop(t, machine) // the log is written beside the work: now all of it is there
	if code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	if text := log.String(); strings.Contains(text, "canary") || !strings.Contains(text, `"matched_secret_2":1`) {
		t.Errorf("log:\n%s", text)
	}
	// The ids of people in the sample's data are personal data.
	if text := log.String(); strings.Contains(text, "usr_sample") || strings.Contains(text, "ptp_sample") {
		t.Errorf("personal data in the log:\n%s", text)
	}
}

func TestTheSameEventUnderANewDeliveryIDAlertsNobody(t *testing.T) {
	machine, _ := start(t, t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s"})
	defer stop(t, machine)
	at := time.Now().Add(-time.Second)
	for _, id := range []string{"d-1", "d-2", "d-3"} {
		if code := deliver(t, machine, "application.revision_requested", "s", sample.Change{DeliveryID: id, OccurredAt: at}); code != http.StatusOK {
			t.Fatalf("%s answered %d", id, code)
		}
	}
	// A later delivery of another resource comes after them in the channel's line.
	deliver(t, machine, "application.revision_requested", "s", sample.Change{ResourceID: "app_sample_2"})
	shown(t, machine.Recorder, 2, 2)
}

func TestWhereTheRecorderTakesAProvidersPlace(t *testing.T) {
	provider := httptest.NewServer(http.NotFoundHandler())
	defer provider.Close()
	const url = "SLACK_API_URL"
	cases := []struct {
		name             string
		values           map[string]string
		slack, pagerduty bool
		warnings         int
	}{
		{"nothing set", map[string]string{}, true, true, 0},
		{"a token", map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "C0REAL", url: provider.URL}, false, true, 0},
		{"a token and no channel", map[string]string{"SLACK_BOT_TOKEN": "xoxb-1", url: provider.URL}, false, true, 1},
		{"a URL and no token", map[string]string{url: provider.URL}, false, true, 1},
		{"an empty token is none", map[string]string{"SLACK_BOT_TOKEN": ""}, true, true, 0},
		{"a routing key", map[string]string{"PAGERDUTY_ROUTING_KEY": "k", "PAGERDUTY_EVENTS_URL": provider.URL}, true, false, 0},
		{"another PagerDuty and no key", map[string]string{"PAGERDUTY_EVENTS_URL": provider.URL}, true, false, 1},
		{"a long tolerance", map[string]string{"SIGNATURE_TOLERANCE": "10m"}, true, true, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			machine, _ := start(t, t.TempDir(), c.values)
			defer stop(t, machine)
			if machine.RecordsSlack != c.slack || machine.RecordsPagerDuty != c.pagerduty || len(machine.Warnings) != c.warnings {
				t.Errorf("records Slack %v, PagerDuty %v, warnings %q", machine.RecordsSlack, machine.RecordsPagerDuty, machine.Warnings)
			}
		})
	}
}

func TestAStandInOfTheUsersOwnIsCalledBesideTheRecorder(t *testing.T) {
	stand := recorder.New(time.Now)
	provider := httptest.NewServer(stand)
	defer provider.Close()
	machine, _ := start(t, t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s", "SLACK_API_URL": provider.URL + "/api"})
	defer stop(t, machine)
	deliver(t, machine, "application.revision_requested", "s", sample.Change{})
	shown(t, stand, 1, 0)
	shown(t, machine.Recorder, 0, 1)
}

func TestHalfALineOfTheRecordersFileIsTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "recorder.jsonl"), []byte(`{"message":{"cha`), 0o600); err != nil {
		t.Fatal(err)
	}
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	if len(machine.Warnings) != 1 || !strings.Contains(machine.Warnings[0], "recorder.jsonl") {
		t.Errorf("warnings: %q", machine.Warnings)
	}
}

func TestWhatIsWrongIsNamedOnceAndTheFolderIsGivenBack(t *testing.T) {
	dir := t.TempDir()
	options := serve.Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Log: new(bytes.Buffer)}
	options.Source = variables(map[string]string{"ENVIRONMENT": "two words", "MAX_ALERT_AGE": "5s"})
	_, err := serve.Start(t.Context(), options)
	if err == nil || strings.Count(err.Error(), "Environment") != 1 || strings.Count(err.Error(), "MaxAlertAge") != 1 {
		t.Errorf("error = %v", err)
	}
	machine, _ := start(t, dir, map[string]string{})
	stop(t, machine)
}

func TestStartFails(t *testing.T) {
	taken, _ := start(t, t.TempDir(), map[string]string{})
	defer stop(t, taken)
	address := strings.Split(strings.TrimPrefix(taken.URL, "http://"), "/")[0]
	cases := []struct {
		name   string
		listen string
		values map[string]string
		says   string
	}{
		{"the address is taken", address, nil, "--listen"},
		{"no secret between the commas", "127.0.0.1:0", map[string]string{"WEBHOOK_SECRETS": ","}, "WEBHOOK_SECRETS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve.Start(t.Context(), serve.Options{
				Listen: c.listen, Operator: "127.0.0.1:0", DataDir: t.TempDir(), Source: variables(c.values), Log: new(bytes.Buffer),
			})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestBodiesAtTheLimit(t *testing.T) {
	machine, _ := start(t, t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s", "BODY_LIMIT": "1024", "OTHER_ROUTE": "slack"})
	defer stop(t, machine)
	frame := `{"type":"x","pad":""}`
	for _, c := range []struct {
		name string
		size int
		code int
	}{{"at the limit", 1024, 200}, {"a byte over", 1025, 413}, {"far over", 1 << 20, 413}} {
		t.Run(c.name, func(t *testing.T) {
			body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", c.size-len(frame))+`"`, 1)
			if code := post(t, machine, sample.Sign("x", "s", "d-"+c.name[:2], time.Now(), []byte(body))); code != c.code {
				t.Errorf("answered %d, want %d", code, c.code)
			}
		})
	}
}

// What is refused on the public side, over the network, is JSON and can be seen on the operator's side.
func TestWhatIsRefusedIsSeenByTheOperator(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{})
	defer stop(t, machine)
	for path, want := range map[string]int{"/nothing": http.StatusNotFound, ingest.Path: http.StatusMethodNotAllowed} {
		response, err := http.Get(strings.TrimSuffix(machine.URL, ingest.Path) + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s is answered %s, %s", path, response.Status, response.Header.Get("Content-Type"))
		}
	}
	operator, err := serve.Operate(t.Context(), dir, variables(map[string]string{}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = operator.Close() }()
	var found api.Refused
	if err := operator.Get(t.Context(), "refused", &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Refused) != 2 || found.Refused[0].Sender != "127.0.0.1" || found.Refused[0].At.IsZero() {
		t.Errorf("%+v", found.Refused)
	}
}
