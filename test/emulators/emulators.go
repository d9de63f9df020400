//go:build emulators

// Package emulators makes the product's tables and queues on the emulators that the script with, beside this, starts. Every test
// has its own; the emulators forget them when they end.
package emulators

import (
	"crypto/rand"
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awssdk"
)

// Hurried is the functions' configuration, for the emulators.
func Hurried(t *testing.T) aws.Config {
	t.Helper()
	config, err := awssdk.FromEnvironment()
	if err != nil {
		t.Fatalf("run the tests with test/emulators/with: %v", err)
	}
	return config
}

// Patient is Hurried without the time-outs, since an emulator on a busy machine can be slower than the service.
func Patient(t *testing.T) aws.Config {
	t.Helper()
	config := Hurried(t)
	config.HTTPClient = awshttp.NewBuildableClient()
	return config
}

// The keys of the tables, as in the template.
const (
	keyDelivery  = "delivery_id"
	keyPartition = "partition"
	keyLife      = "life"
	keySort      = "sort"
	keyPending   = "pending"
)

// Deliveries makes a deliveries table.
func Deliveries(t *testing.T) (name string) {
	t.Helper()
	return table(t, &dynamodb.CreateTableInput{KeySchema: keys(keyDelivery)}, keyDelivery)
}

// Deletions makes a deletions table.
func Deletions(t *testing.T) (name string) {
	t.Helper()
	return table(t, &dynamodb.CreateTableInput{KeySchema: keys(keyPartition, keySort)}, keyPartition, keySort)
}

// Records makes a records table with its index.
func Records(t *testing.T) (name string) {
	t.Helper()
	return table(t, &dynamodb.CreateTableInput{
		KeySchema: keys(keyPartition, keySort),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(keyPending),
			KeySchema:  keys(keyPending, keySort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	}, keyPartition, keySort, keyPending)
}

// Seeds makes a table of seeds.
func Seeds(t *testing.T) (name string) {
	t.Helper()
	return table(t, &dynamodb.CreateTableInput{KeySchema: keys(keyPartition, keyLife)}, keyPartition, keyLife)
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
func table(t *testing.T, input *dynamodb.CreateTableInput, attributes ...string) (name string) {
	t.Helper()
	name = "test-" + rand.Text()
	input.TableName, input.BillingMode = &name, types.BillingModePayPerRequest
	for i := range attributes {
		input.AttributeDefinitions = append(input.AttributeDefinitions,
			types.AttributeDefinition{AttributeName: &attributes[i], AttributeType: types.ScalarAttributeTypeS})
	}
	if _, err := dynamodb.NewFromConfig(Patient(t)).CreateTable(t.Context(), input); err != nil {
		t.Fatalf("make a table: %v", err)
	}
	return name
}

// Queues makes queues with their dead-letter queues, as the template does but for the receive limit, and returns their URLs.
func Queues(t *testing.T, maxReceives int, names ...queue.Name) (urls map[queue.Name]string) {
	t.Helper()
	client := sqs.NewFromConfig(Patient(t))
	prefix := "test-" + rand.Text()
	urls = map[queue.Name]string{}
	for _, name := range names {
		deadLetter := makeQueue(t, client, prefix, name.DeadLetter(), nil)
		redrive := fmt.Sprintf(`{"deadLetterTargetArn": %q, "maxReceiveCount": %d}`, arn(t, client, deadLetter), maxReceives)
		urls[name.DeadLetter()] = deadLetter
		urls[name] = makeQueue(t, client, prefix, name, map[string]string{"RedrivePolicy": redrive})
	}
	return urls
}

func makeQueue(t *testing.T, client *sqs.Client, prefix string, name queue.Name, attributes map[string]string) (url string) {
	t.Helper()
	full := prefix + "-" + string(name)
	all := map[string]string{
		"MaximumMessageSize":     strconv.Itoa(queue.MaxMessageBytes),
		"MessageRetentionPeriod": strconv.Itoa(int(queue.Retention / time.Second)),
	}
	maps.Copy(all, attributes)
	if name.IsFIFO() {
		full += ".fifo"
		all["FifoQueue"] = "true"
	}
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &full, Attributes: all})
	if err != nil {
		t.Fatalf("make a queue: %v", err)
	}
	return *made.QueueUrl
}

func arn(t *testing.T, client *sqs.Client, url string) string {
	t.Helper()
	wanted := []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}
	answer, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: wanted})
	if err != nil {
		t.Fatalf("ask for a queue's ARN: %v", err)
	}
	return answer.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
}
