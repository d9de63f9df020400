// Function ingest takes deliveries in: it verifies, dedupes, hands off and answers.
package main

import (
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/webhook"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadIngest(stack.Source)
	if err != nil {
		return nil, err
	}
	table, err := stack.Resource(function.DeliveriesTable)
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.WebhookSecretsID)
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(webhook.Queues(s)...)
	if err != nil {
		return nil, err
	}
	engine := wiring.Engine{Ledger: dynamodb.NewLedger(stack.AWS, table), Queues: queues, Log: stack.Log(s.Common), Now: time.Now}
	for _, warning := range s.Warnings() {
		engine.Log.Slog().Warn(warning)
	}
	secrets := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseWebhook, s.SecretMaxAge, time.Now)
	return awslambda.Ingest(webhook.New(engine, s, secrets)), nil
}
