// Package credential finds what the stack's functions ask Revento by: the client's secrets and the sealing keys, in Secrets Manager.
package credential

import (
	"time"

	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/wiring/asking"
)

// Of returns them; they are fetched when they are first needed, and again when they are older than maxAge. Its error names the variable
// that is missing.
func Of(stack function.Stack, maxAge time.Duration) (asking.Secrets, error) {
	clientID, err := stack.Resource(function.ReventoClientSecretID)
	if err != nil {
		return asking.Secrets{}, err
	}
	keysID, err := stack.Resource(function.SealingKeysID)
	if err != nil {
		return asking.Secrets{}, err
	}
	return asking.Secrets{
		Client: secret.NewHolder(secretsmanager.Fetch(stack.AWS, clientID), secret.ParseClient, maxAge, time.Now),
		Rings:  secret.NewHolder(secretsmanager.Fetch(stack.AWS, keysID), seal.Parse, maxAge, time.Now),
	}, nil
}
