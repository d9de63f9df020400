//go:build emulators

package deadletter_test

import (
	"fmt"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/story"
	"revento-alerts/test/emulators"
)

// onSQS is the slack queue there, with dead letters that all lie in their channel's group.
func onSQS(t *testing.T, letters int) *sqs.Queues {
	t.Helper()
	queues := sqs.New(emulators.Patient(t), emulators.Queues(t, queue.MaxReceives, queue.Slack))
	for i := range letters {
		message, err := story.Event(t, route.Slack, fmt.Sprintf("flag@%d", i)).Encode()
		if err == nil {
			err = queues.Send(t.Context(), queue.Slack.DeadLetter(), message)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return queues
}

func TestOnSQSAllOfOneGroupAreListedRedrivenAndDropped(t *testing.T) {
	const letters = 240 // the emulator needs a second for each call on a FIFO queue with a thousand groups
	t.Parallel()
	queues := onSQS(t, letters)
	desk := deadletter.NewDesk(queues)
	began := time.Now()
	listing, err := desk.List(t.Context(), queue.Slack)
	if err != nil || len(listing.Letters) != letters || !listing.Whole {
		t.Errorf("%d of %d are listed, whole: %t, %v", len(listing.Letters), letters, listing.Whole, err)
	}
	t.Logf("the first look, which gives each a group of its own, took %s", time.Since(began))
	began = time.Now()
	again, err := desk.List(t.Context(), queue.Slack)
	if err != nil || len(again.Letters) != letters || !again.Whole {
		t.Errorf("%d of %d are listed again, whole: %t, %v", len(again.Letters), letters, again.Whole, err)
	}
	t.Logf("the second look took %s", time.Since(began))
	half := deadletter.Selection{Queues: []queue.Name{queue.Slack}}
	for _, letter := range listing.Letters[letters/2:] {
		half.IDs = append(half.IDs, letter.ID)
	}
	if results, err := desk.Drop(t.Context(), half); err != nil || len(results) != letters/2 {
		t.Errorf("%d were dropped, %v", len(results), err)
	}
	redriver := deadletter.Redriver{Desk: desk, Stack: "prod", Pace: time.Microsecond, Now: time.Now}
	results, err := redriver.Redrive(t.Context(), deadletter.Selection{All: true, Queues: []queue.Name{queue.Slack}})
	if err != nil || len(results) != letters/2 {
		t.Errorf("%d were redriven, %v", len(results), err)
	}
	for name, want := range map[queue.Name]int{queue.Slack.DeadLetter(): 0, queue.Slack: letters / 2} {
		if waiting, inFlight, err := queues.Depth(t.Context(), name); err != nil || waiting != want || inFlight != 0 {
			t.Errorf("%s: %d wait, %d are hidden, %v; want %d and 0", name, waiting, inFlight, err, want)
		}
	}
}

func TestOnSQSWhatAnotherProgramHoldsIsCounted(t *testing.T) {
	t.Parallel()
	queues := onSQS(t, 5)
	if listing, err := deadletter.NewDesk(queues).List(t.Context(), queue.Slack); err != nil || len(listing.Letters) != 5 {
		t.Fatalf("%+v, %v", listing, err)
	}
	if _, _, err := queues.Receive(t.Context(), queue.Slack.DeadLetter(), time.Hour); err != nil {
		t.Fatal(err)
	}
	listing, err := deadletter.NewDesk(queues).List(t.Context(), queue.Slack)
	if err != nil || len(listing.Letters) != 4 || listing.Hidden != 1 || listing.Total != 5 || listing.Whole {
		t.Errorf("%+v, %v", listing, err)
	}
}
