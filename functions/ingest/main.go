// Function ingest takes deliveries in: it verifies, dedupes, hands off and answers.
package main

import (
	"time"

	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/dynamodb"
	"revento-alerts/shared/function"
	"revento-alerts/shared/ingest"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/secretsmanager"
	"revento-alerts/shared/settings"
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
	queues, err := stack.Queues(queue.Slack, queue.PagerDuty, queue.Digest, queue.Deletion)
	if err != nil {
		return nil, err
	}
	log := stack.Log(s.Common)
	for _, warning := range s.Warnings() {
		log.Slog().Warn(warning)
	}
	return awslambda.Ingest(&ingest.Ingest{
		Stack:        s.Stack,
		Tolerance:    s.SignatureTolerance,
		BodyLimit:    s.BodyLimit,
		DedupeWindow: s.DedupeWindow,
		Routes:       s.Routes,
		Secrets:      secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseWebhook, s.SecretMaxAge, time.Now),
		Ledger:       dynamodb.NewLedger(stack.AWS, table),
		Queues:       queues,
		Log:          log,
		Now:          time.Now,
	}), nil
}
