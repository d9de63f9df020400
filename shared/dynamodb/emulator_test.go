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
	return table(t, &sdk.CreateTableInput{KeySchema: keys(attrDeliveryID)}, attrDeliveryID)
}

// records makes a records table, or a deletions table, which has the same keys and needs no index.
func records(t *testing.T) (name string) {
	t.Helper()
	return table(t, &sdk.CreateTableInput{
		KeySchema: keys(attrPartition, attrSort),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(indexPending),
			KeySchema:  keys(attrPending, attrSort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	}, attrPartition, attrSort, attrPending)
}

// keys are a partition key and a sort key, if there is one.
func keys(attributes ...string) []types.KeySchemaElement {
	var elements []types.KeySchemaElement
	for i := range attributes {
		kind := []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i]
		elements = append(elements, types.KeySchemaElement{AttributeName: &attributes[i], KeyType: kind})
	}
	return elements
}

// table makes a table whose keys are the attributes.
func table(t *testing.T, input *sdk.CreateTableInput, attributes ...string) (name string) {
	t.Helper()
	name = "test-" + rand.Text()
	input.TableName, input.BillingMode = &name, types.BillingModePayPerRequest
	for i := range attributes {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &attributes[i], AttributeType: types.ScalarAttributeTypeS})
	}
	if _, err := sdk.NewFromConfig(patient(t)).CreateTable(t.Context(), input); err != nil {
		t.Fatalf("make a table: %v", err)
	}
	return name
}
