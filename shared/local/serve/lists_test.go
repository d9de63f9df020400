package serve_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
)

// A program that counts what a list holds does not expect null, and none of the answers has another use for it.
func TestNoAnswerOfTheAPIHoldsANull(t *testing.T) {
	off := map[string]string{"WEBHOOK_SECRETS": "s"}
	for _, trigger := range route.Triggers {
		off[settings.Setting{Parameter: trigger.Parameter}.Variable()] = route.Off
	}
	for name, values := range map[string]map[string]string{"nothing is routed": off, "everything as it is": {"WEBHOOK_SECRETS": "s"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			buryOne(t, dir)
			machine, _ := start(t, dir, values)
			defer stop(t, machine)
			operate(t, dir, values, func(client *api.Client) {
				wantNoNull(t, client, "deletions", "deliveries", "dead-letters", "overview", "routes", "slack", "pagerduty", "refused", "connections")
				code := deliver(t, machine, "application.revision_requested", "s", sample.Change{DeliveryID: "d-1"})
				if code != http.StatusOK {
					t.Fatalf("answered %d", code)
				}
				deliver(t, machine, "application.revision_requested", "forged", sample.Change{})
				idle(t, machine)
				wantNoNull(t, client, "deliveries", "trace/d-1", "trace?event=evt_sample_1&organization=org_sample_1&resource=app_sample_1",
					"slack", "pagerduty", "overview", "refused")
				for _, path := range []string{"check", "dead-letters/redrive", "dead-letters/drop"} {
					wantNoNullDone(t, client, path, map[string]any{"all": path != "check"})
				}
				wantNoNullOfDeletions(t, client, machine)
			})
		})
	}
}

// wantNoNullOfDeletions visits a deletion that waits for its date, one that a person has to look at, and what is done to both.
func wantNoNullOfDeletions(t *testing.T, client *api.Client, machine *serve.Machine) {
	t.Helper()
	at := time.Now().Add(-time.Minute)
	for id, data := range map[string]string{"d-whole": `{}`, "d-held": `{"user_id":"usr_1"}`} {
		body := bodyOf(revento.TypeDeletionRequired, at, data)
		if code := post(t, machine, sample.Sign(revento.TypeDeletionRequired, "s", id, time.Now(), body)); code != http.StatusOK {
			t.Fatalf("answered %d", code)
		}
	}
	idle(t, machine)
	wantNoNull(t, client, "deletions", "trace/d-whole", "trace/d-held")
	for _, c := range deletions(t, client) {
		wantNoNull(t, client, "deletions/"+c.ID)
		if c.State == deletion.Held {
			wantNoNullDone(t, client, "deletions/"+c.ID+"/close", map[string]string{"note": "done by hand"})
			continue
		}
		wantNoNull(t, client, "deletions/"+c.ID+"/now")
		wantNoNullDone(t, client, "deletions/"+c.ID+"/now", struct{}{})
	}
	idle(t, machine)
	for _, c := range deletions(t, client) {
		wantNoNull(t, client, "deletions/"+c.ID)
	}
	wantNoNull(t, client, "deletions", "trace/d-1", "trace/d-whole", "deliveries")
}

// buryOne puts a message that cannot be read among the dead letters.
func buryOne(t *testing.T, dir string) {
	t.Helper()
	engine, err := sqlite.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Queues.Send(t.Context(), queue.Digest.DeadLetter(), queue.Message{Body: "of a newer version"}); err != nil {
		t.Error(err)
	}
	if err := engine.Close(); err != nil {
		t.Error(err)
	}
}

// wantNoNullDone posts what is asked.
func wantNoNullDone(t *testing.T, client *api.Client, path string, asked any) {
	t.Helper()
	var answer any
	if err := client.Post(t.Context(), path, asked, &answer); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	wantLists(t, path, answer)
}

func wantNoNull(t *testing.T, client *api.Client, paths ...string) {
	t.Helper()
	for _, path := range paths {
		var answer any
		if err := client.Get(t.Context(), path, &answer); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		wantLists(t, path, answer)
	}
}

// wantLists fails the test for every null within a value that was decoded from JSON.
func wantLists(t *testing.T, at string, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil:
		t.Errorf("%s is null", at)
	case map[string]any:
		for name, member := range value {
			wantLists(t, at+"."+name, member)
		}
	case []any:
		for i, element := range slices.All(value) {
			wantLists(t, fmt.Sprintf("%s[%d]", at, i), element)
		}
	case json.Number, string, bool, float64:
	}
}
