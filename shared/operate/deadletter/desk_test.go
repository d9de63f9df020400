package deadletter_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/operate/deadletter"
)

// The console once asked for the deliveries and for the dead letters at the same time: both looks took the letters, and the page
// showed none.
func TestLooksAtTheSameTimeSeeEverything(t *testing.T) {
	test(t, func(b *bench) {
		for _, reason := range []string{"one", "two"} {
			b.parked(queue.Digest, queue.Message{Body: reason}, reason)
		}
		desk := deadletter.NewDesk(slow{Queues: b.queues, receive: time.Second / 2})
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

func TestALookWaitsForARedriveForAWhile(t *testing.T) {
	test(t, func(b *bench) {
		b.Pace, b.Desk = 8*time.Second, deadletter.NewDesk(takenOnly{b.queues})
		for _, body := range []string{"one", "two"} {
			b.parked(queue.Digest, queue.Message{Body: body}, body)
		}
		go func() {
			if _, err := b.Redrive(b.Context(), everything); err != nil {
				b.Error(err)
			}
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := b.List(b.Context(), queue.Digest); !errors.Is(err, deadletter.ErrBusy) || time.Since(began) > b.Pace {
			b.Errorf("the look ended with %v after %s", err, time.Since(began))
		}
		if _, err := b.Drop(b.Context(), everything); err != nil {
			b.Errorf("the drop had the patience, and yet: %v", err)
		}
		listing, err := b.List(b.Context(), queue.Digest)
		if len(listing.Letters)+listing.Hidden != 0 || err != nil {
			b.Errorf("after the redrive: %+v, %v", listing, err)
		}
	})
}
