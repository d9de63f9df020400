package serve

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/testkit/memory"
)

// waiting is queues that are waited on by the clock.
type waiting struct{ *memory.Queues }

func (waiting) Wait(ctx context.Context, _ queue.Name) error {
	pause(ctx, time.Second)
	return ctx.Err()
}

// alone is a queue whose function has a time limit and no second copy.
func alone(timeout time.Duration) queue.Entry {
	return queue.Entry{Name: queue.Digest, Timeout: timeout, Concurrency: 1}
}

// A message whose function says that it failed, or fails itself, comes again when its visibility ends; what is done is deleted.
func TestAMessageIsDeletedOnceItIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queues := memory.NewQueues(time.Now)
		if err := queues.Send(t.Context(), queue.Digest, queue.Message{Body: "b"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		receives := 0
		p := &poller{inbox: waiting{queues}, queue: alone(time.Second), log: slog.New(slog.DiscardHandler)}
		p.handle = func(_ context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
			receives++
			switch receives {
			case 1:
				return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: event.Records[0].MessageId}}}, nil
			case 2:
				panic("in the function")
			default:
				return events.SQSEventResponse{}, nil
			}
		}
		go p.run(ctx)
		time.Sleep(time.Minute)
		stop()
		synctest.Wait()
		if receives != 3 {
			t.Errorf("received %d times, want 3: twice it was not done", receives)
		}
		if left, inFlight, err := queues.Depth(t.Context(), queue.Digest); left+inFlight > 0 || err != nil {
			t.Errorf("%d messages are left, %v", left+inFlight, err)
		}
	})
}

// A stop waits for what ends within its grace, and cuts short what does not, such as a purge: its message comes again.
func TestAStopCutsShortWhatTakesTooLong(t *testing.T) {
	for _, test := range []struct {
		name       string
		takes      time.Duration
		stopsAfter time.Duration
		inFlight   int
	}{
		{"ends within the grace", stopGrace / 2, stopGrace / 2, 0},
		{"takes longer", time.Minute, stopGrace, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				queues := memory.NewQueues(time.Now)
				if err := queues.Send(t.Context(), queue.Digest, queue.Message{Body: "b"}); err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				p := &poller{inbox: waiting{queues}, queue: alone(time.Hour), log: slog.New(slog.DiscardHandler)}
				p.handle = func(ctx context.Context, _ events.SQSEvent) (events.SQSEventResponse, error) {
					stop()
					pause(ctx, test.takes)
					return events.SQSEventResponse{}, ctx.Err()
				}
				began := time.Now()
				p.run(ctx)
				if took := time.Since(began); took != test.stopsAfter {
					t.Errorf("it stopped after %s, want %s", took, test.stopsAfter)
				}
				if left, inFlight, err := queues.Depth(t.Context(), queue.Digest); left != 0 || inFlight != test.inFlight || err != nil {
					t.Errorf("%d messages wait and %d are in flight, want 0 and %d; %v", left, inFlight, test.inFlight, err)
				}
			})
		})
	}
}
