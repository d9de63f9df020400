package secretsmanager

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/test/faultproxy"
)

const id = "revento-alerts/webhook"

// answering is a service that answers every request like this.
func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, body)
	}
}

// fetch reads the secret from the service at url.
func fetch(ctx context.Context, t *testing.T, url string) (string, error) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION":                       "eu-west-1",
		"AWS_ACCESS_KEY_ID":                "key",
		"AWS_SECRET_ACCESS_KEY":            "key",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": url,
	} {
		t.Setenv(name, value)
	}
	config, err := awssdk.FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	return Fetch(config, id)(ctx)
}

func TestFetchReturnsTheValue(t *testing.T) {
	for name, body := range map[string]string{
		"filled in as text":  `{"SecretString": "whsec_1\n"}`,
		"filled in as bytes": `{"SecretBinary": "d2hzZWNfMQo="}`,
	} {
		t.Run(name, func(t *testing.T) {
			value, err := fetch(t.Context(), t, faultproxy.Before(t, answering(body)).URL)
			if err != nil || value != "whsec_1\n" {
				t.Errorf("fetch returned %q, %v", value, err)
			}
		})
	}
}

func TestAnEmptySecretIsNamed(t *testing.T) {
	notFound := faultproxy.Refuse(400, "ResourceNotFoundException",
		"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")
	for name, spoilt := range map[string]faultproxy.Fault{
		"without a value":        notFound,
		"whose value is nothing": nil,
	} {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, answering(`{"SecretString": ""}`))
			proxy.Spoil(spoilt)
			_, err := fetch(t.Context(), t, proxy.URL)
			if !errors.Is(err, secret.ErrEmpty) || !strings.Contains(err.Error(), id) {
				t.Errorf("the error is %v, want %v with the secret's id", err, secret.ErrEmpty)
			}
		})
	}
}

func TestFetchFailures(t *testing.T) {
	const value = "whsec_1"
	refused := func(status int, code string) faultproxy.Fault { return faultproxy.Refuse(status, code, value) }
	tests := map[string]struct {
		fault  faultproxy.Fault
		class  fault.Class
		reason string
	}{
		"throttled":               {refused(400, "ThrottlingException"), fault.Throttled, "ThrottlingException"},
		"the service fails":       {refused(500, "InternalServiceError"), fault.Transient, "InternalServiceError"},
		"a permission is missing": {refused(400, "AccessDeniedException"), fault.Transient, "AccessDeniedException"},
		"the key is disabled":     {refused(400, "DecryptionFailure"), fault.Transient, "DecryptionFailure"},
		"the secret is deleted":   {refused(400, "InvalidRequestException"), fault.Transient, "InvalidRequestException"},
		"the answer breaks off":   {faultproxy.HalveAnswer, fault.Transient, awssdk.ReasonUnreadable},
		"the service hangs":       {faultproxy.Hang, fault.Transient, awssdk.ReasonTimeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			proxy := faultproxy.Before(t, answering(`{"SecretString": "`+value+`"}`))
			proxy.Spoil(faultproxy.Twice(test.fault)...)
			got, err := fetch(t.Context(), t, proxy.URL)
			if err == nil || got != "" {
				t.Fatalf("fetch returned %q, %v; want an error", got, err)
			}
			faultproxy.WantFailure(t, err, test.class, test.reason)
			if strings.Contains(err.Error(), value) || !strings.Contains(err.Error(), id) {
				t.Errorf("the error is %v; want the secret's id in it, and nothing of its value", err)
			}
		})
	}
}

func TestFetchKeepsTheDeadline(t *testing.T) {
	proxy := faultproxy.Before(t, answering(`{}`))
	proxy.Spoil(faultproxy.Hang)
	faultproxy.WantDeadline(t, awssdk.AttemptTimeout/4, awssdk.ReasonOver, func(ctx context.Context) error {
		_, err := fetch(ctx, t, proxy.URL)
		return err
	})
}
