package serve

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento/sample"
)

func TestADigestTellsOnceWhatWasGathered(t *testing.T) {
	values := map[string]string{"WEBHOOK_SECRETS": "s", "SLACK_POST_INTERVAL": "0s"}
	source := func(name string) (string, bool) { return values[name], values[name] != "" }
	machine, err := Start(t.Context(), Options{Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: t.TempDir(), Source: source, Log: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := machine.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, resource := range []string{"app_1", "app_2", "app_3"} {
		gather(t, machine, resource)
	}
	if count := len(machine.Recorder.Messages()); count != 0 {
		t.Fatalf("%d messages before the digest", count)
	}
	window := time.Now()
	for range 2 { // the schedule may well repeat itself
		if err := machine.engine.Queues.Send(t.Context(), queue.Digest, digest.RunMessage(window)); err != nil {
			t.Fatal(err)
		}
		becomesIdle(t, machine)
	}
	messages := machine.Recorder.Messages()
	if len(messages) != 1 || !strings.Contains(messages[0].Text, "3") {
		t.Fatalf("messages: %+v", messages)
	}
}

func gather(t *testing.T, machine *Machine, resource string) {
	t.Helper()
	delivery, err := sample.New("application.submitted", "s", time.Now(), sample.Change{ResourceID: resource})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := delivery.Post(t.Context(), http.DefaultClient, machine.URL); err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%+v, %v", answer, err)
	}
	becomesIdle(t, machine)
}

func becomesIdle(t *testing.T, machine *Machine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for idle, err := machine.Idle(ctx); !idle; idle, err = machine.Idle(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		pause(ctx, 10*time.Millisecond)
	}
}
