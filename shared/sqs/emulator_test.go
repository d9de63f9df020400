//go:build emulators

package sqs

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"revento-alerts/shared/awssdk"
	"revento-alerts/shared/queue"
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

// makeQueues makes queues of the test's own with their dead-letter queues, as the template does but for the receive limit.
func makeQueues(t *testing.T, maxReceives int, names ...queue.Name) (urls map[queue.Name]string) {
	t.Helper()
	client := sdk.NewFromConfig(patient(t))
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

func makeQueue(t *testing.T, client *sdk.Client, prefix string, name queue.Name, attributes map[string]string) (url string) {
	t.Helper()
	full := prefix + "-" + string(name)
	all := map[string]string{
		"MaximumMessageSize":     strconv.Itoa(queue.MaxMessageBytes),
		"MessageRetentionPeriod": strconv.Itoa(int(queue.Retention / time.Second)),
	}
	for attribute, value := range attributes {
		all[attribute] = value
	}
	if name.IsFIFO() {
		full += ".fifo"
		all["FifoQueue"] = "true"
	}
	made, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &full, Attributes: all})
	if err != nil {
		t.Fatalf("make a queue: %v", err)
	}
	return *made.QueueUrl
}

func arn(t *testing.T, client *sdk.Client, url string) string {
	t.Helper()
	got, err := client.GetQueueAttributes(t.Context(), &sdk.GetQueueAttributesInput{
		QueueUrl:       &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatalf("read a queue's attributes: %v", err)
	}
	return got.Attributes[string(types.QueueAttributeNameQueueArn)]
}
