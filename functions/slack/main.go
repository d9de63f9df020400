// Function slack posts alerts to Slack.
package main

import (
	"time"

	"revento-alerts/shared/deletion"
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
	records, deletions, err := stack.Records()
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.SlackBotTokenID)
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.Slack, queue.Slack.DeadLetter(), queue.Deletion)
	if err != nil {
		return nil, err
	}
	token := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseToken, s.SecretMaxAge, time.Now)
	task := &thread.Task{
		Slack:        slack.New(s.APIURL, token),
		Records:      records,
		Deletions:    deletions,
		Display:      s.Display,
		PostInterval: s.PostInterval,
		Now:          time.Now,
	}
	return stack.Handler(function.Worker{
		Queue:  queue.Slack,
		Unit:   "alert",
		Chore:  worker.Alerts(&deletion.Gate{Task: task, Deletions: deletions, Queues: queues}),
		Queues: queues,
		MaxAge: s.MaxAlertAge,
		Common: s.Common,
	}), nil
}
