package scheduler

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/faultproxy"
)

var options = Options{
	Group:         "deletions",
	RoleARN:       "arn:aws:iam::123456789012:role/sender",
	QueueARN:      "arn:aws:sqs:eu-west-1:123456789012:purge",
	DeadLetterARN: "arn:aws:sqs:eu-west-1:123456789012:purge-dead-letter",
}

// service takes every schedule.
var service = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"ScheduleArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/deletions/a"}`)
})

const body = `{"personal":"grace@example.org"}`

// schedule makes a schedule at the service at url.
func schedule(ctx context.Context, t *testing.T, url, name string) error {
	t.Helper()
	for variable, value := range map[string]string{
		"AWS_REGION":                 "eu-west-1",
		"AWS_ACCESS_KEY_ID":          "key",
		"AWS_SECRET_ACCESS_KEY":      "key",
		"AWS_ENDPOINT_URL_SCHEDULER": url,
	} {
		t.Setenv(variable, value)
	}
	config, err := awssdk.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	return New(config, options).Schedule(ctx, name, time.Unix(1, 0), body)
}

func TestExpressionIsNeverEarlierThanTheMoment(t *testing.T) {
	for want, at := range map[string]time.Time{
		"at(2026-03-01T09:30:00)": time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		"at(2026-03-01T09:30:01)": time.Date(2026, 3, 1, 9, 30, 0, 1, time.UTC),
		"at(2026-03-01T09:31:00)": time.Date(2026, 3, 1, 9, 30, 59, 999_999_999, time.UTC),
		"at(2026-02-28T23:30:00)": time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("an hour ahead of UTC", 3600)),
	} {
		if got := expression(at); got != want {
			t.Errorf("the expression of %s is %s, want %s", at, got, want)
		}
	}
}

func TestANameOutOfFormIsRefusedWithoutACall(t *testing.T) {
	for name, refused := range map[string]bool{
		"a":                     false,
		"Az09._-":               false,
		strings.Repeat("a", 64): false,
		strings.Repeat("a", 65): true,
		"":                      true,
		"a b":                   true,
		"a/b":                   true,
		"é":                     true,
		"a\n":                   true,
	} {
		proxy := faultproxy.Before(t, service)
		err := schedule(t.Context(), t, proxy.URL, name)
		if got := fault.Has(err, fault.Permanent); got != refused || !refused && err != nil {
			t.Errorf("%q: the error is %v; refused: want %t", name, err, refused)
		}
		if called := proxy.Requests() > 0; called == refused {
			t.Errorf("%q: %d requests", name, proxy.Requests())
		}
	}
}

func TestAScheduleThatIsThereIsASuccess(t *testing.T) {
	proxy := faultproxy.Before(t, service)
	proxy.Spoil(faultproxy.Refuse(409, "ConflictException", "Schedule a already exists."))
	if err := schedule(t.Context(), t, proxy.URL, "a"); err != nil || proxy.Requests() != 1 {
		t.Errorf("%v after %d requests, want success after one", err, proxy.Requests())
	}
}

func TestAScheduleWhoseAnswerIsLostIsASuccess(t *testing.T) {
	proxy := faultproxy.Before(t, service)
	proxy.Spoil(faultproxy.LoseAnswer, faultproxy.Refuse(409, "ConflictException", "Schedule a already exists."))
	if err := schedule(t.Context(), t, proxy.URL, "a"); err != nil || proxy.Requests() != 2 {
		t.Errorf("%v after %d requests, want success after two", err, proxy.Requests())
	}
}

func TestFailures(t *testing.T) {
	refused := func(status int, code string) faultproxy.Fault { return faultproxy.Refuse(status, code, "about "+body) }
	tests := map[string]struct {
		fault  faultproxy.Fault
		class  fault.Class
		reason string
	}{
		"throttled":                      {refused(429, "ThrottlingException"), fault.Throttled, "ThrottlingException"},
		"the service fails":              {refused(500, "InternalServerException"), fault.Transient, "InternalServerException"},
		"a permission is missing":        {refused(403, "AccessDeniedException"), fault.Transient, "AccessDeniedException"},
		"the group is missing":           {refused(404, "ResourceNotFoundException"), fault.Transient, "ResourceNotFoundException"},
		"too many schedules":             {refused(402, "ServiceQuotaExceededException"), fault.Transient, "ServiceQuotaExceededException"},
		"the role may not be taken on":   {refused(400, "ValidationException"), fault.Transient, "ValidationException"},
		"the answer breaks off":          {faultproxy.HalveAnswer, fault.Transient, awssdk.ReasonUnreadable},
		"the connection breaks before":   {faultproxy.LoseRequest, fault.Transient, awssdk.ReasonConnection},
		"the service hangs":              {faultproxy.Hang, fault.Transient, awssdk.ReasonTimeout},
		"something on the way is broken": {faultproxy.Fail(502), fault.Transient, "status_502"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, service)
			proxy.Spoil(faultproxy.Twice(test.fault)...)
			err := schedule(t.Context(), t, proxy.URL, "a")
			faultproxy.WantFailure(t, err, test.class, test.reason)
			if strings.Contains(err.Error(), "grace") {
				t.Errorf("the error is %v, with the body in it", err)
			}
		})
	}
}

func TestScheduleKeepsTheDeadline(t *testing.T) {
	proxy := faultproxy.Before(t, service)
	proxy.Spoil(faultproxy.Hang)
	faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, func(ctx context.Context) error { return schedule(ctx, t, proxy.URL, "a") })
}
