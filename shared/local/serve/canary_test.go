package serve_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/testkit/memory"
)

// The canaries stand for what is known of people: in letters that everything leaves as they are, and in others that JSON may
// write as escapes.
const (
	canary     = "CANARY7f3aVOGEL"
	oddCanary  = "Çanäryßird"
	canaryData = `{"id":"` + canary + `","name":"` + canary + ` ` + oddCanary + `","status":"pending"}`
)

// forms are the canaries as they may stand in a file: raw, as JSON's escapes, and each in base64 at each of its offsets.
func forms() [][]byte {
	var found [][]byte
	for _, text := range []string{canary, oddCanary, escaped(oddCanary)} {
		found = append(found, []byte(text))
		for offset := range 3 {
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + text))
			found = append(found, []byte(encoded[4:len(encoded)-4])) // without what the neighbours have a part in
		}
	}
	return found
}

// escaped writes every letter beyond ASCII as JSON's escape.
func escaped(text string) string {
	var escapes strings.Builder
	for _, r := range text {
		if r > '~' {
			fmt.Fprintf(&escapes, `\u%04x`, r)
		} else {
			escapes.WriteRune(r)
		}
	}
	return escapes.String()
}

// canaries lists the files of a folder in which a form of a canary stands.
func canaries(t *testing.T, dir string) []string {
	t.Helper()
	var singing []string
	for _, name := range files(t, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(forms(), func(form []byte) bool { return bytes.Contains(content, form) }) {
			singing = append(singing, name)
		}
	}
	return singing
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func bodyOf(eventType string, at time.Time, data string) []byte {
	return fmt.Appendf(nil, `{"type":%q,"occurred_at":%q,"event_id":"evt_1","organization_id":"org_1","data":%s}`,
		eventType, at.Format(time.RFC3339), data)
}

// leave puts messages of the connection, with canaries in them, where nobody works on them: into the dead letters of each queue of
// alerts, and behind a message that waits for an hour.
func leave(t *testing.T, dir string, at time.Time) {
	t.Helper()
	engine, err := sqlite.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	body := bodyOf("application.revision_requested", at, canaryData)
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		t.Fatal(err)
	}
	delivery := handoff.Delivery{ID: "left", Envelope: envelope, Identity: envelope.Identity(body), SignedAt: at, ReceivedAt: at, Body: body}
	for _, kind := range []route.Kind{route.Slack, route.PagerDuty, route.Digest} {
		message := handoff.New("local", delivery, route.Destination{Kind: kind, Channel: "C0999"}, at)
		encoded, err := message.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []queue.Name{message.Queue(), message.Queue().DeadLetter()} {
			if err := engine.Queues.Send(t.Context(), name, encoded); err != nil {
				t.Fatal(err)
			}
		}
		received, _, err := engine.Queues.Receive(t.Context(), message.Queue(), time.Minute)
		if err == nil {
			err = engine.Queues.ChangeVisibility(t.Context(), message.Queue(), received.Handle, time.Hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}

// After "finished", nothing is left in the files of one machine that the statement does not name.
func TestAfterADeletionNoFileHoldsAnythingOfTheConnection(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{
		"WEBHOOK_SECRETS": "s", "DELETION_GRACE_DAYS": "0", "ALERT_FIELDS": "*", "SLACK_POST_INTERVAL": "0s", "LINK_TEMPLATE": "https://x.example/{resource_id}",
	}
	at := time.Now().Add(-time.Minute).UTC()
	machine, _ := start(t, dir, values)
	for i, eventType := range []string{
		"application.revision_requested", "application.submitted", "participant.registered", "activity.updated", "application.approved",
	} {
		delivery := sample.Sign(eventType, "s", fmt.Sprint("d-", i), time.Now(), bodyOf(eventType, at, canaryData))
		if code := post(t, machine, delivery); code != http.StatusOK {
			t.Fatalf("answered %d", code)
		}
	}
	idle(t, machine)
	stop(t, machine)
	leave(t, dir, at)
	if singing := canaries(t, dir); !slices.Contains(singing, "recorder.jsonl") || !slices.ContainsFunc(singing, isDatabase) {
		t.Fatalf("only %q hold a canary before: the test looks for nothing", singing)
	}
	machine, _ = start(t, dir, values)
	request := sample.Sign(revento.TypeDeletionRequired, "s", "d-end", time.Now(), bodyOf(revento.TypeDeletionRequired, at.Add(30*time.Second), `{}`))
	if code := post(t, machine, request); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	operate(t, dir, values, func(client *api.Client) {
		done := becomes(t, client, deletion.Finished)
		for _, place := range []string{"queue slack", "dead letters of slack", "dead letters of pagerduty", "dead letters of digest", "table delivery"} {
			if done.Forgotten[place] == 0 {
				t.Errorf("nothing of %s was deleted: %v", place, done.Forgotten)
			}
		}
		if singing := canaries(t, dir); len(singing) > 0 {
			t.Errorf("while serve runs on, %q hold a canary", singing)
		}
	})
	stop(t, machine)
	if singing := canaries(t, dir); len(singing) > 0 {
		t.Errorf("once serve is stopped, %q hold a canary", singing)
	}
}

func isDatabase(name string) bool { return strings.HasPrefix(name, "revento-alerts.db") }

// ownFiles keep nothing of any connection, beside the database, whose tables are on the list themselves.
var ownFiles = []string{"address", "operator-address", "operator-token", "webhook-secret"}

// A table or a file that is not on the list of keepers would keep what no statement names.
func TestEveryTableAndFileIsOnTheListOfKeepers(t *testing.T) {
	dir := t.TempDir()
	machine, _ := start(t, dir, map[string]string{})
	stop(t, machine)
	var listed []string
	for _, keeper := range deletion.OnMachine(memory.NewLedger(), memory.NewQueues(time.Now), deletion.Windows{}) {
		listed = append(listed, keeper.Place)
	}
	for _, name := range files(t, dir) {
		if !isDatabase(name) && !slices.Contains(ownFiles, name) && !slices.Contains(listed, "file "+name) {
			t.Errorf("the file %s is not there", name)
		}
	}
	for _, table := range tables(t, filepath.Join(dir, "revento-alerts.db")) {
		if !slices.Contains(listed, "table "+table) {
			t.Errorf("the table %s is not there", table)
		}
	}
}

func tables(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var names string
	err = db.QueryRowContext(t.Context(), "SELECT json_group_array(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").Scan(&names)
	var list []string
	if err == nil {
		err = json.Unmarshal([]byte(names), &list)
	}
	if err != nil || len(list) == 0 {
		t.Fatalf("the tables are %q, %v", names, err)
	}
	return list
}
