package serve_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/story"
)

// givenUp puts alerts among the dead letters of a data folder, as the slack queue itself does: in their channel's group.
func givenUp(t *testing.T, dir string, letters int) {
	t.Helper()
	engine, err := sqlite.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range letters {
		message, err := story.Event(t, route.Slack, fmt.Sprintf("flag@%d", i)).Encode()
		if err == nil {
			err = engine.Queues.Send(t.Context(), queue.Slack.DeadLetter(), message)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}

// A redrive of five takes four seconds.
func TestAStopEndsARedriveBetweenTwoLettersAndItSaysWhatItDid(t *testing.T) {
	dir := t.TempDir()
	givenUp(t, dir, 5)
	machine, _ := start(t, dir, map[string]string{})
	var once sync.Once
	stopped := make(chan error, 1)
	operate(t, dir, nil, func(client *api.Client) {
		done, err := client.Treat(t.Context(), "redrive", api.Selection{All: true}, func(result deadletter.Result) {
			if result.Outcome == deadletter.Redriven {
				once.Do(func() { go func() { stopped <- machine.Close() }() })
			}
		})
		if err != nil || done.Done != 1 || done.Kept+done.Left != 4 || done.Stopped == "" {
			t.Errorf("%+v, %v", done, err)
		}
	})
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}
