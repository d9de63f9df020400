// Function pagerduty opens and resolves incidents in PagerDuty.
package main

import (
	"time"

	"revento-alerts/shared/deletion"
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
	records, deletions, err := stack.Records()
	if err != nil {
		return nil, err
	}
	secretID, err := stack.Resource(function.PagerDutyRoutingKeyID)
	if err != nil {
		return nil, err
	}
	queues, err := stack.Queues(queue.PagerDuty, queue.PagerDuty.DeadLetter(), queue.Deletion)
	if err != nil {
		return nil, err
	}
	keys := secret.NewHolder(secretsmanager.Fetch(stack.AWS, secretID), secret.ParseRoutingKeys, s.SecretMaxAge, time.Now)
	task := &incident.Task{
		Pager:     pagerduty.New(s.EventsURL, keys),
		Records:   records,
		Deletions: deletions,
		Display:   s.Display,
		Now:       time.Now,
	}
	return stack.Handler(function.Worker{
		Queue:  queue.PagerDuty,
		Unit:   "alert",
		Chore:  worker.Alerts(&deletion.Gate{Task: task, Deletions: deletions, Queues: queues}),
		Queues: queues,
		MaxAge: s.MaxAlertAge,
		Common: s.Common,
	}), nil
}
