// Function web shows browsers of the public the pages on which an organizer connects an event.
package main

import (
	"net/http"
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/webpages"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadConnections(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common)
	if err != nil {
		return nil, err
	}
	secrets, err := secretsOf(stack, s)
	if err != nil {
		return nil, err
	}
	pages := func(public consent.PublicURL) http.Handler {
		return webpages.New(engine, s, public, asking.New(engine, s, public, secrets, nil))
	}
	if s.PublicURL.IsSet() {
		return awslambda.Pages(pages(s.PublicURL)), nil
	}
	return awslambda.PagesOfStage(pages), nil
}

// secretsOf are the client's secrets and the sealing keys. They are fetched when the first page needs them.
func secretsOf(stack function.Stack, s settings.Connections) (asking.Secrets, error) {
	clientID, err := stack.Resource(function.ReventoClientSecretID)
	if err != nil {
		return asking.Secrets{}, err
	}
	keysID, err := stack.Resource(function.SealingKeysID)
	if err != nil {
		return asking.Secrets{}, err
	}
	return asking.Secrets{
		Client: secret.NewHolder(secretsmanager.Fetch(stack.AWS, clientID), secret.ParseClient, s.SecretMaxAge, time.Now),
		Rings:  secret.NewHolder(secretsmanager.Fetch(stack.AWS, keysID), seal.Parse, s.SecretMaxAge, time.Now),
	}, nil
}
