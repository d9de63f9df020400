// Package awssdk sets the AWS SDK up for functions: limits that keep a call inside the caller's deadline, and failures
// sorted into package fault's classes.
package awssdk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// The limits of a call. The caller's context is the total; within it two attempts have room in 1.1 s.
const (
	// Attempts is how often a call is sent at the most.
	Attempts = 2
	// AttemptTimeout bounds one attempt, from dialling to the end of the answer.
	AttemptTimeout = 500 * time.Millisecond
	// DialTimeout bounds a TCP connection's start: past it the first packet was lost, and a new attempt is quicker than
	// waiting for TCP to send it again, which it does after a second.
	DialTimeout = 300 * time.Millisecond
	// MaxBackoff is the longest pause between attempts. The SDK's own waits up to a second where a service throttles.
	MaxBackoff = 100 * time.Millisecond
)

// FromEnvironment returns the configuration of a Lambda function's clients, made by hand from the variables that Lambda
// sets: LoadDefaultConfig would link every other source of credentials too, 2 MB that a cold start pays for. It makes no
// call. The credentials are the environment's, which Lambda replaces before they expire.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
//
// AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL, name an endpoint in place of AWS' own, such as an emulator's; empty
// counts as unset. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func FromEnvironment() (aws.Config, error) {
	config := aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
		HTTPClient:    httpClient(),
		Retryer:       retryer,
		ConfigSources: []any{serviceEndpoints{}},
	}
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		config.BaseEndpoint = &endpoint
	}
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if os.Getenv(name) == "" {
			return aws.Config{}, fmt.Errorf("%s is not set: Lambda sets it for a function; elsewhere set it yourself", name)
		}
	}
	return config, nil
}

// httpClient is shared by all clients of the configuration. Frozen, it is taken as it is.
func httpClient() aws.HTTPClient {
	return awshttp.NewBuildableClient().
		WithTimeout(AttemptTimeout).
		WithDialerOptions(func(dialer *net.Dialer) { dialer.Timeout = DialTimeout }).
		Freeze()
}

// retryer is the SDK's standard one, with fewer attempts and shorter pauses.
func retryer() aws.Retryer {
	return retry.NewStandard(func(options *retry.StandardOptions) {
		options.MaxAttempts = Attempts
		options.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return Backoff(), nil })
	})
}

// Backoff is a pause between attempts, a random one.
func Backoff() time.Duration { return MaxBackoff/2 + rand.N(MaxBackoff/2) }

const endpointVariable = "AWS_ENDPOINT_URL"

// serviceEndpoints is what the SDK's clients ask for an endpoint of their service.
type serviceEndpoints struct{}

// GetServiceBaseEndpoint reads AWS_ENDPOINT_URL_SECRETS_MANAGER for "Secrets Manager".
func (serviceEndpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	endpoint := os.Getenv(endpointVariable + "_" + strings.ReplaceAll(strings.ToUpper(sdkID), " ", "_"))
	return endpoint, endpoint != "", nil
}
