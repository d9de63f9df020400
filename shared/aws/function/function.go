// Package function is what the Lambda functions' mains share: starting, and finding the stack's resources.
package function

import (
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
)

// The variables that name the stack's resources.
const (
	DeliveriesTable       = "DELIVERIES_TABLE"
	RecordsTable          = "RECORDS_TABLE"
	DeletionsTable        = "DELETIONS_TABLE"
	SeedsTable            = "SEEDS_TABLE"
	WebhookSecretsID      = "WEBHOOK_SECRETS_ID"
	SlackBotTokenID       = "SLACK_BOT_TOKEN_ID"
	PagerDutyRoutingKeyID = "PAGERDUTY_ROUTING_KEY_ID"
	ReventoClientSecretID = "REVENTO_CLIENT_SECRET_ID"
	SealingKeysID         = "SEALING_KEYS_ID"

	queueSuffix = "_QUEUE_URL"
)

// Start runs the function that wire builds, or ends the process with a log line that says what to mend.
func Start(wire func(Stack) (handler any, err error)) {
	handler, err := build(wire)
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("start", slog.String("error", err.Error()))
		os.Exit(1)
	}
	lambda.Start(handler)
}

func build(wire func(Stack) (any, error)) (any, error) {
	if err := settings.CheckNames(os.Environ()); err != nil {
		return nil, err
	}
	config, err := awssdk.FromEnvironment()
	if err != nil {
		return nil, err
	}
	return wire(Stack{AWS: config, Source: os.LookupEnv})
}

// Stack is what a function runs in.
type Stack struct {
	AWS    aws.Config
	Source settings.Source
}

// Resource returns the name of a resource of the stack. Its error names the variable that is missing.
func (s Stack) Resource(variable string) (string, error) {
	return settings.Resource(s.Source, variable)
}

// Engine returns what a worker works on, with the queues named. Its error names the variable that is missing.
func (s Stack) Engine(common settings.Common, names ...queue.Name) (wiring.Engine, error) {
	records, err := s.Resource(RecordsTable)
	if err != nil {
		return wiring.Engine{}, err
	}
	deletions, err := s.Resource(DeletionsTable)
	if err != nil {
		return wiring.Engine{}, err
	}
	queues, err := s.Queues(names...)
	if err != nil {
		return wiring.Engine{}, err
	}
	return wiring.Engine{
		Records:      dynamodb.NewRecords(s.AWS, records, deletions),
		Deletions:    dynamodb.NewDeletions(s.AWS, deletions),
		Queues:       queues,
		Installation: installation.OnStack(common.Stack),
		Log:          s.Log(common),
		Now:          time.Now,
	}, nil
}

// Seeds returns the table of seeds; false where connections are off and there is none.
func (s Stack) Seeds() (seeds *dynamodb.Seeds, are bool) {
	table, err := s.Resource(SeedsTable)
	if err != nil {
		return nil, false
	}
	return dynamodb.NewSeeds(s.AWS, table), true
}

// Queues returns the queues named. Its error names the variable that is missing.
func (s Stack) Queues(names ...queue.Name) (*sqs.Queues, error) {
	urls := make(map[queue.Name]string, len(names))
	for _, name := range names {
		url, err := s.Resource(queueVariable(name))
		if err != nil {
			return nil, err
		}
		urls[name] = url
	}
	return sqs.New(s.AWS, urls), nil
}

// queueVariable is the variable that holds a queue's URL: "slack-dead-letter" is in SLACK_DEAD_LETTER_QUEUE_URL.
func queueVariable(name queue.Name) string {
	return strings.ReplaceAll(strings.ToUpper(string(name)), "-", "_") + queueSuffix
}

// Log returns the function's logger, whose lines carry metrics.
func (s Stack) Log(common settings.Common) *telemetry.Logger {
	return telemetry.New(os.Stdout, telemetry.Options{Level: common.LogLevel, Stack: common.Stack, Metrics: true})
}
