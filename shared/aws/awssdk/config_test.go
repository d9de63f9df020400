package awssdk

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// setLambda sets the variables that Lambda sets, and no endpoint.
func setLambda(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION":                       "eu-west-1",
		"AWS_ACCESS_KEY_ID":                "key",
		"AWS_SECRET_ACCESS_KEY":            "secret",
		"AWS_SESSION_TOKEN":                "session",
		"AWS_ENDPOINT_URL":                 "",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
		"AWS_ENDPOINT_URL_SQS":             "",
	} {
		t.Setenv(name, value)
	}
}

func fromEnvironment(t *testing.T) aws.Config {
	t.Helper()
	config, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestRegionAndCredentialsAreTheEnvironments(t *testing.T) {
	setLambda(t)
	config := fromEnvironment(t)
	if config.Region != "eu-west-1" {
		t.Errorf("the region is %q", config.Region)
	}
	got, err := config.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "key" || got.SecretAccessKey != "secret" || got.SessionToken != "session" {
		t.Errorf("the credentials are %+v", got)
	}
}

func TestAMissingVariableIsNamed(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Run(name, func(t *testing.T) {
			setLambda(t)
			t.Setenv(name, "")
			if _, err := FromEnvironment(); err == nil || !strings.Contains(err.Error(), name+" is not set") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	const all, own = "http://127.0.0.1:1", "http://127.0.0.1:2"
	tests := map[string]struct {
		all, own string
		want     string
	}{
		"none named: AWS' own": {},
		"one for all":          {all: all, want: all},
		"the service's own":    {own: own, want: own},
		"the service's own goes before the one for all": {all: all, own: own, want: own},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			setLambda(t)
			t.Setenv("AWS_ENDPOINT_URL", test.all)
			t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", test.own)
			client := secretsmanager.NewFromConfig(fromEnvironment(t))
			if got := aws.ToString(client.Options().BaseEndpoint); got != test.want {
				t.Errorf("the endpoint is %q, want %q", got, test.want)
			}
		})
	}
}

func TestBackoffStaysShortWhateverTheFailure(t *testing.T) {
	for range 100 {
		delay, err := retryer().RetryDelay(1, nil)
		if err != nil || delay < MaxBackoff/2 || delay > MaxBackoff {
			t.Fatalf("the delay is %s, %v; want %s to %s", delay, err, MaxBackoff/2, MaxBackoff)
		}
	}
}
