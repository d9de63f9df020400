//go:build emulators

package dynamodb

import (
	"crypto/rand"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/awssdk"
)

// hurried is the functions' configuration, with the emulator that test/emulators/with started.
func hurried(t *testing.T) aws.Config {
	t.Helper()
	config, err := awssdk.FromEnvironment()
	if err != nil {
		t.Fatalf("run the tests with test/emulators/with: %v", err)
	}
	return config
}

// patient is hurried without the time-outs, since an emulator on a busy machine can be slower than the service.
func patient(t *testing.T) aws.Config {
	t.Helper()
	config := hurried(t)
	config.HTTPClient = awshttp.NewBuildableClient()
	return config
}

// deliveries makes a deliveries table, which the emulator forgets when it ends.
func deliveries(t *testing.T) (name string) {
	t.Helper()
	return table(t, types.KeySchemaElement{AttributeName: aws.String(attrDeliveryID), KeyType: types.KeyTypeHash})
}

// records makes a records table, or a deletions table, which has the same keys.
func records(t *testing.T) (name string) {
	t.Helper()
	return table(t,
		types.KeySchemaElement{AttributeName: aws.String(attrPartition), KeyType: types.KeyTypeHash},
		types.KeySchemaElement{AttributeName: aws.String(attrSort), KeyType: types.KeyTypeRange})
}

func table(t *testing.T, keys ...types.KeySchemaElement) (name string) {
	t.Helper()
	var attributes []types.AttributeDefinition
	for _, key := range keys {
		attributes = append(attributes,
			types.AttributeDefinition{AttributeName: key.AttributeName, AttributeType: types.ScalarAttributeTypeS})
	}
	name = "test-" + rand.Text()
	_, err := sdk.NewFromConfig(patient(t)).CreateTable(t.Context(), &sdk.CreateTableInput{
		TableName:            &name,
		AttributeDefinitions: attributes,
		KeySchema:            keys,
		BillingMode:          types.BillingModePayPerRequest,
	})
	if err != nil {
		t.Fatalf("make a table: %v", err)
	}
	return name
}
