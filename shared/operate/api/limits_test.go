package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/testkit/memory"
)

func TestARequestIsReadUpToItsLimit(t *testing.T) {
	const limit = 64 << 10
	b := newBench(t)
	body := func(size int) string {
		frame := `{"note":"a","pad":""}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	for size, want := range map[int]int{limit: http.StatusNotFound, limit + 1: http.StatusBadRequest} {
		if code, answered := b.asks(http.MethodPost, "/api/deletions/0123456789abcdef/close", body(size)); code != want {
			t.Errorf("%d bytes are answered %d, want %d: %s", size, code, want, answered)
		}
	}
}

// slow is a store that takes longer than a server's time limit.
type slow struct {
	*memory.Records
	takes time.Duration
}

func (s slow) List(ctx context.Context, kind record.Kind) ([]record.Record, error) {
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.Records.List(ctx, kind)
}

// A redrive takes minutes, a server's time limits are made for deliveries.
func TestAnAnswerThatTakesLongerThanTheServersLimitsIsGiven(t *testing.T) {
	const limit = 20 * time.Millisecond
	b := newBench(t)
	b.backend.Deletions.Deletions = slow{b.deletions, 5 * limit}
	server := httptest.NewUnstartedServer(api.Handler(b.backend))
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	server.Start()
	t.Cleanup(server.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/deletions", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("answered %d %s, %v", response.StatusCode, text, err)
	}
}
