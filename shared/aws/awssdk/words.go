package awssdk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"revento-alerts/shared/ground/clip"
)

// InWords returns a configuration for the commands of an operator: the failures of its clients tell AWS' own words, and what to do
// where AWS is not reached. A function's must not: its log is kept, and the words may quote what strangers sent.
func InWords(config aws.Config) aws.Config {
	told := config.Copy()
	told.APIOptions = append(slices.Clone(told.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("InWords", toOperator), middleware.Before)
	})
	return told
}

// operators is an error that an operator sees.
type operators struct{ error }

// Unwrap returns the error as the client made it.
func (o operators) Unwrap() error { return o.error }

func toOperator(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	out, metadata, err = next.HandleInitialize(ctx, in)
	if err != nil {
		err = operators{err}
	}
	return out, metadata, err
}

func isOperators(err error) bool {
	_, is := errors.AsType[operators](err)
	return is
}

// maxWords is how much of a message is told, in runes.
const maxWords = 400

// wordsOf is AWS' message where an operator may see it, or "". A refusal of the request's content may quote it, and is not shown.
func wordsOf(err error) string {
	if !isOperators(err) || malformed[errorCode(err)] {
		return ""
	}
	return message(err)
}

// message is the service's message on one line, "" where there is none, without what a wrong signature was made of.
func message(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	text := clip.Line(api.ErrorMessage())
	if at := strings.Index(text, "Canonical"); at >= 0 {
		text = text[:at]
	}
	return strings.TrimSpace(clip.Runes(text, maxWords))
}

// remedyReach is for who sits at the machine; a function reaches AWS, or its log is read by nobody.
const remedyReach = "this machine does not reach AWS: look at its network, at the Region (AWS_REGION, or the profile's), and at AWS_ENDPOINT_URL " +
	"where it is set"

// reached adds the remedy to the cause of a call that no service answered.
func reached(err error, reason string, cause error) error {
	isUnreached := reason == ReasonConnection || reason == ReasonTimeout || errors.Is(cause, context.DeadlineExceeded)
	switch {
	case !isOperators(err) || !isUnreached:
		return cause
	case cause == nil:
		return errors.New(remedyReach)
	}
	return fmt.Errorf("%w: %s", cause, remedyReach)
}
