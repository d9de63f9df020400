// Function slack posts alerts to Slack.
package main

import (
	"time"

	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/dynamodb"
	"revento-alerts/shared/function"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/secretsmanager"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/slack"
	"revento-alerts/shared/thread"
	"revento-alerts/shared/worker"
)

func main() { function.Start(wire) }

func wire(stack function.Stack) (any, error) {
	s, err := settings.LoadSlack(stack.Source)
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
	secretID, err := stack.Resource(function.SlackBotTokenID)
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.Slack, queue.Slack.DeadLetter())
	if err != nil {
		return nil, err
	}
	token := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseToken, s.SecretMaxAge, time.Now)
	return awslambda.Worker(&worker.Worker{
		Queue: queue.Slack,
		Task: &thread.Task{
			Slack:        slack.New(s.APIURL, token),
			Records:      dynamodb.NewRecords(stack.AWS, table, deletions),
			Display:      s.Display,
			PostInterval: s.PostInterval,
			Now:          time.Now,
		},
		Queues:      queues,
		MaxAlertAge: s.MaxAlertAge,
		Log:         stack.Log(s.Common),
		Now:         time.Now,
	}), nil
}
