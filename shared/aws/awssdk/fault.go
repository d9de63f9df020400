package awssdk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"revento-alerts/shared/ground/fault"
)

// The reasons of a call that no service answered in full. A service's answer has its own error code as the reason.
const (
	ReasonOver       = "context_over"      // the caller's deadline passed, or the caller gave up
	ReasonTimeout    = "attempt_timeout"   // each attempt took longer than AttemptTimeout
	ReasonConnection = "connection"        // no connection, or one that broke before the answer
	ReasonUnreadable = "unreadable_answer" // an answer that broke off
	ReasonUnsent     = "unsent"            // the request could not be made
	reasonStatus     = "status_"           // with the HTTP status of an answer that is none of the service's
)

// malformed holds the codes that refuse the request for what is in it. Only they are permanent: another attempt sends the
// same.
var malformed = map[string]bool{
	"ValidationException":       true, // DynamoDB: such as an item over 400 KB
	"InvalidParameterValue":     true, // SQS: such as a message over the queue's size
	"InvalidMessageContents":    true, // SQS: characters outside of XML's
	"MissingParameter":          true, // SQS: such as no group in a FIFO queue
	"InvalidParameterException": true, // Secrets Manager
}

// moreThrottles are the codes that ask to wait and are not in the SDK's list.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
var moreThrottles = map[string]bool{"KmsThrottled": true, "KMS.ThrottlingException": true, "OverLimit": true}

// Failure classifies a client's error, which op led to. The error holds the service's code and request id, never the text of
// its answer, which may quote what was sent; but see InWords.
//
// Nothing is fault.Unknown: all our writes may be repeated, be they conditional, deduplicated by the queue or by the worker.
// What a person must mend, such as a missing permission or table, is fault.Transient: it may mend itself (a new role takes
// seconds to count everywhere), and until the alert's maximum age a message is better kept in line than parked, because all
// others fail the same way. Only a refusal of the request's own content is fault.Permanent.
func Failure(ctx context.Context, op string, err error) error {
	reason, cause := explain(ctx, err)
	return &fault.Error{Class: class(err), Op: op, Reason: reason, Err: cause}
}

func class(err error) fault.Class {
	throttles := retry.IsErrorThrottles(retry.DefaultThrottles)
	code := errorCode(err)
	switch {
	case throttles.IsErrorThrottle(err) == aws.TrueTernary, moreThrottles[code], status(err) == http.StatusTooManyRequests:
		return fault.Throttled
	case malformed[code]:
		return fault.Permanent
	default:
		return fault.Transient
	}
}

// errorCode is the service's error code, or "" where it gave none.
func errorCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// status is the answer's HTTP status, or 0 without an answer.
func status(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// explain returns the reason and what of the error can be told: it holds nothing that was sent.
func explain(ctx context.Context, err error) (reason string, cause error) {
	if code := errorCode(err); code != "" {
		return code, advised(err)
	}
	// An attempt's own time-out matches context.DeadlineExceeded as well: only the context tells the two apart.
	if over := ctx.Err(); over != nil {
		return ReasonOver, reached(err, ReasonOver, over)
	}
	if code := status(err); code >= http.StatusMultipleChoices {
		return reasonStatus + strconv.Itoa(code), nil
	}
	reason, cause = unanswered(err)
	return reason, reached(err, reason, cause)
}

// The remedies of refusals that are about who asks, or when.
const (
	remedySignIn = "the credentials have expired: sign in again (aws sso login), or set new ones"
	// The date of a request is one of a wrong clock, or of credentials that have expired.
	// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
	remedyExpired     = "set this machine's clock; where it is right, sign in again (aws sso login)"
	remedyCredentials = "AWS does not know the credentials: look at AWS_PROFILE, or at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	remedyPermission  = "give these credentials that permission, or use others that have it"
	remedyClock       = "set this machine's clock: AWS takes what is signed within some minutes of its own time"
	remedyMissing     = "look at the Region (AWS_REGION, or the profile's) and at the account of the credentials; where they are right, deploy the stack again"
	remedyKey         = "see that these credentials may use the key of AWS KMS that it is encrypted with"
)

// remedies are by the service's code.
var remedies = map[string]string{
	"ExpiredToken": remedySignIn, "ExpiredTokenException": remedySignIn, "RequestExpired": remedyExpired,
	"InvalidClientTokenId": remedyCredentials, "UnrecognizedClientException": remedyCredentials, "InvalidAccessKeyId": remedyCredentials,
	"SignatureDoesNotMatch": remedyCredentials, "InvalidSignatureException": remedyCredentials, "IncompleteSignature": remedyCredentials,
	"AccessDenied": remedyPermission, "AccessDeniedException": remedyPermission, "AuthorizationError": remedyPermission,
	"RequestTimeTooSkewed": remedyClock, "RequestInTheFuture": remedyClock,
	"ResourceNotFoundException": remedyMissing, "QueueDoesNotExist": remedyMissing, "AWS.SimpleQueueService.NonExistentQueue": remedyMissing,
	"KmsAccessDenied": remedyKey, "KMS.AccessDeniedException": remedyKey, "DecryptionFailure": remedyKey,
}

// remedyOf is the remedy of a refusal, or "". A signature of another time has the code of one that is wrong; the message tells which.
func remedyOf(err error) string {
	remedy := remedies[errorCode(err)]
	if message := message(err); remedy == remedyCredentials &&
		(strings.HasPrefix(message, "Signature expired") || strings.HasPrefix(message, "Signature not yet current")) {
		return remedyClock
	}
	return remedy
}

// advised is what can be told of a refusal beside its code: AWS' own words, where an operator asked, the remedy where it is about who
// asks, or when, and what AWS' support asks for.
func advised(err error) error {
	parts := slices.DeleteFunc([]string{wordsOf(err), remedyOf(err)}, func(part string) bool { return part == "" })
	text, asked := strings.Join(parts, ": "), support(err)
	switch {
	case text == "":
		return asked
	case asked == nil:
		return errors.New(text)
	}
	return fmt.Errorf("%s (%w)", text, asked)
}

// support is what AWS' support asks for.
func support(err error) error {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return nil
	}
	return fmt.Errorf("status %d, request id %q", response.HTTPStatusCode(), response.ServiceRequestID())
}

func unanswered(err error) (reason string, cause error) {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return ReasonTimeout, nil
	}
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return ReasonConnection, connection(err)
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return ReasonUnreadable, nil
	}
	return ReasonUnsent, err
}

// connection tells of hosts and addresses.
func connection(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err
	}
	return nil
}
