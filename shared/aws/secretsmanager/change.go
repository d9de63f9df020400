package secretsmanager

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/secret"
)

// stageChanging is the label of a version that is to become the current one.
const stageChanging = "CHANGING"

// Change has the secret id, a name or an ARN, say what next makes of its value, "" where it has none. A value that somebody else writes
// meanwhile is not overwritten: the error names the remedy. No error holds any part of a value. It returns next's error as it is.
func Change(ctx context.Context, config aws.Config, id string, next func(value string) (string, error)) error {
	client := sdk.NewFromConfig(config)
	value, version, err := current(ctx, client, id)
	if err != nil && !errors.Is(err, secret.ErrEmpty) {
		return err
	}
	if value, err = next(value); err != nil {
		return err
	}
	put := &sdk.PutSecretValueInput{SecretId: &id, SecretString: &value}
	if version != "" {
		put.VersionStages = []string{stageChanging}
	} // the first version is the current one at once
	made, err := client.PutSecretValue(ctx, put)
	if err != nil {
		return awssdk.Failure(ctx, fmt.Sprintf("write the secret %s", id), err)
	}
	if version == "" {
		return nil
	}
	// It fails where the version that was read is not the current one any more.
	_, err = client.UpdateSecretVersionStage(ctx, &sdk.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: aws.String(stageCurrent), MoveToVersionId: made.VersionId, RemoveFromVersionId: &version,
	})
	if err != nil {
		return fmt.Errorf("%w: where somebody else changed it meanwhile, nothing was changed: run it again",
			awssdk.Failure(ctx, fmt.Sprintf("make the new value of the secret %s the current one", id), err))
	}
	return nil
}
