package explore

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// fuzzed is the functions on an engine of their own. calls counts what they ask of it.
func fuzzed(t *testing.T) (f functions, calls *atomic.Int64) {
	t.Helper()
	calls = new(atomic.Int64) // ingest hands off to all queues at once
	plan := mishap.Through(func(_ string, effect func() error) error {
		calls.Add(1)
		return effect()
	})
	records := memory.NewRecords()
	return functions{
		engine: engine{memory.NewLedger(), memory.NewQueues(time.Now), records, records.Deletions}, plan: plan,
		slack: obliging{}, pager: obliging{}, scheduler: obliging{}, routes: routes(t, nil), now: time.Now,
	}, calls
}

// FuzzGatewayEvents: whatever API Gateway hands over, ingest neither panics nor fails nor answers 5xx, and what is not signed
// costs no call.
func FuzzGatewayEvents(f *testing.F) {
	signed, err := revision.signed(time.Now().Add(-time.Minute), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	event := awslambda.GatewayEvent(http.MethodPost, ingest.Path, signed.Header, signed.Body, "id", time.Now())
	text, err := json.Marshal(event)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(text), `{}`, `{"rawPath":"/webhooks/revento","headers":{"x-revento-signature":null}}`, `{"body":"\ud800","isBase64Encoded":true}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var event events.APIGatewayV2HTTPRequest
		if json.Unmarshal(text, &event) != nil {
			return // the runtime refuses it before us
		}
		functions, calls := fuzzed(t)
		response, err := functions.ingest()(t.Context(), event)
		if err != nil || response.StatusCode >= http.StatusInternalServerError {
			t.Errorf("answered %d, %v", response.StatusCode, err)
		}
		if response.StatusCode >= http.StatusBadRequest && calls.Load() > 0 {
			t.Errorf("refused with %d after %d calls", response.StatusCode, calls.Load())
		}
	})
}

// FuzzQueueEvents: whatever lies in a queue, its function neither panics nor fails, and each message is done with or comes again.
func FuzzQueueEvents(f *testing.F) {
	for _, name := range queues {
		for _, body := range []string{
			`{"schema":2}`, `{"schema":1,"sweep":true}`, `{"schema":1,"run":{"window":"2026-05-09T12:00:00Z"}}`, `null`,
		} {
			received := queue.Received{Queue: name, ID: "1", Handle: "1.1", Message: queue.Message{Body: body}}
			text, err := json.Marshal(awslambda.EventOf(received))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var event events.SQSEvent
		if json.Unmarshal(text, &event) != nil {
			return // the runtime refuses it before us
		}
		known := map[string]bool{}
		for _, message := range event.Records {
			known[message.MessageId] = true
		}
		for _, name := range queues {
			functions, _ := fuzzed(t)
			response, err := functions.worker(name)(t.Context(), event)
			if err != nil || response.BatchItemFailures == nil {
				t.Errorf("%s: %v, failures %v", name, err, response.BatchItemFailures)
			}
			for _, again := range response.BatchItemFailures {
				if !known[again.ItemIdentifier] {
					t.Errorf("%s: %q was never there and is to come again", name, again.ItemIdentifier)
				}
			}
		}
	})
}

// obliging is providers and a scheduler that take everything.
type obliging struct{}

var (
	_ slackAPI           = obliging{}
	_ incident.Pager     = obliging{}
	_ deletion.Scheduler = obliging{}
)

func (obliging) Post(context.Context, string, string, thread.Message) (string, error) {
	return "1.000001", nil
}
func (obliging) Update(context.Context, string, string, thread.Message) error { return nil }
func (obliging) Find(context.Context, thread.Search) (string, error)          { return "", nil }
func (obliging) Delete(context.Context, string, string) error                 { return nil }
func (obliging) Enqueue(context.Context, incident.Page) error                 { return nil }
func (obliging) Schedule(context.Context, string, time.Time, string) error    { return nil }
