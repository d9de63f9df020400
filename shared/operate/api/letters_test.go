package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/testkit/memory"
)

// dead are that many dead letters, and the API of them.
func dead(t *testing.T, letters int) (*memory.Queues, api.Backend) {
	t.Helper()
	queues := memory.NewQueues(time.Now)
	for i := range letters {
		message := queue.Message{Body: fmt.Sprint(i), Attributes: map[string]string{"reason": "is_archived"}}
		if err := queues.Send(t.Context(), queue.Digest.DeadLetter(), message); err != nil {
			t.Fatal(err)
		}
	}
	return queues, api.Backend{Letters: deadletter.Redriver{Desk: deadletter.NewDesk(queues), Now: time.Now}}
}

// clients ask the API within the process and over a connection.
func clients(t *testing.T, backend api.Backend) map[string]*api.Client {
	server := httptest.NewServer(api.Handler(backend))
	t.Cleanup(server.Close)
	return map[string]*api.Client{"in this process": api.Within(backend), "over a connection": api.NewClient(server.URL, "", installation.Name{})}
}

func TestWhatBecameOfEachLetterIsToldAndCounted(t *testing.T) {
	for _, where := range []string{"in this process", "over a connection"} {
		t.Run(where, func(t *testing.T) {
			queues, backend := dead(t, 3)
			if _, _, err := queues.Receive(t.Context(), queue.Digest.DeadLetter(), time.Hour); err != nil { // somebody else looks at one
				t.Fatal(err)
			}
			told := 0
			done, err := clients(t, backend)[where].Treat(t.Context(), "redrive", api.Selection{All: true}, func(result deadletter.Result) {
				if result.Outcome == deadletter.Redriven && result.Letter.Reason == "is_archived" {
					told++
				}
			})
			if err != nil || told != 2 || done.Done != 2 || done.Hidden != 1 || done.Whole() {
				t.Errorf("%d were told, %+v, %v", told, done, err)
			}
		})
	}
}

func TestAnInterruptEndsARedriveBetweenTwoLettersAndTellsWhatItDid(t *testing.T) {
	for _, where := range []string{"in this process", "over a connection"} {
		t.Run(where, func(t *testing.T) {
			queues, backend := dead(t, 5)
			backend.Letters.Pace = time.Minute
			ctx, interrupt := context.WithCancel(t.Context())
			done, err := clients(t, backend)[where].Treat(ctx, "redrive", api.Selection{All: true}, func(deadletter.Result) { interrupt() })
			if err != nil || done.Done != 1 || done.Done+done.Kept+done.Left != 5 || !strings.Contains(done.Stopped, "stopped") {
				t.Errorf("%+v, %v", done, err)
			}
			if waiting, inFlight, err := queues.Depth(t.Context(), queue.Digest.DeadLetter()); err != nil || waiting != 4 || inFlight != 0 {
				t.Errorf("%d wait, %d are hidden, %v", waiting, inFlight, err)
			}
		})
	}
}

func TestWhatIsAskedWronglyIsRefusedBeforeTheStreamBegins(t *testing.T) {
	_, backend := dead(t, 1)
	for where, client := range clients(t, backend) {
		if _, err := client.Treat(t.Context(), "drop", api.Selection{}, nil); err == nil || !strings.Contains(err.Error(), "say all") {
			t.Errorf("%s: %v", where, err)
		}
	}
}

func TestTenThousandLettersCanBeNamed(t *testing.T) {
	_, backend := dead(t, 1)
	ids := slices.Repeat([]string{"0123456789"}, 10_000)
	if _, err := api.Within(backend).Treat(t.Context(), "drop", api.Selection{IDs: ids}, func(deadletter.Result) {}); err != nil {
		t.Error(err)
	}
}

func TestThePageGetsAllResultsAtOnceWithTheirCounts(t *testing.T) {
	_, backend := dead(t, 0)
	answer := httptest.NewRecorder()
	api.Handler(backend).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/dead-letters/drop", strings.NewReader(`{"all":true}`)))
	const want = `{"results":[],"done":0,"kept":0,"missing":0,"hidden":0,"left":0}`
	if got := strings.TrimSpace(answer.Body.String()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	answer = httptest.NewRecorder()
	api.Handler(backend).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/dead-letters", nil))
	var listing map[string]any
	if err := json.Unmarshal(answer.Body.Bytes(), &listing); err != nil || listing["letters"] == nil || listing["whole"] != true {
		t.Errorf("%s, %v", answer.Body, err)
	}
}
