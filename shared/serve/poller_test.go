package serve

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/memory"
	"revento-alerts/shared/queue"
)

// waiting is queues that are waited on by the clock.
type waiting struct{ *memory.Queues }

func (waiting) Wait(ctx context.Context, _ queue.Name) error {
	pause(ctx, time.Second)
	return ctx.Err()
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
		p := &poller{inbox: waiting{queues}, queue: queue.Digest, timeout: time.Second, copies: 1, log: slog.New(slog.DiscardHandler)}
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
