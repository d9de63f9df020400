// Function pagerduty opens and resolves incidents in PagerDuty.
package main

import (
	"time"

	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/aws/function"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring/pagerdutyworker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadPagerDuty(stack.Source)
	if err != nil {
		return nil, err
	}
	engine, err := stack.Engine(s.Common, pagerdutyworker.Queues...)
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.PagerDutyRoutingKeyID)
	if err != nil {
		return nil, err
	}
	keys := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseRoutingKeys, s.SecretMaxAge, time.Now)
	return awslambda.Worker(pagerdutyworker.New(engine, s, pagerduty.New(s.EventsURL, keys))), nil
}
