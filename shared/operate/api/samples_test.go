package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/events"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/revento"
)

const webhookSecret = "whsec_test"

// webhook answers what it is told to, and refuses what is not signed.
type webhook struct {
	t      *testing.T
	code   int
	body   string
	called int
}

func (w *webhook) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	w.called++
	body, err := io.ReadAll(request.Body)
	if err != nil {
		w.t.Error(err)
	}
	if request.Method != http.MethodPost || request.URL.Path != ingest.Path {
		w.t.Errorf("the sample came by %s %s", request.Method, request.URL.Path)
	}
	signature := revento.Sign(webhookSecret, request.Header.Get(revento.HeaderTimestamp), body)
	if request.Header.Get(revento.HeaderSignature) != signature {
		w.t.Error("the sample is not signed with the secret")
	}
	response.WriteHeader(w.code)
	_, _ = io.WriteString(response, w.body)
}

func samples(w *webhook) api.Backend {
	return api.Backend{Samples: &api.Samples{
		Secret:  func(context.Context) (string, error) { return webhookSecret, nil },
		Webhook: w,
		Now:     func() time.Time { return noon },
	}}
}

func TestASampleOfEachTypeIsPostedSigned(t *testing.T) {
	for _, eventType := range events.Types() {
		w := &webhook{t: t, code: http.StatusOK, body: `{"status":"accepted","delivery_id":"d-1"}`}
		code, body := ask(t, samples(w), http.MethodPost, "samples/"+eventType)
		if want := `{"code":200,"status":"accepted","delivery_id":"d-1"}`; code != http.StatusOK || strings.TrimSpace(body) != want || w.called != 1 {
			t.Errorf("%s is answered %d %s after %d posts", eventType, code, body, w.called)
		}
	}
}

func TestWhatTheWebhookRefusesIsShown(t *testing.T) {
	w := &webhook{t: t, code: http.StatusServiceUnavailable, body: `{"status":"unavailable","delivery_id":"d-1"}`}
	code, body := ask(t, samples(w), http.MethodPost, "samples/application.approved")
	if want := `{"code":503,"status":"unavailable","delivery_id":"d-1"}`; code != http.StatusOK || strings.TrimSpace(body) != want {
		t.Errorf("answered %d %s", code, body)
	}
}

func TestASampleThatCannotBeSentSaysWhy(t *testing.T) {
	broken := samples(&webhook{t: t, code: http.StatusBadGateway, body: "<html>"})
	unsigned := samples(&webhook{t: t})
	unsigned.Samples.Secret = func(context.Context) (string, error) { return "", errors.New("no secret is set") }
	for name, row := range map[string]struct {
		backend api.Backend
		path    string
		code    int
		want    string
	}{
		"a type without a sample": {unsigned, "samples/nothing", http.StatusBadRequest, "there are: "},
		"no secret":               {unsigned, "samples/application.approved", http.StatusServiceUnavailable, "sign the sample: no secret is set"},
		"an answer of no form":    {broken, "samples/application.approved", http.StatusServiceUnavailable, "whose status is 502"},
	} {
		if code, body := ask(t, row.backend, http.MethodPost, row.path); code != row.code || !strings.Contains(body, row.want) {
			t.Errorf("%s is answered %d %s", name, code, body)
		}
	}
}
