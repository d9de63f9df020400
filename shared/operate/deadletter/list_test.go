package deadletter_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of each test's time

func TestWhatALetterShows(t *testing.T) {
	flag := func(b *bench) queue.Message { return b.encoded(route.Slack, "flag@1") }
	page := func(b *bench) queue.Message { return b.encoded(route.PagerDuty, "flag@1") }
	tests := []struct {
		name string
		dies func(b *bench)
		want deadletter.Letter
	}{
		{"a worker parked it", func(b *bench) { b.parked(queue.Slack, flag(b), "is_archived") }, deadletter.Letter{
			Queue: queue.Slack, Reason: "is_archived", ParkedAt: start, SentAt: start, Readable: true,
			DeliveryID: "delivery of flag@1", EventType: "application.revision_requested", Kind: route.Slack, Channel: oldChannel,
		}},
		{"a FIFO queue itself moved it", func(b *bench) { b.moved(queue.PagerDuty, page(b)) }, deadletter.Letter{
			Queue: queue.PagerDuty, Reason: "max_receives", SentAt: start, Readable: true,
			DeliveryID: "delivery of flag@1", EventType: "application.revision_requested", Kind: route.PagerDuty,
		}},
		{"a standard queue itself moved it", func(b *bench) {
			b.moved(queue.Purge, queue.Message{Body: "a job"})
		}, deadletter.Letter{
			Queue: queue.Purge, Reason: "max_receives", SentAt: start,
		}},
		{"nobody can read it", func(b *bench) {
			b.parked(queue.Slack, queue.Message{Body: "x", DeduplicationID: "12345678"}, "unreadable")
		}, deadletter.Letter{
			Queue: queue.Slack, Reason: "unreadable", ParkedAt: start, SentAt: start, DeliveryID: "delivery-1",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test(t, func(b *bench) {
				tt.dies(b)
				got := b.lists(queue.Names...)
				want := deadletter.Listing{Letters: []deadletter.Letter{tt.want}, Total: 1, Whole: true}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(deadletter.Letter{}, "ID", "AlertKey"), sameMoment); diff != "" {
					b.Error(diff)
				}
				if letter := got.Letters[0]; len(letter.ID) != 10 || letter.Readable != (letter.AlertKey != "") {
					b.Errorf("the id is %q, the alert key %q", letter.ID, letter.AlertKey)
				}
			})
		})
	}
}

var sameMoment = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })

func TestALetterHasTheSameIDAtEachLookAndNoOtherHasIt(t *testing.T) {
	test(t, func(b *bench) {
		for i := range 20 {
			b.parked(queue.Slack, b.encoded(route.Slack, fmt.Sprintf("flag@%d", i)), "is_archived")
			b.parked(queue.Digest, queue.Message{Body: "x"}, "x")
		}
		first, second := b.lists(queue.Names...), b.lists(queue.Names...)
		if diff := cmp.Diff(first, second, sameMoment); diff != "" {
			b.Error(diff)
		}
		ids := map[string]bool{}
		for _, letter := range first.Letters {
			ids[letter.ID] = true
		}
		if len(ids) != 40 {
			b.Errorf("40 letters have %d ids", len(ids))
		}
	})
}

func TestAListingHoldsNoPersonalData(t *testing.T) {
	const canary = "CANARY"
	test(t, func(b *bench) {
		message := b.message(route.Slack, "flag@1")
		message.Body = []byte(`{"type":"application.approved","event_id":"evt_1","data":{"id":"app_1","name":"CANARY"}}`)
		encoded, err := message.Encode()
		if err != nil {
			b.Fatal(err)
		}
		b.parked(queue.Slack, encoded, "is_archived")
		b.parked(queue.Digest, queue.Message{Body: `{"schema":1,"name":"CANARY"}`}, "unreadable")
		shown, err := json.Marshal(b.lists(queue.Slack, queue.Digest))
		if err != nil || strings.Contains(string(shown), canary) || !strings.Contains(string(shown), "application.approved") {
			b.Errorf("%s, %v", shown, err)
		}
	})
}

func TestWhatTheQueueMovedHidesNoOtherOfItsGroup(t *testing.T) {
	test(t, func(b *bench) {
		for i := range 5 {
			b.moved(queue.Slack, b.encoded(route.Slack, fmt.Sprintf("flag@%d", i)))
		}
		time.Sleep(time.Hour)
		first := b.lists(queue.Slack)
		time.Sleep(time.Hour)
		second := b.lists(queue.Slack)
		if diff := cmp.Diff(first, second, sameMoment); diff != "" { // the same ids, and in the queue since the same moment
			b.Error(diff)
		}
		if len(first.Letters) != 5 || first.Total != 5 || !first.Whole {
			b.Errorf("%d of %d letters are listed, whole: %t", len(first.Letters), first.Total, first.Whole)
		}
		for _, letter := range first.Letters {
			if letter.Reason != deadletter.ReasonMaxReceives || !letter.SentAt.Equal(start) || letter.DeliveryID == "" {
				b.Errorf("%+v", letter)
			}
		}
		b.has(queue.Slack.DeadLetter(), 5)
	})
}

// An engine that moves a message may give it its message's id as the deduplication id, and remember that: ElasticMQ does.
func TestALetterIsNotLostWhereItsMessagesIDIsRemembered(t *testing.T) {
	test(t, func(b *bench) {
		message := b.encoded(route.Slack, "flag@1")
		message.DeduplicationID = "1" // the first message's id here
		b.sends(queue.Slack.DeadLetter(), message)
		for range 2 {
			if letters := b.lists(queue.Slack).Letters; len(letters) != 1 {
				b.Fatalf("%+v", letters)
			}
		}
		b.has(queue.Slack.DeadLetter(), 1)
	})
}

// Somebody dies between giving a letter a group of its own and deleting it, and looks again when the queue has forgotten that.
func TestALetterThatLiesThereTwiceIsOne(t *testing.T) {
	test(t, func(b *bench) {
		b.moved(queue.Slack, b.encoded(route.Slack, "flag@1"), b.encoded(route.Slack, "flag@2"))
		dies := mishap.Through(func(operation string, call func() error) error {
			if operation == "queue.Delete slack-dead-letter" {
				return mishap.Die()
			}
			return call()
		})
		mishap.Died(func() {
			_, _ = deadletter.NewDesk(mishap.Queues{Queues: b.queues, Plan: dies}).List(b.Context(), queue.Slack)
		})
		b.waits(queue.Slack.DeadLetter(), 3)
		time.Sleep(time.Hour)
		if listing, err := b.List(b.Context(), queue.Slack); len(listing.Letters) != 2 || !listing.Whole || err != nil { // browsing
			b.Errorf("%+v, %v", listing, err)
		}
		if listing := b.lists(queue.Slack); len(listing.Letters) != 2 || !listing.Whole {
			b.Errorf("%+v", listing)
		}
		b.has(queue.Slack.DeadLetter(), 2)
	})
}

func TestAListingLeavesEverythingInSight(t *testing.T) {
	test(t, func(b *bench) {
		b.flagIsParked()
		b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
		b.parked(queue.Digest, queue.Message{Body: "x"}, "two")
		b.lists(queue.Slack, queue.Digest)
		b.has(queue.Slack.DeadLetter(), 1)
		b.has(queue.Digest.DeadLetter(), 2)
	})
}

func TestAListingWhoseTimeIsUpShowsWhatItSawAndGivesItBack(t *testing.T) {
	test(t, func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		for _, reason := range []string{"one", "two", "three"} {
			b.parked(queue.Digest, queue.Message{Body: reason}, reason)
		}
		receives := 0
		listing, err := deadletter.NewDesk(hooked{b.queues, func(call string, _ queue.Name) error {
			if call == "receive" {
				receives++
			}
			if receives == 3 {
				cancel()
			}
			return nil
		}}).List(ctx, queue.Digest)
		if !errors.Is(err, context.Canceled) || len(listing.Letters) != 2 {
			b.Errorf("%d letters, %v", len(listing.Letters), err)
		}
		b.has(queue.Digest.DeadLetter(), 3)
	})
}

// stuck is an engine that never answers when a letter is given back.
type stuck struct{ queue.Queues }

func (stuck) ChangeVisibility(ctx context.Context, _ queue.Name, _ string, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestGivingBackTakesHalfAMinuteAtTheMostAndSaysWhatItLeft(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
		b.parked(queue.Digest, queue.Message{Body: "x"}, "two")
		listing, err := deadletter.NewDesk(stuck{b.queues}).List(b.Context(), queue.Digest)
		if took := time.Since(start); took != 30*time.Second {
			b.Errorf("it took %s", took)
		}
		if len(listing.Letters) != 2 {
			b.Errorf("%d letters are listed", len(listing.Letters))
		}
		const says = "digest-dead-letter again, which they are by themselves within 2m0s"
		if err == nil || !strings.Contains(err.Error(), says) {
			b.Errorf("the error is %v", err)
		}
	})
}

func TestWhatSomeoneElseHoldsIsCounted(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
		b.parked(queue.Digest, queue.Message{Body: "x"}, "two")
		if _, _, err := b.queues.Receive(b.Context(), queue.Digest.DeadLetter(), visibility); err != nil {
			b.Fatal(err)
		}
		if listing := b.lists(queue.Slack, queue.Digest); listing.Hidden != 1 || len(listing.Letters) != 1 || listing.Total != 2 || listing.Whole {
			b.Errorf("%+v", listing)
		}
	})
}

func TestAnyNumberOfLettersIsListed(t *testing.T) {
	const letters = 1200
	test(t, func(b *bench) {
		for i := range letters {
			b.parked(queue.Slack, queue.Message{Body: "x", DeduplicationID: fmt.Sprint(i)}, "one")
		}
		listing := b.lists(queue.Names...)
		if len(listing.Letters) != letters || listing.Total != letters || !listing.Whole {
			b.Errorf("of %d letters %d of %d are listed, whole: %t", letters, len(listing.Letters), listing.Total, listing.Whole)
		}
		b.has(queue.Slack.DeadLetter(), letters)
	})
}

// Where messages can be browsed, nothing is hidden by a look, nor from one.
func TestOnOneMachineALookHidesNothingAndWaitsForNobody(t *testing.T) {
	const letters = 10_000
	test(t, func(b *bench) {
		b.exhausted(2)
		for i := range letters {
			b.parked(queue.Digest, queue.Message{Body: "x"}, fmt.Sprint(i))
		}
		go func() { _, _ = b.Redrive(b.Context(), deadletter.Selection{Queues: []queue.Name{queue.Slack}}) }()
		time.Sleep(500 * time.Millisecond) // in the pause before the second
		before, _, _ := b.queues.Depth(b.Context(), queue.Slack.DeadLetter())
		listing, err := b.List(b.Context(), queue.Names...)
		if err != nil || len(listing.Letters) != letters+1 || listing.Total != letters+1 || !listing.Whole {
			b.Errorf("%d of %d are listed, whole: %t, %v", len(listing.Letters), listing.Total, listing.Whole, err)
		}
		if before != 0 || time.Since(start) != 500*time.Millisecond {
			b.Errorf("%d were not in hand, it is %s later", before, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

func TestAListThatIsEmptyIsNotNull(t *testing.T) {
	test(t, func(b *bench) {
		encoded, err := json.Marshal(b.lists(queue.Names...))
		if want := `{"letters":[],"total":0,"hidden":0,"whole":true}`; string(encoded) != want || err != nil {
			b.Errorf("%s, %v; want %s", encoded, err, want)
		}
	})
}

// slow is an engine that takes its time.
type slow struct {
	queue.Queues
	receive, change time.Duration
}

func (s slow) Receive(ctx context.Context, name queue.Name, d time.Duration) (queue.Received, bool, error) {
	time.Sleep(s.receive)
	return s.Queues.Receive(ctx, name, d)
}

func (s slow) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	time.Sleep(s.change)
	return s.Queues.ChangeVisibility(ctx, name, handle, d)
}

// A look that takes longer than letters stay hidden keeps them in hand.
func TestALookThatTakesLongSeesEachLetterOnce(t *testing.T) {
	test(t, func(b *bench) {
		for i := range 20 {
			b.parked(queue.Digest, queue.Message{Body: "x"}, fmt.Sprint(i))
		}
		listing, err := deadletter.NewDesk(slow{Queues: b.queues, receive: 40 * time.Second}).List(b.Context(), queue.Digest)
		if err != nil || len(listing.Letters) != 20 || !listing.Whole {
			b.Errorf("%d letters are listed, whole: %t, %v", len(listing.Letters), listing.Whole, err)
		}
		b.has(queue.Digest.DeadLetter(), 20)
	})
}

// An engine that is slower than the letters' visibility shows the first again before the last.
func TestWhereLettersComeAgainBeforeAllAreSeenThatIsSaid(t *testing.T) {
	test(t, func(b *bench) {
		for _, reason := range []string{"one", "two", "three", "four"} {
			b.parked(queue.Digest, queue.Message{Body: "x"}, reason)
		}
		b.Desk = deadletter.NewDesk(slow{Queues: b.queues, receive: 6 * time.Minute})
		_, err := b.Redrive(b.Context(), deadletter.Selection{Reason: "five"})
		if err == nil || !strings.Contains(err.Error(), "before the last are seen") {
			b.Errorf("the error is %v", err)
		}
		b.has(queue.Digest.DeadLetter(), 4)
	})
}

func TestALetterThatCameIntoSightByItselfNeedsNoGivingBack(t *testing.T) {
	test(t, func(b *bench) {
		b.parked(queue.Digest, queue.Message{Body: "x"}, "one")
		queues := slow{Queues: b.queues, receive: 94 * time.Second, change: 29 * time.Second}
		_, err := deadletter.NewDesk(queues).List(b.Context(), queue.Digest)
		if took := time.Since(start); err != nil || took != 217*time.Second { // it was hidden from 94 s to 214 s
			b.Errorf("%v after %s", err, took)
		}
	})
}

func FuzzAnyBodyIsListedAndGivenBack(f *testing.F) {
	f.Add("x", "reason")
	f.Add(`{"schema":1,"alert_key":"a","incident_key":"i","body":"e30="}`, "unreadable")
	f.Add(`{"schema":1,"alert_key":"a","incident_key":"i","body":"eyJ0eXBlIjoieCJ9","destination":"slack"}`, "")
	f.Fuzz(func(t *testing.T, body, reason string) {
		queues := memory.NewQueues(time.Now)
		message := queue.Message{Body: body}
		if reason != "" {
			message.Attributes = map[string]string{"reason": reason}
		}
		if queues.Send(t.Context(), queue.Digest.DeadLetter(), message) != nil {
			t.Skip("no queue takes it")
		}
		listing, err := deadletter.NewDesk(takenOnly{queues}).List(t.Context(), queue.Digest)
		if err != nil || len(listing.Letters) != 1 {
			t.Fatalf("%+v, %v", listing, err)
		}
		_, undecoded := handoff.Decode(body)
		if letter := listing.Letters[0]; letter.Readable && undecoded != nil || letter.ID != revento.Hash("digest", "1")[:10] {
			t.Errorf("%+v", letter)
		}
	})
}
