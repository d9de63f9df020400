package serve_test

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

// operate does something on the operator's side of a data folder.
func operate(t *testing.T, dir string, values map[string]string, do func(*api.Client)) {
	t.Helper()
	operator, err := serve.Operate(t.Context(), dir, variables(values), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	do(operator.Client)
	if err := operator.Close(); err != nil {
		t.Error(err)
	}
}

func deletions(t *testing.T, client *api.Client) []deletion.Case {
	t.Helper()
	var list api.Deletions
	if err := client.Get(t.Context(), "deletions", &list); err != nil {
		t.Fatal(err)
	}
	return list.Deletions
}

// becomes waits until the only deletion has a state, and returns it.
func becomes(t *testing.T, client *api.Client, want deletion.State) api.Deletion {
	t.Helper()
	const patience, pause = 30 * time.Second, 20 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		listed := deletions(t, client)
		if len(listed) == 1 && listed[0].State == want {
			var shown api.Deletion
			if err := client.Get(t.Context(), "deletions/"+listed[0].ID, &shown); err != nil {
				t.Fatal(err)
			}
			return shown
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			t.Fatalf("the deletions are %+v, want one that is %s", listed, want)
		}
	}
}

// idle waits until all that was delivered is worked on.
func idle(t *testing.T, machine *serve.Machine) {
	t.Helper()
	const pause = 10 * time.Millisecond
	for {
		done, err := machine.Idle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
		<-time.After(pause)
	}
}

func TestADeletionIsRequestedDoneAndProven(t *testing.T) {
	dir, values := t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s", "DELETION_GRACE_DAYS": "0", "DELETE_SLACK_MESSAGES": "true"}
	machine, log := start(t, dir, values)
	defer stop(t, machine)
	if code := deliver(t, machine, "application.revision_requested", "s", sample.Change{OccurredAt: time.Now().Add(-time.Minute)}); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	shown(t, machine.Recorder, 1, 1)
	idle(t, machine)
	if code := deliver(t, machine, "data.deletion_required", "s", sample.Change{OccurredAt: time.Now().Add(-30 * time.Second)}); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	operate(t, dir, values, func(client *api.Client) {
		done := becomes(t, client, deletion.Finished)
		if done.Found["alert"] != 2 || done.Found["incident"] != 1 || done.Found["thread"] != 1 || done.Resolved != 1 {
			t.Errorf("the deletion: %+v", done.Case)
		}
		for _, part := range []string{"evt_sample_1", "incidents resolved      1", "1 of 1", "What remains elsewhere"} {
			if !strings.Contains(done.Statement, part) {
				t.Errorf("the statement lacks %q:\n%s", part, done.Statement)
			}
		}
	})
	// The alert is gone from what was recorded; what tells of the deletion stays: a root and the reply that it is done.
	idle(t, machine)
	shown(t, machine.Recorder, 2, 1)
	for _, message := range machine.Recorder.Messages() {
		if !strings.Contains(string(message.Text), "ata delet") {
			t.Errorf("a message is left: %+v", message)
		}
	}
	for _, incident := range machine.Recorder.Incidents() {
		if !incident.Resolved {
			t.Errorf("an incident is open: %+v", incident)
		}
	}
	deliver(t, machine, "application.revision_requested", "s", sample.Change{OccurredAt: time.Now().Add(-time.Hour), ResourceID: "app_late"})
	deliver(t, machine, "event.unpublished", "s", sample.Change{})
	shown(t, machine.Recorder, 4, 1) // what is new, and that the connection is back
	if !strings.Contains(log.String(), `"outcome":"deleted"`) {
		t.Error("what happened before the cutoff was not dropped")
	}
}

func TestADeletionSurvivesARestartAndIsBroughtForwardWhileServeIsStopped(t *testing.T) {
	dir, values := filepath.Join(t.TempDir(), "data"), map[string]string{"WEBHOOK_SECRETS": "s"}
	machine, _ := start(t, dir, values)
	deliver(t, machine, "data.deletion_required", "s", sample.Change{})
	operate(t, dir, values, func(client *api.Client) { becomes(t, client, deletion.Scheduled) })
	stop(t, machine)
	operate(t, dir, values, func(client *api.Client) {
		var queued api.Deletion
		id := deletions(t, client)[0].ID
		if err := client.Post(t.Context(), "deletions/"+id+"/now", struct{}{}, &queued); err != nil || queued.BroughtForwardAt.IsZero() {
			t.Fatalf("%+v, %v", queued, err)
		}
	})
	machine, _ = start(t, dir, values)
	defer stop(t, machine)
	operate(t, dir, values, func(client *api.Client) { becomes(t, client, deletion.Finished) })
}

func TestAHeldRequestStopsNothingUntilItIsClosed(t *testing.T) {
	dir, values := t.TempDir(), map[string]string{"WEBHOOK_SECRETS": "s", "DELETION_GRACE_DAYS": "0"}
	machine, _ := start(t, dir, values)
	defer stop(t, machine)
	body := `{"type":"data.deletion_required","occurred_at":"2026-05-09T14:22:31Z","event_id":null,"organization_id":null,"data":{}}`
	if code := post(t, machine, sample.Sign("data.deletion_required", "s", "d-1", time.Now(), []byte(body))); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	operate(t, dir, values, func(client *api.Client) {
		held := becomes(t, client, deletion.Held)
		shown(t, machine.Recorder, 1, 1) // before it is closed: an incident that ends before it began pages nobody
		var closed api.Deletion
		if err := client.Post(t.Context(), "deletions/"+held.ID+"/close", map[string]string{"note": "looked at"}, &closed); err != nil {
			t.Fatal(err)
		}
		becomes(t, client, deletion.Closed)
	})
	shown(t, machine.Recorder, 2, 1)
}

func TestOperateNeedsADataFolder(t *testing.T) {
	_, err := serve.Operate(t.Context(), filepath.Join(t.TempDir(), "none"), variables(nil), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("error: %v", err)
	}
}

// A person reads the notice in Slack, far from the folder: it names it, whole.
func TestTheNoticeOfAHeldDeletionNamesTheDataFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	machine, _ := start(t, filepath.Base(dir), map[string]string{"WEBHOOK_SECRETS": "s"})
	defer stop(t, machine)
	body := bodyOf(revento.TypeDeletionRequired, time.Now().Add(-time.Minute), `{"nobody_foresaw":1}`)
	if code := post(t, machine, sample.Sign(revento.TypeDeletionRequired, "s", "d-1", time.Now(), body)); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	shown(t, machine.Recorder, 1, 1)
	if message := machine.Recorder.Messages()[0]; !strings.Contains(string(message.Attachments), "--data "+dir) {
		t.Errorf("the notice is %s", message.Attachments)
	}
}
