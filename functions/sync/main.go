// Function sync looks at connections, and tells how they do.
package main

import (
	_ "time/tzdata" // ReconcileTimeZone, whatever the function's image has

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/credential"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/mirrorworker"
	"revento-alerts/shared/wiring/syncworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadSync(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, syncworker.Queues...)
	if err != nil {
		return nil, err
	}
	table, err := stack.Resource(function.DeliveriesTable)
	if err != nil {
		return nil, err
	}
	engine.Ledger = dynamodb.NewLedger(stack.AWS, table)
	secrets, err := credential.Of(stack, s.SecretMaxAge)
	if err != nil {
		return nil, err
	}
	seeds, err := stack.Resource(function.SeedsTable)
	if err != nil {
		return nil, err
	}
	noPages := consent.PublicURL{} // it takes no consents
	asks := asking.New(engine, s.Connections, noPages, secrets, nil)
	asks.Rows = mirrorworker.Rows(engine, secrets.Rings, dynamodb.NewSeeds(stack.AWS, seeds))
	return awslambda.Worker(syncworker.New(engine, s.Connections, s.Tells, asks)), nil
}
