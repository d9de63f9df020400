// Function slack posts alerts to Slack.
package main

import (
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/slackworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadSlack(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, slackworker.Queues...)
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.SlackBotTokenID)
	if err != nil {
		return nil, err
	}
	token := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseToken, s.SecretMaxAge, time.Now)
	return awslambda.Worker(slackworker.New(engine, s, slack.New(s.APIURL, token))), nil
}
