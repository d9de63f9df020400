// Function mirror keeps what Revento knows of each connection: it hears webhooks, and judges what complete passes did not see.
package main

import (
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/mirrorworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadMirror(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, mirrorworker.Queues...)
	if err != nil {
		return nil, err
	}
	keysID, err := stack.Resource(function.SealingKeysID)
	if err != nil {
		return nil, err
	}
	seeds, err := stack.Resource(function.SeedsTable)
	if err != nil {
		return nil, err
	}
	rings := secret.NewHolder(secretsmanager.Fetch(stack.AWS, keysID), seal.Parse, s.SecretMaxAge, time.Now)
	table, err := stack.Resource(function.DeliveriesTable)
	if err != nil {
		return nil, err
	}
	engine.Ledger = dynamodb.NewLedger(stack.AWS, table)
	rows := mirrorworker.Rows(engine, rings, dynamodb.NewSeeds(stack.AWS, seeds))
	return awslambda.Worker(mirrorworker.New(engine, rows, mirrorworker.Judge(engine, rows, s.Tells))), nil
}
