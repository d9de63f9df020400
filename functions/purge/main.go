// Function purge deletes what is kept of connections whose data must go.
package main

import (
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/purgeworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadPurge(stack.Source)
	if err != nil {
		return nil, err
	}
	logRetention, err := settings.LogRetention(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, purgeworker.Queues...)
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.SlackBotTokenID)
	if err != nil {
		return nil, err
	}
	token := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseToken, s.SecretMaxAge, time.Now)
	keepers := deletion.OnAWS(deletion.Windows{Deliveries: s.DedupeWindow, Records: s.RecordRetention, Logs: logRetention})
	if seeds, are := stack.Seeds(); are {
		keepers = append(keepers, deletion.Seeds(seeds))
	}
	return awslambda.Worker(purgeworker.New(engine, s, slack.New(s.APIURL, token), purgeworker.Surroundings{Keepers: keepers})), nil
}
