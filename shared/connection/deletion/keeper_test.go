package deletion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

// onMachine has the bench's purges find what surrounds them on one machine.
func (b *bench) onMachine() *memory.Ledger {
	ledger := memory.NewLedger()
	b.purge.Keepers = deletion.OnMachine(ledger, b.queues, windows)
	return ledger
}

// waits puts a message of a happening into a queue, where it stays until somebody receives it.
func (b *bench) waits(name queue.Name, delivery handoff.Delivery) {
	b.Helper()
	destination := route.Destination{Kind: route.Kind(strings.TrimSuffix(string(name), "-dead-letter")), Channel: "C0111"}
	encoded, err := handoff.New(stack, delivery, destination, b.clock).Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.send(name, encoded)
}

// What waits in a queue, or is a dead letter, of up to the cutoff goes with the purge on one machine, and nothing else.
func TestOnOneMachineMessagesOfTheConnectionGoWithIt(t *testing.T) {
	for _, name := range []queue.Name{queue.Slack, queue.PagerDuty, queue.Digest} {
		t.Run(string(name), func(t *testing.T) {
			b := newBench(t, nil)
			b.onMachine()
			requestScheduled(b)
			dead := name.DeadLetter()
			b.waits(dead, b.happening(ours, "flag app_1@1"))
			b.waits(dead, b.happening(ours, "flag app_2@10"))
			b.waits(dead, b.happening(ours, "flag app_3@11"))
			b.waits(dead, b.happening(others[0], "flag app_4@1"))
			b.graceEnds()
			left, _, err := b.queues.Depth(t.Context(), dead)
			if err != nil || left != 2 {
				t.Errorf("%d dead letters are left, want the later one and another's: %v", left, err)
			}
			if got := b.onlyCase().Value.Forgotten["dead letters of "+string(name)]; got != 2 {
				t.Errorf("the case counts %d: %v", got, b.onlyCase().Value.Forgotten)
			}
		})
	}
}

// A webhook that waits for the mirror goes by its own moment: one of after the cutoff is of the connection's next life.
func TestOnOneMachineWhatWaitsForTheMirrorGoesWithTheConnection(t *testing.T) {
	b := newBench(t, nil)
	b.onMachine()
	requestScheduled(b)
	for _, delivery := range []handoff.Delivery{
		b.happening(ours, "flag app_1@1"), b.happening(ours, "flag app_2@10"), b.happening(ours, "flag app_3@11"), b.happening(others[0], "flag app_4@1"),
	} {
		message, err := delivery.Mirror()
		if err != nil {
			t.Fatal(err)
		}
		b.send(queue.Mirror, message)
	}
	b.graceEnds()
	left, _, err := b.queues.Depth(t.Context(), queue.Mirror)
	if err != nil || left != 2 {
		t.Errorf("%d are left, want the later one and another's: %v", left, err)
	}
}

// A data request is never dropped, and what nobody can read may be anybody's.
func TestAPurgeDropsNoDataRequest(t *testing.T) {
	b := newBench(t, nil)
	b.onMachine()
	requestScheduled(b)
	held := b.delivery("parked", revento.TypeDeletionRequired, ours, noon, `{"user_id":1}`)
	b.waits(queue.Deletion.DeadLetter(), held)
	b.send(queue.Deletion.DeadLetter(), queue.Message{Body: "unreadable"})
	b.graceEnds()
	if left, _, err := b.queues.Depth(t.Context(), queue.Deletion.DeadLetter()); err != nil || left != 2 {
		t.Errorf("%d are left, want both: %v", left, err)
	}
}

func TestOnOneMachineTheLedgersStoriesGoWithTheConnection(t *testing.T) {
	b := newBench(t, nil)
	ledger := b.onMachine()
	requestScheduled(b)
	for id, at := range map[string]time.Time{"old": noon, "later": noon.Add(time.Minute)} {
		claim := ingest.Claim{DeliveryID: id, Now: b.clock, Expires: b.clock.Add(30 * oneDay), Story: ingest.Story{
			Type: canary, Connection: ours.Partition(), OccurredAt: at,
		}}
		if _, err := ledger.Claim(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
	}
	b.graceEnds()
	for id, want := range map[string]string{"old": "", "later": canary} {
		entry, err := ledger.Find(t.Context(), id, b.clock)
		if err != nil || entry.Story.Type != want || entry.Story.Deleted != (want == "") {
			t.Errorf("%s: %+v, %v", id, entry.Story, err)
		}
	}
	if got := b.onlyCase().Value.Forgotten["table delivery"]; got != 1 {
		t.Errorf("the case counts %d", got)
	}
}

// A keeper that fails keeps the case from being finished; the message comes again.
func TestADeletionIsNotFinishedBeforeEveryKeeperForgot(t *testing.T) {
	b := newBench(t, nil)
	calls := 0
	b.purge.Keepers = []deletion.Keeper{{Place: "a place", Forget: func(context.Context, deletion.Case) (int, error) {
		calls++
		if calls == 1 {
			return 0, errors.New("the place does not answer")
		}
		return 3, nil
	}}}
	requestFinished(b)
	if c := b.onlyCase().Value; c.State != deletion.Finished || c.Forgotten["a place"] != 3 || calls != 2 {
		t.Errorf("after %d calls: %+v", calls, c)
	}
}

// Each queue and its dead letters are on the lists, and each place is there once.
func TestEveryQueueIsOnTheListOfKeepers(t *testing.T) {
	for installation, keepers := range map[string][]deletion.Keeper{
		"one machine": deletion.OnMachine(memory.NewLedger(), memory.NewQueues(time.Now), windows), "AWS": deletion.OnAWS(windows),
	} {
		var places []string
		for _, keeper := range keepers {
			if slices.Contains(places, keeper.Place) {
				t.Errorf("%s: %s is there twice", installation, keeper.Place)
			}
			places = append(places, keeper.Place)
		}
		for _, name := range queue.Names {
			for _, place := range []string{"queue " + string(name), "dead letters of " + string(name)} {
				if !slices.Contains(places, place) {
					t.Errorf("%s: %s is not there", installation, place)
				}
			}
		}
	}
}

// failing is a keeper that cannot forget.
func failing(context.Context, deletion.Case) (int, error) {
	return 0, errors.New("the place does not answer")
}

// A date of one machine was told as if it were never off.
func TestADateOfOneMachineSaysThatServeMustRunForIt(t *testing.T) {
	b := newBench(t, nil)
	for name, test := range map[string]struct {
		keepers []deletion.Keeper
		depends bool
	}{
		"one machine": {deletion.OnMachine(memory.NewLedger(), b.queues, windows), true},
		"AWS":         {deletion.OnAWS(windows), false},
	} {
		for _, k := range test.keepers {
			if k.Until != nil && (k.Proviso != "") != test.depends {
				t.Errorf("%s: of %s the proviso is %q", name, k.Place, k.Proviso)
			}
			if k.Place == "table message" && !strings.Contains(k.Proviso, "only the time counts for which serve runs") {
				t.Errorf("of the queues, whose retention counts running time, it is %q", k.Proviso)
			}
		}
	}
}
