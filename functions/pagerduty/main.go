// Function pagerduty opens and resolves incidents in PagerDuty.
package main

import (
	"time"

	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/dynamodb"
	"revento-alerts/shared/function"
	"revento-alerts/shared/incident"
	"revento-alerts/shared/pagerduty"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/secretsmanager"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/worker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadPagerDuty(stack.Source)
	if err != nil {
		return nil, err
	}
	table, err := stack.Resource(function.RecordsTable)
	if err != nil {
		return nil, err
	}
	deletions, err := stack.Resource(function.DeletionsTable)
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.PagerDutyRoutingKeyID)
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.PagerDuty, queue.PagerDuty.DeadLetter())
	if err != nil {
		return nil, err
	}
	keys := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseRoutingKeys, s.SecretMaxAge, time.Now)
	return awslambda.Worker(&worker.Worker{
		Queue: queue.PagerDuty,
		Task: &incident.Task{
			Pager:   pagerduty.New(s.EventsURL, keys),
			Records: dynamodb.NewRecords(stack.AWS, table, deletions),
			Display: s.Display,
			Now:     time.Now,
		},
		Queues:      queues,
		MaxAlertAge: s.MaxAlertAge,
		Log:         stack.Log(s.Common),
		Now:         time.Now,
	}), nil
}
