package main

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/sample"
	"revento-alerts/shared/serve"
	"revento-alerts/shared/settings"
	"revento-alerts/test/golden"
)

// Moments and ids are new in each run; the golden files hold their form, in the same width.
var (
	momentForm = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
	idForm     = regexp.MustCompile(`\b[0-9a-f]{16}\b`)
	uuidForm   = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
)

func lasting(text string) string {
	text = momentForm.ReplaceAllString(text, "YYYY-MM-DD hh:mm:ss UTC")
	text = uuidForm.ReplaceAllString(text, "dddddddd-dddd-dddd-dddd-dddddddddddd")
	return idForm.ReplaceAllString(text, "iiiiiiiiiiiiiiii")
}

// served runs serve on a data folder until the test's work with it is done.
func served(t *testing.T, dir string, do func(machine *serve.Machine)) {
	t.Helper()
	source := settings.Source(func(name string) (string, bool) {
		values := map[string]string{"WEBHOOK_SECRETS": "s", "SLACK_POST_INTERVAL": "0s"}
		return values[name], values[name] != ""
	})
	machine, err := serve.Start(t.Context(), serve.Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: source, Log: new(strings.Builder)})
	if err != nil {
		t.Fatal(err)
	}
	do(machine)
	if err := machine.Close(); err != nil {
		t.Error(err)
	}
}

// settle waits until all that was delivered is worked on.
func settle(t *testing.T, machine *serve.Machine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		done, err := machine.Idle(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

func deliverBody(t *testing.T, machine *serve.Machine, body string) {
	t.Helper()
	answer, err := sample.Sign("data.deletion_required", "s", "d-1", time.Now(), []byte(body)).Post(t.Context(), http.DefaultClient, machine.URL)
	if err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%+v, %v", answer, err)
	}
	settle(t, machine)
}

const (
	connectionBody = `{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","event_id":"evt_1","organization_id":"org_1","data":{}}`
	userBody       = `{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","event_id":"evt_1","organization_id":"org_1",` +
		`"data":{"user_id":"usr_1"}}`
)

// does runs a command that must succeed and holds what it prints.
func does(t *testing.T, name string, arguments ...string) {
	t.Helper()
	r := call(t, nil, arguments...)
	if r.code != 0 || r.err != "" {
		t.Fatalf("%v: %+v", arguments, r)
	}
	golden.Want(t, name, lasting(r.out))
}

// only is the id of the only deletion.
func only(t *testing.T, dir string) string {
	t.Helper()
	found := idForm.FindAllString(call(t, nil, "deletions", "list", "--data", dir).out, -1)
	if len(found) != 1 {
		t.Fatalf("%d deletions", len(found))
	}
	return found[0]
}

func TestDeletionsWhileServeRunsAndAfter(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, func(machine *serve.Machine) {
		does(t, "deletions-none.txt", "deletions", "list", "--data", dir)
		deliverBody(t, machine, connectionBody)
		does(t, "deletions-scheduled.txt", "deletions", "list", "--data", dir)
		does(t, "deletions-now.txt", "deletions", "now", only(t, dir)[:8], "--data", dir)
		settle(t, machine)
		does(t, "deletions-show.txt", "deletions", "show", only(t, dir), "--data", dir)
	})
	does(t, "deletions-finished.txt", "deletions", "list", "--data", dir)
	does(t, "deletions-show.txt", "deletions", "show", only(t, dir), "--data", dir)
}

func TestAHeldDeletionIsClosedWhileServeIsStopped(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, func(machine *serve.Machine) { deliverBody(t, machine, userBody) })
	does(t, "deletions-held.txt", "deletions", "show", only(t, dir), "--data", dir)
	does(t, "deletions-close.txt", "deletions", "close", only(t, dir), "--note", "user data deleted by hand", "--data", dir)
	does(t, "deletions-closed.txt", "deletions", "show", only(t, dir), "--data", dir)
}

func TestWhatDeletionsCannotDo(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, func(machine *serve.Machine) { deliverBody(t, machine, connectionBody) })
	tests := []struct {
		name      string
		arguments []string
		code      int
		says      string
	}{
		{"an unknown id", []string{"show", "ffff", "--data", dir}, exitFailed, "deletions list"},
		{"no id", []string{"show", "--data", dir}, exitUsage, "name one deletion"},
		{"no note", []string{"close", only(t, dir), "--data", dir}, exitFailed, "say in 1 to"},
		{"not held", []string{"close", only(t, dir), "--note", "x", "--data", dir}, exitFailed, "only a held one"},
		{"no folder", []string{"list", "--data", dir + "/none"}, exitFailed, "revento-alerts serve"},
		{"two installations", []string{"list", "--data", dir, "--stack", "revento"}, exitUsage, "give one"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := call(t, nil, append([]string{"deletions"}, test.arguments...)...)
			if r.code != test.code || !strings.Contains(r.err, test.says) || r.out != "" {
				t.Errorf("%+v", r)
			}
		})
	}
}
