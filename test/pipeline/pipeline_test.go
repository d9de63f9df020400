//go:build emulators

// Package pipeline goes the whole way from webhook to page with the built functions, emulators of AWS, and stand-ins for the
// providers: test/emulators/with go test -tags emulators ./test/pipeline
package pipeline

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	dynamosdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

func flagged(t *testing.T, key string, change sample.Change) sample.Delivery {
	t.Helper()
	return made(t, "application.revision_requested", key, change)
}

func made(t *testing.T, eventType, key string, change sample.Change) sample.Delivery {
	t.Helper()
	delivery, err := sample.New(eventType, key, time.Now(), change)
	if err != nil {
		t.Fatal(err)
	}
	return delivery
}

// shows fails unless Slack shows so many messages and PagerDuty so many incidents, open ones among them.
func (s *stack) shows(messages, incidents, open int) {
	s.Helper()
	stillOpen := 0
	for _, incident := range s.recorder.Incidents() {
		if !incident.Resolved {
			stillOpen++
		}
	}
	if m, i := len(s.recorder.Messages()), len(s.recorder.Incidents()); m != messages || i != incidents || stillOpen != open {
		s.Errorf("%d messages, %d incidents, %d of them open; want %d, %d, %d", m, i, stillOpen, messages, incidents, open)
	}
}

func (s *stack) wants(delivery sample.Delivery, code int, status string) {
	s.Helper()
	if gotCode, gotStatus := s.post(delivery); gotCode != code || gotStatus != status {
		s.Errorf("answered %d %s, want %d %s", gotCode, gotStatus, code, status)
	}
}

func TestFromWebhookToPage(t *testing.T) {
	s := deploy(t)
	before := time.Now().Add(-time.Minute)

	s.wants(flagged(t, secret, sample.Change{}), http.StatusServiceUnavailable, "unavailable")
	if text := s.ingest.log.await("not filled in"); !strings.Contains(text, "not filled in") || !strings.Contains(text, s.name+"/webhook-secrets") {
		t.Errorf("the log does not say which secret to fill in:\n%s", text)
	}
	s.fill("webhook-secrets", `{"secrets": ["`+secret+`", "old"]}`)
	// A look at a secret comes once a minute; a new copy of the function looks at once.
	s.ingest.kill()
	s.ingest.start(t)

	first := flagged(t, secret, sample.Change{OccurredAt: before})
	s.wants(first, http.StatusOK, "accepted")
	s.drain()
	s.shows(1, 1, 1)

	s.wants(first, http.StatusOK, "duplicate")
	replayed := sample.Delivery{Header: first.Header.Clone(), Body: first.Body}
	replayed.Header.Set(revento.HeaderDeliveryID, "replayed")
	s.wants(replayed, http.StatusOK, "duplicate")
	s.drain()
	s.shows(1, 1, 1)

	known := s.deliveries()
	s.wants(flagged(t, "forged", sample.Change{}), http.StatusUnauthorized, "unauthorized")
	if after := s.deliveries(); after != known {
		t.Errorf("the ledger knows %d deliveries after a forged one, %d before", after, known)
	}

	s.wants(made(t, "application.approved", "old", sample.Change{}), http.StatusOK, "accepted")
	s.drain()
	s.shows(2, 1, 0)
	if root := s.recorder.Messages()[0]; root.Updates == 0 || !strings.Contains(root.Text, "Resolved") {
		t.Errorf("the root shows %q", root.Text)
	}
	s.checkLogs()
}

// deliveries counts the ledger's entries.
func (s *stack) deliveries() int { return s.items("DELIVERIES_TABLE") }

// items counts a table's items.
func (s *stack) items(variable string) int {
	s.Helper()
	table := s.tables[variable]
	found, err := dynamosdk.NewFromConfig(s.aws).Scan(s.Context(), &dynamosdk.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		s.Fatal(err)
	}
	return len(found.Items)
}

// checkLogs holds every line to be JSON, with metrics, and without secrets and personal data.
func (s *stack) checkLogs() {
	s.Helper()
	for _, f := range []*function{s.ingest, s.slack, s.pagerduty, s.deletion, s.purge, s.digest} {
		text := f.log.String()
		for _, canary := range []string{"canary", "usr_sample", "ptp_sample"} {
			if strings.Contains(text, canary) {
				s.Errorf("%s holds %s:\n%s", f.binary, canary, text)
			}
		}
		for line := range strings.Lines(text) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil || fields["_aws"] == nil {
				s.Errorf("%s: not a JSON line with metrics: %s", f.binary, line)
			}
		}
	}
}

func running(t *testing.T, settings ...string) *stack {
	t.Helper()
	s := deploy(t, settings...)
	s.fill("webhook-secrets", secret)
	return s
}

func TestAThrottledPostComesAgainAndIsOne(t *testing.T) {
	s := running(t)
	s.wants(flagged(t, secret, sample.Change{}), http.StatusOK, "accepted")
	s.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if _, done, ok := s.work(queue.Slack, s.slack); !ok || done {
		t.Fatalf("received %v, done %v", ok, done)
	}
	s.answers(nil)
	if received := s.await(queue.Slack, s.slack); received.Receives != 2 {
		t.Errorf("it was received %d times", received.Receives)
	}
	s.shows(1, 0, 0)
}

func TestARefusedPostIsParkedWithItsReason(t *testing.T) {
	s := running(t)
	s.wants(flagged(t, secret, sample.Change{}), http.StatusOK, "accepted")
	s.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":false,"error":"channel_not_found"}`))
	})
	s.await(queue.Slack, s.slack)
	parked, ok, err := s.queues.Receive(t.Context(), queue.Slack.DeadLetter(), visibility)
	if err != nil || !ok || parked.Attributes[queue.AttributeReason] != "channel_not_found" {
		t.Errorf("parked %v, %v: %v", ok, err, parked.Attributes)
	}
	s.answers(nil)
	s.await(queue.PagerDuty, s.pagerduty)
	s.shows(0, 1, 1)
}

// Slack took the post, and the function was killed before it heard: the message is looked up, and stays the only one.
func TestAKilledFunctionsPostIsFoundAgain(t *testing.T) {
	s := running(t)
	s.wants(flagged(t, secret, sample.Change{}), http.StatusOK, "accepted")
	s.answers(func(_ http.ResponseWriter, r *http.Request) {
		s.recorder.ServeHTTP(httptest.NewRecorder(), r)
		s.slack.kill()
	})
	if _, done, ok := s.work(queue.Slack, s.slack); !ok || done {
		t.Fatalf("received %v, done %v", ok, done)
	}
	s.answers(nil)
	s.slack.start(t)
	s.await(queue.Slack, s.slack)
	if !strings.Contains(s.slack.log.await(`"look_up":"found"`), `"look_up":"found"`) {
		t.Errorf("it was not looked up:\n%s", s.slack.log.String())
	}
	s.shows(1, 0, 0)
}
