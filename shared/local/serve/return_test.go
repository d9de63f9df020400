package serve_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento/sample"
)

// Where the keys are lost, what they sealed is lost too: a new key in their place would only hide it.
func TestWhereTheSealingKeysAreLostServeDoesNotStart(t *testing.T) {
	dir, keys := t.TempDir(), filepath.Join(t.TempDir(), "sealing-keys")
	values := map[string]string{"WEBHOOK_SECRETS": "s", "SEALING_KEYS_FILE": keys}
	machine, _ := start(t, dir, values)
	operate(t, dir, values, func(client *api.Client) {
		newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
	})
	stop(t, machine)
	if err := os.Remove(keys); err != nil {
		t.Fatal(err)
	}
	options := serve.Options{
		Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: variables(values), Log: new(bytes.Buffer), Sandbox: true,
	}
	machine, err := serve.Start(t.Context(), options)
	if err == nil {
		stop(t, machine)
		t.Fatal("it runs")
	}
	if !strings.Contains(err.Error(), keys) || !strings.Contains(err.Error(), "connections disconnect") {
		t.Errorf("the error names no remedy: %v", err)
	}
	if _, err := os.Stat(keys); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a new file: %v", err)
	}
}

// Who connects again after that is told of once: the first webhook, and another probe, add nothing.
func TestAConnectionThatIsBackAfterADisconnectIsAnnouncedOnce(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		connect := func() life.View {
			t.Helper()
			newOrganizer(t).decides(does[api.Link](t, client, "connections/"+sandboxEvent+"/link").Link, "allow")
			idle(t, machine)
			view := does[life.View](t, client, "connections/"+sandboxEvent+"/probe")
			idle(t, machine)
			return view
		}
		before := connect()
		wantPosted(t, machine, "The connection is back", 0)
		does[life.View](t, client, "connections/"+sandboxEvent+"/disconnect")
		idle(t, machine)
		after := connect()
		if !after.ConnectedAt.After(before.ConnectedAt) || !after.IsWell() {
			t.Errorf("connected again: %+v", after)
		}
		const announced = 2 // the reply, and the deletion's root, which shows the newest state
		wantPosted(t, machine, "The connection is back: an organizer has consented again", announced)
		code := deliver(t, machine, "application.revision_requested", "s", sample.Change{
			EventID: after.EventID, OrganizationID: after.OrganizationID, OccurredAt: time.Now(),
		})
		if code != http.StatusOK {
			t.Fatalf("the webhook is answered %d", code)
		}
		idle(t, machine)
		wantPosted(t, machine, "Application flagged for revision", 1)
		wantPosted(t, machine, "The connection is back", announced)
	})
}

func wantPosted(t *testing.T, machine *serve.Machine, text string, want int) {
	t.Helper()
	count := 0
	for _, message := range machine.Recorder.Messages() {
		if strings.Contains(message.Text, text) {
			count++
		}
	}
	if count != want {
		t.Errorf("%q was posted %d times, want %d", text, count, want)
	}
}
