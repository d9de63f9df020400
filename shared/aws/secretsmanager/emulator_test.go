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

// Of two who change a value at the same time the second must not undo what the first did.
func TestAChangeOverwritesNoOther(t *testing.T) {
	config := emulators.Patient(t)
	client := sdk.NewFromConfig(config)
	name := "test-" + rand.Text()
	if _, err := client.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	adds := func(word string, meanwhile func()) error {
		return Change(t.Context(), config, name, func(value string) (string, error) {
			if meanwhile != nil {
				meanwhile()
			}
			return word + value, nil
		})
	}
	wants := func(want string) {
		t.Helper()
		if got, err := Fetch(config, name)(t.Context()); err != nil || got != want {
			t.Errorf("the secret is %q, %v; want %q", got, err, want)
		}
	}
	for _, step := range []struct{ word, want string }{{"a", "a"}, {"b", "ba"}, {"c", "cba"}} {
		if err := adds(step.word, nil); err != nil {
			t.Fatal(err)
		}
		wants(step.want)
	}
	err := adds("x", func() {
		if err := adds("d", nil); err != nil {
			t.Fatal(err)
		}
	})
	if err == nil || !strings.Contains(err.Error(), "run it again") || strings.Contains(err.Error(), "xcba") {
		t.Errorf("the error is %v", err)
	}
	wants("dcba")
	refused := errors.New("no")
	if err := Change(t.Context(), config, name, func(string) (string, error) { return "", refused }); !errors.Is(err, refused) {
		t.Errorf("the error is %v", err)
	}
	wants("dcba")
}
