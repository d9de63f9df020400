package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/testkit/memory"
)

func TestOnlyPostsToTheOnePathAreDeliveries(t *testing.T) {
	cases := []struct {
		name, method, path string
		code               int
		allow              string
	}{
		{"another path", "POST", "/", 404, ""},
		{"a path below", "POST", "/webhooks/revento/", 404, ""},
		{"another method", "GET", "/webhooks/revento", 405, "POST"},
		{"another method on another path", "GET", "/x", 404, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			handle := Ingest(refusing(&log))
			response, err := handle(t.Context(), GatewayEvent(c.method, c.path, http.Header{}, nil, "", time.Unix(0, 0)))
			if err != nil || response.StatusCode != c.code || response.Headers["Allow"] != c.allow || !json.Valid([]byte(response.Body)) {
				t.Errorf("response = %+v, %v", response, err)
			}
			metric := map[int]string{404: `"reply_not_found":1`, 405: `"reply_method_not_allowed":1`}[c.code]
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), metric) {
				t.Errorf("the log: %s", log.String())
			}
		})
	}
}

// refusing is ingest that has no more than what refusals need.
func refusing(log io.Writer) *ingest.Ingest {
	return &ingest.Ingest{Log: telemetry.New(log, telemetry.Options{}), Now: time.Now}
}

// The prefix that a stage, or the mapping of a custom domain, leaves in the path is not in the way, and nothing else may be there.
func TestThePathIsTheWebhooksToTheLetter(t *testing.T) {
	const matched = "ANY " + ingest.Path
	cases := []struct {
		path, stage, route string
		isWebhook          bool
	}{
		{ingest.Path, "$default", matched, true},
		{"/prod" + ingest.Path, "prod", matched, true},
		{"/prod" + ingest.Path, "prod", "$default", true},
		{"/prod" + ingest.Path, "prod", "ANY /{proxy+}", true},
		{"/hooks" + ingest.Path, "prod", matched, true},
		{"/hooks/v1" + ingest.Path, "$default", "POST " + ingest.Path, true},

		{"/hooks" + ingest.Path, "prod", "$default", false},
		{"/$default" + ingest.Path, "$default", "$default", false},
		{"/" + ingest.Path, "$default", matched, false},
		{"//hooks" + ingest.Path, "$default", matched, false},
		{"/hooks/" + ingest.Path, "$default", matched, false},
		{"/hooks/.." + ingest.Path, "$default", matched, false},
		{"/." + ingest.Path, "$default", matched, false},
		{"/%68ooks" + ingest.Path, "$default", matched, false},
		{"hooks" + ingest.Path, "$default", matched, false},
		{ingest.Path + "/", "$default", matched, false},
		{"/webhooks%2Frevento", "$default", matched, false},
		{"/webhooks//revento", "$default", matched, false},
		{"/prod", "prod", matched, false},
		{"", "", "", false},
	}
	for _, c := range cases {
		event := events.APIGatewayV2HTTPRequest{RawPath: c.path, RouteKey: c.route}
		event.RequestContext.Stage = c.stage
		if got := isWebhook(event); got != c.isWebhook {
			t.Errorf("%s of stage %s, matched by %s: %v", c.path, c.stage, c.route, got)
		}
	}
}

// On one machine nothing is read of a body that the headers refuse.
func TestScreenLooksAtWhatIsKnownWithoutTheBody(t *testing.T) {
	in := refusing(io.Discard)
	in.BodyLimit, in.Tolerance = 1000, time.Minute
	w := Webhook{in}
	headers := http.Header{
		"X-Revento-Timestamp": {strconv.FormatInt(time.Now().Unix(), 10)}, "X-Revento-Signature": {"sha256=" + strings.Repeat("0", 64)},
	}
	for _, c := range []struct {
		name   string
		header http.Header
		size   int64
		code   int // 0: it passes
	}{
		{"as large as the limit", headers, 1000, 0}, {"of unknown size", headers, -1, 0},
		{"a byte over the limit", headers, 1001, 413}, {"no headers", http.Header{}, 10, 401},
	} {
		response, refused := w.Screen(t.Context(), GatewayEvent("POST", ingest.Path, c.header, nil, "", time.Now()), c.size)
		if refused != (c.code != 0) || refused && response.StatusCode != c.code {
			t.Errorf("%s: %v, %+v", c.name, refused, response)
		}
	}
}

func TestHeadersAreFoundWhateverTheirCase(t *testing.T) {
	for _, name := range []string{"x-revento-timestamp", "X-Revento-Timestamp", "X-REVENTO-TIMESTAMP"} {
		event := events.APIGatewayV2HTTPRequest{Headers: map[string]string{name: "1747000123"}}
		if got := request(event).Timestamp; got != "1747000123" {
			t.Errorf("timestamp from %s = %q", name, got)
		}
	}
}

func TestARepeatedHeaderIsNotOneValue(t *testing.T) {
	event := events.APIGatewayV2HTTPRequest{Headers: map[string]string{"X-Revento-Timestamp": "1", "X-REVENTO-TIMESTAMP": "2"}}
	if got := request(event).Timestamp; got != "1,2" {
		t.Errorf("timestamp = %q", got)
	}
}

func TestTheAnswerIsWhatTheReplyTableSays(t *testing.T) {
	cases := []struct {
		name       string
		reply      ingest.Reply
		code       int
		retryAfter string
		body       string
	}{
		{"accepted", ingest.Reply{Status: ingest.Accepted, DeliveryID: "d-1"}, 200, "", `{"status":"accepted","delivery_id":"d-1"}`},
		{"no well-formed delivery id", ingest.Reply{Status: ingest.Unauthorized}, 401, "", `{"status":"unauthorized"}`},
		{"whole seconds, rounded up", ingest.Reply{Status: ingest.Busy, RetryAfter: 1200 * time.Millisecond}, 503, "2", `{"status":"busy"}`},
		{"at least one second", ingest.Reply{Status: ingest.Busy, RetryAfter: time.Millisecond}, 503, "1", `{"status":"busy"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := answer(c.reply)
			want := events.APIGatewayV2HTTPResponse{StatusCode: c.code, Headers: map[string]string{"Content-Type": "application/json"}, Body: c.body}
			if c.retryAfter != "" {
				want.Headers["Retry-After"] = c.retryAfter
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The content types are those measured on AWS: everything but text comes in base64.
func TestBodiesComeAsAPIGatewayPassesThemOn(t *testing.T) {
	body := []byte(`{"type":"x","name":"Zoë"}`)
	cases := []struct {
		name, contentType string
		body              []byte
		base64            bool
	}{
		{"JSON", "application/json", body, false},
		{"JSON with a charset", "application/json; charset=utf-8", body, false},
		{"text", "text/plain", body, false},
		{"XML", "application/xml", body, false},
		{"a vendor's JSON", "application/vnd.revento.v1+json", body, true},
		{"a form", "application/x-www-form-urlencoded", body, true},
		{"no content type", "", body, true},
		{"JSON that is not UTF-8", "application/json", []byte("{\"a\":\"\xff\"}"), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			event := GatewayEvent("POST", ingest.Path, http.Header{"Content-Type": {c.contentType}}, c.body, "", time.Unix(0, 0))
			if event.IsBase64Encoded != c.base64 {
				t.Errorf("base64 = %v", event.IsBase64Encoded)
			}
			got, err := request(event).Body.Bytes()
			if err != nil || string(got) != string(c.body) {
				t.Errorf("body = %q, %v", got, err)
			}
		})
	}
}

func TestAReceivedMessageSurvivesTheWayThroughLambdasEvent(t *testing.T) {
	want := queue.Received{
		Message: queue.Message{Body: "b", Group: "g", DeduplicationID: "d", Attributes: map[string]string{"delivery_id": "d-1"}},
		Queue:   queue.Slack, ID: "m-1", Handle: "h-1", Receives: 3, SentAt: time.UnixMilli(1747000123456).UTC(),
		FirstReceivedAt: time.UnixMilli(1747000133456).UTC(),
	}
	event := EventOf(want)
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var decoded events.SQSEvent
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, received(queue.Slack, decoded.Records[0])); diff != "" {
		t.Error(diff)
	}
}

func TestAHandMadeEventWithoutAttributesIsTaken(t *testing.T) {
	got := received(queue.Slack, events.SQSMessage{MessageId: "m", Body: "b"})
	if got.Receives != 1 || !got.SentAt.Equal(time.UnixMilli(0)) {
		t.Errorf("received = %+v", got)
	}
}

// A null list means full success to Lambda, so it must be an empty one.
func TestNoFailuresIsAnEmptyListAndNotNull(t *testing.T) {
	response, err := Worker(nil)(t.Context(), events.SQSEvent{})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(response)
	if err != nil || string(encoded) != `{"batchItemFailures":[]}` {
		t.Errorf("response = %s, %v", encoded, err)
	}
}

// What failed comes again, and so does the rest of its batch, which may be of its group.
func TestWhatFailedAndWhatIsBehindItComesAgain(t *testing.T) {
	first := func(context.Context, *telemetry.Line) (worker.Outcome, error) { return worker.Sent, nil }
	second := func(context.Context, *telemetry.Line) (worker.Outcome, error) {
		return "", &fault.Error{Class: fault.Transient, Op: "test", Reason: "down"}
	}
	w := &worker.Worker{
		Queue: queue.Digest, Unit: "test", Chore: chores{"first": first, "second": second, "third": first}, Queues: memory.NewQueues(time.Now),
		MaxAge: time.Hour, Log: telemetry.New(io.Discard, telemetry.Options{}), Now: time.Now,
	}
	var event events.SQSEvent
	for _, id := range []string{"first", "second", "third"} {
		of := EventOf(queue.Received{Queue: queue.Digest, ID: id, Message: queue.Message{Body: id}, SentAt: time.Now()})
		event.Records = append(event.Records, of.Records...)
	}
	response, err := Worker(w)(t.Context(), event)
	want := []events.SQSBatchItemFailure{{ItemIdentifier: "second"}, {ItemIdentifier: "third"}}
	if diff := cmp.Diff(want, response.BatchItemFailures); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
}

// chores are what messages ask for, by their bodies.
type chores map[string]func(context.Context, *telemetry.Line) (worker.Outcome, error)

func (c chores) Open(message queue.Message, _ *telemetry.Line) (worker.Job, error) {
	return worker.Job{Do: c[message.Body]}, nil
}

func FuzzGatewayEvent(f *testing.F) {
	f.Add("application/json", []byte(`{}`))
	f.Add("image/png; q", []byte{0xff})
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		event := GatewayEvent("POST", ingest.Path, http.Header{"Content-Type": {contentType}}, body, "", time.Unix(0, 0))
		got, err := request(event).Body.Bytes()
		if err != nil || string(got) != string(body) {
			t.Errorf("body %q came through as %q, %v", body, got, err)
		}
		if size := request(event).Body.Size(); size != len(body) {
			t.Errorf("size = %d, want %d", size, len(body))
		}
	})
}

// What a stranger hands to the decoder must not panic, and a size must never be under what decoding yields.
func FuzzBody(f *testing.F) {
	f.Add("e30=", true)
	f.Add(base64.StdEncoding.EncodeToString([]byte("abc"))+"====", true)
	f.Fuzz(func(t *testing.T, text string, encoded bool) {
		body := ingest.Body{Text: text, Base64: encoded}
		got, err := body.Bytes()
		if err == nil && len(got) > body.Size() {
			t.Errorf("%d bytes from a body of size %d", len(got), body.Size())
		}
	})
}
