package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"revento-alerts/shared/api"
	"revento-alerts/shared/cloudformation"
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/dynamodb"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/secretsmanager"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/sqs"
)

// addStackFlag adds the flag that names a deployed stack.
func addStackFlag(command *cobra.Command, name *string) {
	command.Flags().StringVar(name, "stack", "", "name of a deployed stack, found with AWS' usual credentials and Region")
}

// outputWebhookURL is the stack's output that deliveries are posted to.
const outputWebhookURL = "WebhookUrl"

// secretWebhook is the name of the stack's webhook secret behind the stack's own.
const secretWebhook = "/webhook-secrets"

// deployed is a stack and how to reach what is in it.
type deployed struct {
	cloudformation.Stack
	aws aws.Config
}

func openStack(ctx context.Context, name string) (deployed, error) {
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return deployed{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return deployed{}, fmt.Errorf("no AWS Region is set: set AWS_REGION to the stack's")
	}
	stack, err := cloudformation.Read(ctx, loaded, name)
	if err != nil {
		return deployed{}, err
	}
	return deployed{Stack: stack, aws: loaded}, nil
}

// backend is what the operator sees of the stack.
func (d deployed) backend() (api.Backend, error) {
	s, err := settings.LoadDeletion(d.Source())
	if err != nil {
		return api.Backend{}, err
	}
	urls, err := d.queueURLs()
	if err != nil {
		return api.Backend{}, err
	}
	deletionsTable, err := d.Output("DeletionsTable")
	if err != nil {
		return api.Backend{}, err
	}
	queues := sqs.New(d.aws, urls)
	return api.Backend{
		Stack: d.Name,
		Deletions: &deletion.Operator{
			Deletions:       dynamodb.NewDeletions(d.aws, deletionsTable),
			Queues:          queues,
			Notifier:        &deletion.Notifier{Stack: d.Name, Routes: s.Routes, Queues: queues, Now: time.Now},
			RecordRetention: s.RecordRetention,
			Now:             time.Now,
		},
	}, nil
}

// queueURLs are the stack's queues, dead-letter queues among them.
func (d deployed) queueURLs() (map[queue.Name]string, error) {
	urls := map[queue.Name]string{}
	for _, name := range queue.Names {
		for _, name := range []queue.Name{name, name.DeadLetter()} {
			url, err := d.Output(queueOutput(name))
			if err != nil {
				return nil, err
			}
			urls[name] = url
		}
	}
	return urls, nil
}

// queueOutput is the output that names a queue's URL: "slack-dead-letter" is in SlackDeadLetterQueueUrl.
func queueOutput(name queue.Name) string {
	var output strings.Builder
	for part := range strings.SplitSeq(string(name), "-") {
		output.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return output.String() + "QueueUrl"
}

// webhookSecret is the newest of the stack's webhook secrets.
func (d deployed) webhookSecret(ctx context.Context) (string, error) {
	text, err := secretsmanager.Fetch(d.aws, d.Name+secretWebhook)(ctx)
	if err != nil {
		return "", err
	}
	secrets, err := secret.ParseWebhook(text)
	if err != nil {
		return "", err
	}
	return secrets[0], nil
}
