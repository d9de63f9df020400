package serve_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/operate/api"
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
			machine, _ := start(t, dir, values)
			defer stop(t, machine)
			operate(t, dir, values, func(client *api.Client) {
				wantNoNull(t, client, "deletions", "deliveries", "dead-letters", "overview", "routes", "slack", "pagerduty", "refused")
				code := deliver(t, machine, "application.revision_requested", "s", sample.Change{DeliveryID: "d-1"})
				if code != http.StatusOK {
					t.Fatalf("answered %d", code)
				}
				deliver(t, machine, "application.revision_requested", "forged", sample.Change{})
				idle(t, machine)
				wantNoNull(t, client, "deliveries", "trace/d-1", "slack", "pagerduty", "overview", "refused")
				for _, path := range []string{"check", "dead-letters/redrive", "dead-letters/drop"} {
					var answer any
					if err := client.Post(t.Context(), path, map[string]any{"all": path != "check"}, &answer); err != nil {
						t.Errorf("%s: %v", path, err)
					}
					wantLists(t, path, answer)
				}
			})
		})
	}
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
