package dynamodb

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
)

// The codes of a cancelled transaction's reasons, one for each of its items, that tell what becomes of the request.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
const (
	codeRefused  = "ConditionalCheckFailed"
	codeConflict = "TransactionConflict"
)

// reasonClasses are the classes of what else cancels a transaction.
var reasonClasses = map[string]fault.Class{
	codeConflict:                    fault.Transient,
	"ThrottlingError":               fault.Throttled,
	"ProvisionedThroughputExceeded": fault.Throttled,
	"ValidationError":               fault.Permanent, // such as an item over 400 KB
}

// cancellation returns a cancelled transaction's reasons in the order of its items; none for any other error.
func cancellation(err error) []types.CancellationReason {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return cancelled.CancellationReasons
	}
	return nil
}

func isRefused(reason types.CancellationReason) bool { return aws.ToString(reason.Code) == codeRefused }

// conflictAttempts is how often a request is made that meets transactions on the same item, in all.
const conflictAttempts = 5

// patiently makes a request, and again after a pause where a transaction on the same item was under way: the service does
// not wait for that, and the SDK does not try again.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling
func patiently(ctx context.Context, request func() error) error {
	for attempt := 1; ; attempt++ {
		err := request()
		if !isConflict(err) || attempt == conflictAttempts {
			return err
		}
		select {
		case <-time.After(awssdk.Backoff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func isConflict(err error) bool {
	if _, ok := errors.AsType[*types.TransactionConflictException](err); ok {
		return true
	}
	for _, reason := range cancellation(err) {
		if aws.ToString(reason.Code) == codeConflict {
			return true
		}
	}
	return false
}

// failure classifies an error. What cancelled a transaction goes by the reasons of its items, of which the first counts.
func failure(ctx context.Context, op string, err error) error {
	failed := fault.Of(awssdk.Failure(ctx, op, err))
	for _, reason := range cancellation(err) {
		code := aws.ToString(reason.Code)
		if class, ok := reasonClasses[code]; ok {
			failed.Class, failed.Reason = class, code
			return failed
		}
	}
	return failed
}
