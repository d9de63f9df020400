package awssdk

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"revento-alerts/shared/ground/fault"
	"revento-alerts/test/faultproxy"
)

// called is call by an operator.
func called(ctx context.Context, t *testing.T, url string) error {
	t.Helper()
	setLambda(t)
	t.Setenv("AWS_ENDPOINT_URL", url)
	_, err := sqs.NewFromConfig(InWords(fromEnvironment(t))).GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("a")})
	if err != nil {
		return Failure(ctx, op, err)
	}
	return nil
}

// Who sits before it has only what is printed; a function's log is read by others, and kept.
func TestAnOperatorIsToldAWSOwnWordsAndAFunctionsLogIsNot(t *testing.T) {
	const words = "User: arn:aws:iam::1:user/op is not authorized to perform: sqs:GetQueueUrl"
	for name, test := range map[string]struct {
		code, message string
		told          string
	}{
		"a permission":                 {"AccessDenied", words, words + ": " + remedyPermission},
		"a queue that is not there":    {"QueueDoesNotExist", "The specified queue does not exist.", "The specified queue does not exist.: " + remedyMissing},
		"what no remedy is known for":  {"OddException", "Something is odd.", "OddException: Something is odd."},
		"several lines":                {"OddException", "Something\n\tis odd.", "Something  is odd."},
		"a wrong signature":            {"SignatureDoesNotMatch", "It does not match. The Canonical String was 'CANARY'", "It does not match. The: " + remedyCredentials},
		"what was sent":                {"InvalidMessageContents", "CANARY", "InvalidMessageContents"},
		"a word that has no end to it": {"OddException", strings.Repeat("x", 2*maxWords), strings.Repeat("x", maxWords-1)},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, service)
			refusal := faultproxy.Refuse(400, test.code, test.message)
			proxy.Spoil(refusal)
			err := called(t.Context(), t, proxy.URL)
			if err == nil || !strings.Contains(err.Error(), test.told) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("an operator is told %v, want %q", err, test.told)
			}
			proxy.Spoil(refusal)
			if err := call(t.Context(), t, proxy.URL); err == nil || strings.Contains(err.Error(), test.message) {
				t.Errorf("a log is told %v", err)
			}
		})
	}
}

func TestWhereAWSIsNotReachedAnOperatorIsToldTheRemedy(t *testing.T) {
	gone := httptest.NewServer(service)
	gone.Close()
	hung := faultproxy.Before(t, service)
	hung.Spoil(faultproxy.Hang, faultproxy.Hang, faultproxy.Hang)
	for name, test := range map[string]struct{ url, reason string }{
		"nobody listens":   {gone.URL, ReasonConnection},
		"no such host":     {"http://nowhere.invalid", ReasonConnection},
		"it hangs":         {hung.URL, ReasonTimeout},
		"for who is hasty": {hung.URL, ReasonOver},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if test.reason == ReasonOver {
				short, cancel := context.WithTimeout(ctx, MaxBackoff/3)
				defer cancel()
				ctx = short
			}
			err := called(ctx, t, test.url)
			if fault.Of(err).Reason != test.reason || !strings.HasSuffix(err.Error(), remedyReach) {
				t.Errorf("%v", err)
			}
			if err := call(ctx, t, gone.URL); err == nil || strings.Contains(err.Error(), remedyReach) {
				t.Errorf("a log is told %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := called(ctx, t, gone.URL); err == nil || strings.Contains(err.Error(), remedyReach) {
		t.Errorf("who interrupts it is told %v", err)
	}
}
