package deadletter_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/deadletter"
	"revento-alerts/shared/queue"
)

// The console once asked for the deliveries and for the dead letters at the same time: both looks took the letters, and the page
// showed none.
func TestLooksAtTheSameTimeSeeEverything(t *testing.T) {
	test(t, func(b *bench) {
		for _, reason := range []string{"one", "two"} {
			b.parked(queue.Digest, queue.Message{Body: reason}, reason)
		}
		desk := deadletter.NewDesk(slow{Queues: b.queues, receive: time.Second})
		for range 3 {
			go func() {
				if listing, err := desk.List(b.Context(), queue.Digest); len(listing.Letters) != 2 || listing.Hidden != 0 || err != nil {
					b.Errorf("%+v, %v", listing, err)
				}
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestALookWaitsForARedriveAsLongAsItHasTime(t *testing.T) {
	test(t, func(b *bench) {
		b.Pace = 10 * time.Second
		for _, body := range []string{"one", "two"} {
			b.parked(queue.Digest, queue.Message{Body: body}, body)
		}
		go func() {
			if _, err := b.Redrive(b.Context(), everything); err != nil {
				b.Error(err)
			}
		}()
		synctest.Wait()
		short, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if _, err := b.List(short, queue.Digest); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("the look has seen something, or ended with %v", err)
		}
		listing, err := b.List(b.Context(), queue.Digest)
		if len(listing.Letters)+listing.Hidden != 0 || err != nil {
			b.Errorf("after the redrive: %+v, %v", listing, err)
		}
	})
}
