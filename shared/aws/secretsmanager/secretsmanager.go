// Package secretsmanager reads secrets from AWS Secrets Manager.
package secretsmanager

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/secret"
)

// Fetch reads the current value (AWSCURRENT) of the secret id, a name or an ARN. It returns secret.ErrEmpty, with the id,
// where nobody has put a value into the secret yet. No error holds any part of a value.
func Fetch(config aws.Config, id string) secret.Fetch {
	client := sdk.NewFromConfig(config)
	return func(ctx context.Context) (string, error) {
		value, _, err := current(ctx, client, id)
		return value, err
	}
}

// stageCurrent is the label of the version that is read.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
const stageCurrent = "AWSCURRENT"

// current returns the secret's value, and its version's id.
func current(ctx context.Context, client *sdk.Client, id string) (value, version string, err error) {
	got, err := client.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: &id, VersionStage: aws.String(stageCurrent)})
	if err != nil {
		return "", "", failure(ctx, id, err)
	}
	value = aws.ToString(got.SecretString)
	if value == "" {
		value = string(got.SecretBinary) // where it was filled in from a file, as bytes
	}
	if value == "" {
		err = empty(id)
	}
	return value, aws.ToString(got.VersionId), err
}

// failure counts a secret without a value as empty. A secret that is not there gets the same answer, and asks for the same
// of a person.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func failure(ctx context.Context, id string, err error) error {
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return empty(id)
	}
	return awssdk.Failure(ctx, fmt.Sprintf("read the secret %s", id), err)
}

func empty(id string) error { return fmt.Errorf("%w: put a value into %s", secret.ErrEmpty, id) }
