package awssdk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/faultproxy"
)

// service answers every request with a queue's URL.
var service = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, _ = io.WriteString(w, `{"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/a"}`)
})

const (
	personal = "grace@example.org" // in what a service answers
	op       = "look a queue up"
)

// call makes a request to the service at url.
func call(ctx context.Context, t *testing.T, url string) error {
	t.Helper()
	setLambda(t)
	t.Setenv("AWS_ENDPOINT_URL", url)
	_, err := sqs.NewFromConfig(fromEnvironment(t)).GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("a")})
	if err != nil {
		return Failure(ctx, op, err)
	}
	return nil
}

func TestFailureClasses(t *testing.T) {
	refused := func(status int, code string) faultproxy.Fault {
		return faultproxy.Refuse(status, code, "about "+personal)
	}
	tests := map[string]struct {
		fault    faultproxy.Fault
		attempts int
		class    fault.Class
		reason   string
	}{
		"DynamoDB throttles": {
			refused(400, "ThrottlingException"), 2, fault.Throttled, "ThrottlingException"},
		"DynamoDB's table is over its throughput": {
			refused(400, "ProvisionedThroughputExceededException"), 2, fault.Throttled, "ProvisionedThroughputExceededException"},
		"DynamoDB's account is over its throughput": {
			refused(400, "RequestLimitExceeded"), 2, fault.Throttled, "RequestLimitExceeded"},
		"SQS throttles": {
			refused(403, "RequestThrottled"), 2, fault.Throttled, "RequestThrottled"},
		"SQS' key is throttled": {
			refused(400, "KmsThrottled"), 1, fault.Throttled, "KmsThrottled"},
		"something on the way throttles": {
			faultproxy.Fail(429), 2, fault.Throttled, "status_429"},
		"the service fails": {
			refused(500, "InternalServerError"), 2, fault.Transient, "InternalServerError"},
		"the service is not available": {
			refused(503, "ServiceUnavailable"), 2, fault.Transient, "ServiceUnavailable"},
		"something on the way fails": {
			faultproxy.Fail(502), 2, fault.Transient, "status_502"},
		"a permission is missing": {
			refused(400, "AccessDeniedException"), 1, fault.Transient, "AccessDeniedException"},
		"the table is missing": {
			refused(400, "ResourceNotFoundException"), 1, fault.Transient, "ResourceNotFoundException"},
		"the credentials are over": {
			refused(400, "ExpiredTokenException"), 1, fault.Transient, "ExpiredTokenException"},
		"DynamoDB refuses the request's content": {
			refused(400, "ValidationException"), 1, fault.Permanent, "ValidationException"},
		"SQS refuses the message": {
			refused(400, "InvalidMessageContents"), 1, fault.Permanent, "InvalidMessageContents"},
		"the service hangs": {
			faultproxy.Hang, 2, fault.Transient, ReasonTimeout},
		"the connection breaks before the request": {
			faultproxy.LoseRequest, 2, fault.Transient, ReasonConnection},
		"the connection breaks before the answer": {
			faultproxy.LoseAnswer, 2, fault.Transient, ReasonConnection},
		"the connection breaks in the answer's body": {
			faultproxy.HalveAnswer, 1, fault.Transient, ReasonUnreadable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, service)
			proxy.Spoil(test.fault, test.fault)
			err := call(t.Context(), t, proxy.URL)
			failure, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("the error is %v, want a classified one", err)
			}
			if failure.Class != test.class || failure.Reason != test.reason || failure.Op != op {
				t.Errorf("%s is %s, reason %q; want %s, %q", failure.Op, failure.Class, failure.Reason, test.class, test.reason)
			}
			if got := proxy.Requests(); got != test.attempts {
				t.Errorf("it was sent %d times, want %d", got, test.attempts)
			}
			if strings.Contains(err.Error(), personal) {
				t.Errorf("the error quotes the answer: %v", err)
			}
		})
	}
}

func TestOneFailureIsMadeGoodByTheSecondAttempt(t *testing.T) {
	for name, spoilt := range map[string]faultproxy.Fault{
		"throttled":                            faultproxy.Refuse(400, "ThrottlingException", ""),
		"failed":                               faultproxy.Fail(500),
		"hung":                                 faultproxy.Hang,
		"connection broken before the request": faultproxy.LoseRequest,
		"connection broken before the answer":  faultproxy.LoseAnswer,
	} {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, service)
			proxy.Spoil(spoilt)
			if err := call(t.Context(), t, proxy.URL); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAnswersRequestIDIsKept(t *testing.T) {
	proxy := faultproxy.Before(t, service)
	proxy.Spoil(faultproxy.Refuse(400, "AccessDeniedException", ""))
	const want = `look a queue up: transient: AccessDeniedException: give these credentials that permission, or use others that have it ` +
		`(status 400, request id "REQUEST-1")`
	if err := call(t.Context(), t, proxy.URL); err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestTheCallersDeadlineEndsACall(t *testing.T) {
	tests := map[string]faultproxy.Fault{
		"while the service hangs":      faultproxy.Hang,
		"while the SDK waits to retry": faultproxy.Refuse(400, "ThrottlingException", ""),
	}
	for name, spoilt := range tests {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, service)
			proxy.Spoil(spoilt, faultproxy.Hang)
			ctx, cancel := context.WithTimeout(t.Context(), MaxBackoff/3)
			defer cancel()
			err := call(ctx, t, proxy.URL)
			if !errors.Is(err, context.DeadlineExceeded) || fault.Of(err).Reason != ReasonOver {
				t.Errorf("the error is %v, want %s", err, ReasonOver)
			}
		})
	}
}

func TestAnAttemptsTimeoutIsNotTheCallersDeadline(t *testing.T) {
	proxy := faultproxy.Before(t, service)
	proxy.Spoil(faultproxy.Hang, faultproxy.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := call(ctx, t, proxy.URL); errors.Is(err, context.DeadlineExceeded) || fault.Of(err).Reason != ReasonTimeout {
		t.Errorf("the error is %v, want %s", err, ReasonTimeout)
	}
}

func TestARefusedConnection(t *testing.T) {
	gone := httptest.NewServer(service)
	gone.Close()
	err := call(t.Context(), t, gone.URL)
	if fault.Of(err).Reason != ReasonConnection || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("the error is %v", err)
	}
}

func TestARequestThatCannotBeMade(t *testing.T) {
	setLambda(t)
	config := fromEnvironment(t)
	config.Region = ""
	_, err := sqs.NewFromConfig(config).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("a")})
	if got := fault.Of(Failure(t.Context(), op, err)); got.Reason != ReasonUnsent || got.Class != fault.Transient {
		t.Errorf("the failure is %v", got)
	}
}
