// Function purge deletes what is kept of connections whose data must go.
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
	records, deletions, err := stack.Records()
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.Purge, queue.Purge.DeadLetter(), queue.Slack, queue.PagerDuty)
	if err != nil {
		return nil, err
	}
	messages, err := slackMessages(stack, s)
	if err != nil {
		return nil, err
	}
	purge := &deletion.Purge{
		Records:   records,
		Deletions: deletions,
		Messages:  messages,
		Notifier: &deletion.Notifier{
			Stack: s.Stack, Routes: s.Routes, Queues: queues, Copies: deletion.StopCopies, Now: time.Now,
		},
		Elsewhere:       deletion.Elsewhere{AWS: true, LogRetention: logRetention},
		RecordRetention: s.RecordRetention,
		Copies:          deletion.PurgeCopies,
		Now:             time.Now,
	}
	return stack.Handler(function.Worker{
		Queue: queue.Purge, Unit: "purge", Chore: purge, Queues: queues, MaxAge: deletion.MaxMessageAge, Common: s.Common,
	}), nil
}

// slackMessages is nil where Slack messages are to stay.
func slackMessages(stack function.Stack, s settings.Purge) (deletion.Messages, error) {
	secretID, err := stack.Resource(function.SlackBotTokenID)
	if err != nil || !s.DeleteSlackMessages {
		return nil, err
	}
	token := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseToken, s.SecretMaxAge, time.Now)
	return slack.New(s.APIURL, token), nil
}
