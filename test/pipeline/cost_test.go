//go:build emulators

package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento/sample"
)

// Prices of us-east-1 in USD, on demand, as of November 2026 and from memory: AWS' price pages cannot be reached from where this
// was written. https://aws.amazon.com/dynamodb/pricing/on-demand/, /sqs/pricing/, /lambda/pricing/, /api-gateway/pricing/,
// /cloudwatch/pricing/
const (
	perWrite        = 0.625e-6     // a write unit of DynamoDB
	perRead         = 0.125e-6     // a read unit of DynamoDB
	perFIFO         = 0.50e-6      // a request to a FIFO queue, of up to 64 KB
	perInvocation   = 0.20e-6      // of a function
	perGBSecond     = 0.0000133334 // of a function on arm64
	perGatewayCall  = 1.00e-6      // of an HTTP API
	perLogByte      = 0.50 / (1e9) // taken in by CloudWatch Logs
	ingestGB        = 0.5          // the template's memory of the ingest function
	workerGB        = 0.25         // and of the workers
	ingestSeconds   = 0.020        // an assumption: AWS' own latency is not known here
	workerSeconds   = 0.300        // the same, most of it waiting for the provider
	refusingSeconds = 0.005        // no call is made
	perPoll         = 2 * perFIFO  // Lambda receives a message and deletes it
	million         = 1_000_000
)

// refusedWrite is what a write bills whose condition was not met: the item that stands has less than a kilobyte.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
const refusedWrite = 1

// meter stands between the functions and AWS, and counts.
type meter struct {
	mu     sync.Mutex
	counts usage
}

// usage is what was asked of AWS.
type usage struct {
	// requests is by operation, as in "PutItem".
	requests      map[string]int
	sent, got     int // bytes of bodies
	reads, writes float64
}

// start has the meter stand before the service at an endpoint variable of this process, and returns the functions' setting.
func (m *meter) start(t *testing.T, variable string) (setting string) {
	t.Helper()
	target, err := url.Parse(os.Getenv(variable))
	if err != nil || target.Host == "" {
		t.Fatalf("%s is %q: %v", variable, os.Getenv(variable), err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = m.answered
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.asked(r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return variable + "=" + server.URL
}

// asked counts a request, and has DynamoDB tell what it bills.
func (m *meter) asked(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the function was killed
	}
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	m.mu.Lock()
	m.counts.requests[operation]++
	m.counts.sent += len(body)
	m.mu.Unlock()
	if strings.HasPrefix(service, "DynamoDB") {
		body = bytes.Replace(body, []byte("{"), []byte(`{"ReturnConsumedCapacity":"TOTAL",`), 1)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

func (m *meter) answered(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(response.Request.Header.Get("X-Amz-Target"), ".")
	units := consumed(body)
	if bytes.Contains(body, []byte("ConditionalCheckFailedException")) {
		units = refusedWrite
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts.got += len(body)
	switch operation {
	case "GetItem", "Query":
		m.counts.reads += units
	default:
		m.counts.writes += units
	}
	return nil
}

// consumed is what an answer of DynamoDB says that it bills: for one table, or for several.
func consumed(body []byte) (units float64) {
	type capacity struct{ CapacityUnits float64 }
	var one struct{ ConsumedCapacity capacity }
	if json.Unmarshal(body, &one) == nil {
		return one.ConsumedCapacity.CapacityUnits
	}
	var several struct{ ConsumedCapacity []capacity }
	if json.Unmarshal(body, &several) != nil {
		return 0 // not DynamoDB's
	}
	for _, table := range several.ConsumedCapacity {
		units += table.CapacityUnits
	}
	return units
}

// during counts what is asked while f runs.
func (m *meter) during(f func()) usage {
	m.mu.Lock()
	m.counts = usage{requests: map[string]int{}}
	m.mu.Unlock()
	f()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// TestWhatADeliveryCosts counts the requests of each kind of delivery, which a change must not add to unseen, and prints what a
// million of them cost. The prices of docs/costs.md are these.
func TestWhatADeliveryCosts(t *testing.T) {
	m := &meter{counts: usage{requests: map[string]int{}}}
	s := deploy(t, m.start(t, "AWS_ENDPOINT_URL_DYNAMODB"), m.start(t, "AWS_ENDPOINT_URL_SQS"), m.start(t, "AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	s.fill("webhook-secrets", secret)
	s.wants(flagged(t, secret, sample.Change{ResourceID: "app_first"}), http.StatusOK, "accepted") // fetches the secrets
	s.drain()

	fresh, forged := flagged(t, secret, sample.Change{}), flagged(t, "whsec_forged", sample.Change{})
	ignored := made(t, "activity.updated", secret, sample.Change{})
	for _, part := range []struct {
		name string
		f    *function
		do   func()
		want map[string]int
		// polls is how many messages Lambda receives and deletes; fifo how many requests go to FIFO queues.
		gateway, polls, fifo int
		gb, seconds          float64
	}{
		{
			name: "new: ingest", f: s.ingest, do: func() { s.wants(fresh, http.StatusOK, "accepted") },
			want: map[string]int{"PutItem": 1, "SendMessage": 2, "UpdateItem": 1}, gateway: 1, fifo: 2, gb: ingestGB, seconds: ingestSeconds,
		},
		{
			name: "new: slack", f: s.slack, do: func() { s.await(queue.Slack, s.slack) },
			want: map[string]int{"GetItem": 3, "TransactWriteItems": 2, "PutItem": 1}, polls: 1, gb: workerGB, seconds: workerSeconds,
		},
		{
			name: "new: pagerduty", f: s.pagerduty, do: func() { s.await(queue.PagerDuty, s.pagerduty) },
			want: map[string]int{"GetItem": 3, "TransactWriteItems": 2, "PutItem": 2}, polls: 1, gb: workerGB, seconds: workerSeconds,
		},
		{
			name: "duplicate", f: s.ingest, do: func() { s.wants(fresh, http.StatusOK, "duplicate") },
			want: map[string]int{"PutItem": 1}, gateway: 1, gb: ingestGB, seconds: ingestSeconds,
		},
		{
			name: "ignored", f: s.ingest, do: func() { s.wants(ignored, http.StatusOK, "ignored") },
			want: map[string]int{"PutItem": 1}, gateway: 1, gb: ingestGB, seconds: ingestSeconds,
		},
		{
			name: "forged", f: s.ingest, do: func() { s.wants(forged, http.StatusUnauthorized, "unauthorized") },
			want: map[string]int{}, gateway: 1, gb: ingestGB, seconds: refusingSeconds,
		},
	} {
		before := len(part.f.log.String())
		counted := m.during(part.do)
		log := part.f.log.awaitThat(func(log string) bool { return strings.Contains(log[before:], "\n") }) // one line each
		logged := len(log) - before
		if diff := cmp.Diff(part.want, counted.requests); diff != "" {
			t.Errorf("%s makes other requests (-want +got):\n%s", part.name, diff)
		}
		cost := float64(part.gateway)*perGatewayCall + float64(part.polls)*perPoll + float64(part.fifo)*perFIFO +
			counted.writes*perWrite + counted.reads*perRead + perInvocation + part.gb*part.seconds*perGBSecond + float64(logged)*perLogByte
		t.Logf("%-15s %s; %g read and %g write units; %d bytes sent, %d got, %d logged; %.2f USD per million",
			part.name, listed(counted.requests), counted.reads, counted.writes, counted.sent, counted.got, logged, cost*million)
	}
}

func listed(requests map[string]int) string {
	var parts []string
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		parts = append(parts, fmt.Sprintf("%d %s", requests[operation], operation))
	}
	if len(parts) == 0 {
		return "no request"
	}
	return strings.Join(parts, ", ")
}
