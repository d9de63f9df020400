//go:build emulators

package secretsmanager

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"revento-alerts/shared/ground/secret"
	"revento-alerts/test/emulators"
)

// TestASecretsLife follows a secret from the stack's creation to its first rotation.
func TestASecretsLife(t *testing.T) {
	config := emulators.Patient(t)
	client := sdk.NewFromConfig(config)
	name := "test-" + rand.Text()
	fetch := Fetch(config, name)

	isEmpty := func(when string) {
		t.Helper()
		if _, err := fetch(t.Context()); !errors.Is(err, secret.ErrEmpty) || !strings.Contains(err.Error(), name) {
			t.Fatalf("%s: the error is %v, want %v with the secret's id", when, err, secret.ErrEmpty)
		}
	}
	isEmpty("before it is there")
	if _, err := client.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	isEmpty("before it is filled in")
	for _, value := range []string{"first", "second"} {
		if _, err := client.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &name, SecretString: &value}); err != nil {
			t.Fatal(err)
		}
		if got, err := fetch(t.Context()); err != nil || got != value {
			t.Fatalf("fetch returned %q, %v; want %q", got, err, value)
		}
	}
}
