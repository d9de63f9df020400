package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"revento-alerts/shared/cloudformation"
	"revento-alerts/shared/secret"
	"revento-alerts/shared/secretsmanager"
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
