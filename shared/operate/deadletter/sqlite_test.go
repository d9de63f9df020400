package deadletter_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/story"
)

func TestOnSQLiteAllOfOneGroupAreListedDroppedAndRedriven(t *testing.T) {
	const letters = 1200
	engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	var sent sync.WaitGroup // at once, so that one sync of the disk serves many
	for i := range letters {
		message, err := story.Event(t, route.Slack, fmt.Sprintf("flag@%d", i)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		sent.Go(func() {
			if err := engine.Queues.Send(t.Context(), queue.Slack.DeadLetter(), message); err != nil {
				t.Error(err)
			}
		})
	}
	sent.Wait()
	desk := deadletter.NewDesk(engine.Queues)
	listing, err := desk.List(t.Context(), queue.Names...)
	if err != nil || len(listing.Letters) != letters || !listing.Whole {
		t.Fatalf("%d of %d are listed, whole: %t, %v", len(listing.Letters), letters, listing.Whole, err)
	}
	chosen := deadletter.Selection{Queues: []queue.Name{queue.Slack}}
	for _, letter := range listing.Letters[letters/2:] { // they lie behind the others of their group
		chosen.IDs = append(chosen.IDs, letter.ID)
	}
	if results, err := desk.Drop(t.Context(), chosen); err != nil || len(results) != letters/2 {
		t.Errorf("%d were dropped, %v", len(results), err)
	}
	redriver := deadletter.Redriver{Desk: desk, Stack: "prod", Pace: time.Microsecond, Now: time.Now}
	if results, err := redriver.Redrive(t.Context(), everything); err != nil || len(results) != letters/2 {
		t.Errorf("%d were redriven, %v", len(results), err)
	}
	for name, want := range map[queue.Name]int{queue.Slack.DeadLetter(): 0, queue.Slack: letters / 2} {
		if waiting, inFlight, err := engine.Queues.Depth(t.Context(), name); err != nil || waiting != want || inFlight != 0 {
			t.Errorf("%s: %d wait, %d are hidden, %v; want %d and 0", name, waiting, inFlight, err, want)
		}
	}
}
