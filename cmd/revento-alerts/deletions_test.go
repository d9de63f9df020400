package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/revento/sample"
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
	shown := lasting(r.out)
	if at := slices.Index(arguments, "--data"); at >= 0 { // of the test's own
		shown = strings.ReplaceAll(shown, arguments[at+1], "FOLDER")
	}
	golden.Want(t, name, shown)
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
		does(t, "deletions-now.txt", "deletions", "now", only(t, dir)[:8], "--yes", "--data", dir)
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
		{"an unknown id", []string{"show", "ffff", "--data", dir}, exitFailed, "deletions list --data " + dir},
		{"a letter", []string{"now", only(t, dir)[:1], "--yes", "--data", dir}, exitFailed, "at least its first 8"},
		{"no terminal to ask on", []string{"now", only(t, dir), "--data", dir}, exitUsage, "give --yes"},
		{"a table and an installation", []string{"show", only(t, dir), "--table", "x", "--data", dir}, exitUsage, "stands alone"},
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

func TestDeletingNowNamesWhatWouldGoAndAsks(t *testing.T) {
	dir := t.TempDir()
	served(t, dir, func(machine *serve.Machine) {
		alerted, err := sample.New("application.revision_requested", "s", time.Now(), sample.Change{
			OccurredAt: time.Date(2026, 5, 9, 14, 22, 30, 0, time.UTC), EventID: "evt_1", OrganizationID: "org_1",
		})
		if err == nil {
			_, err = alerted.Post(t.Context(), http.DefaultClient, machine.URL)
		}
		if err != nil {
			t.Fatal(err)
		}
		settle(t, machine)
		deliverBody(t, machine, connectionBody)
	})
	id := only(t, dir)
	for _, answer := range []string{"n\n", "\n", "x"} {
		r := answering(t, answer, nil, "deletions", "now", id, "--data", dir)
		if r.code != exitFailed || !strings.Contains(r.err, "nothing was deleted") {
			t.Errorf("answered %q: %+v", answer, r)
		}
	}
	r := answering(t, "y\n", nil, "deletions", "now", id, "--data", dir)
	if r.code != 0 || !strings.Contains(r.out, "is queued") {
		t.Errorf("%+v", r)
	}
	for _, part := range []string{"event evt_1, organization org_1", "due at 20", "delete the 8 records", "up to 2026-05-09 14:22:31 UTC"} {
		if !strings.Contains(r.out, part) {
			t.Errorf("it asks %q, without %q", r.out, part)
		}
	}
}

// The table of deletions stays when its stack is deleted: the proof is printed from it alone.
func TestAStatementIsPrintedFromATableAlone(t *testing.T) {
	const item = `{"partition":{"S":"p"},"sort":{"S":"deletion#2026-05-09T14:22:31.000000000Z"},"version":{"N":"3"},
		"occurred_at":{"S":"2026-05-09T14:22:31.000000000Z"},"data":{"S":%q}}`
	const data = `{"schema":1,"value":{"id":"0f3c9b1e22aa4d07","event_id":"evt_1","organization_id":"org_1","cutoff":"2026-05-09T14:22:31Z",` +
		`"state":"finished","delivery_id":"d-1","requested_at":"2026-05-09T14:22:33Z","finished_at":"2026-05-16T14:22:33Z"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Scan") || !strings.Contains(string(body), `"TableName":"kept"`) {
			t.Errorf("asked for %s of %s", r.Header.Get("X-Amz-Target"), body)
		}
		fmt.Fprintf(w, `{"Items":[`+item+`]}`, data)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	r := call(t, nil, "deletions", "show", "0f3c9b1e", "--table", "kept")
	for _, part := range []string{"Statement of data deletion 0f3c9b1e22aa4d07 (table kept)", "2026-05-16 14:22:33 UTC"} {
		if r.code != 0 || !strings.Contains(r.out, part) {
			t.Errorf("it prints %+v, without %q", r, part)
		}
	}
	if r := call(t, nil, "deletions", "show", "ffffffff", "--table", "kept"); r.code != exitFailed || !strings.Contains(r.err, "names 0") {
		t.Errorf("of an unknown one: %+v", r)
	}
}
