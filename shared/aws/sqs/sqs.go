// Package sqs is the queues on Amazon SQS. Functions send and defer; receiving is Lambda's there, and here the operator's
// commands'.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/fault"
)

var (
	_ queue.Queues  = (*Queues)(nil)
	_ queue.Batcher = (*Queues)(nil)
)

// Queues is the queues whose URLs are known.
type Queues struct {
	client *sdk.Client
	urls   map[queue.Name]string
	// receiveWait is how long Receive waits for a message, in seconds.
	receiveWait int32
}

// longPoll makes SQS look on all its servers. Without a wait it looks on some, and may find nothing where there is
// something.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
const longPoll = 1 // s

// New returns the queues with these URLs, dead-letter queues included. It makes no call.
func New(config aws.Config, urls map[queue.Name]string) *Queues {
	return &Queues{client: sdk.NewFromConfig(config), urls: urls, receiveWait: longPoll}
}

// url returns a queue's URL.
func (q *Queues) url(name queue.Name) (*string, error) {
	url, ok := q.urls[name]
	if !ok {
		return nil, fmt.Errorf("no URL is configured for the queue %s", name)
	}
	return &url, nil
}

// Send implements queue.Sender in one request, which carries the trace of the invocation that ctx belongs to.
func (q *Queues) Send(ctx context.Context, name queue.Name, message queue.Message) error {
	url, err := q.url(name)
	if err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, &sdk.SendMessageInput{
		QueueUrl:                url,
		MessageBody:             &message.Body,
		MessageGroupId:          unlessEmpty(message.Group),
		MessageDeduplicationId:  unlessEmpty(message.DeduplicationID),
		MessageAttributes:       attributes(message.Attributes),
		MessageSystemAttributes: trace(ctx),
		DelaySeconds:            seconds(message.Delay),
	})
	if err != nil {
		return awssdk.Failure(ctx, "send to the queue "+string(name), err)
	}
	return nil
}

func unlessEmpty(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// seconds rounds up: earlier than asked for is wrong, later is not.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// dataType is SQS' name for text.
const dataType = "String"

func attributes(values map[string]string) map[string]types.MessageAttributeValue {
	made := make(map[string]types.MessageAttributeValue, len(values))
	for name, value := range values {
		made[name] = types.MessageAttributeValue{DataType: aws.String(dataType), StringValue: &value}
	}
	return made
}

// traceContextKey is the key under which aws-lambda-go keeps the invocation's X-Ray trace header.
const traceContextKey = "x-amzn-trace-id"

// trace hands the trace on, so that X-Ray shows the worker's invocation behind ingest's. It does not count towards the
// message's size. https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
func trace(ctx context.Context) map[string]types.MessageSystemAttributeValue {
	header, _ := ctx.Value(traceContextKey).(string)
	if header == "" {
		return nil
	}
	return map[string]types.MessageSystemAttributeValue{
		string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: aws.String(dataType), StringValue: &header},
	}
}

// ChangeVisibility implements queue.Deferrer.
func (q *Queues) ChangeVisibility(ctx context.Context, name queue.Name, handle string, d time.Duration) error {
	if err := queue.CheckVisibility(d); err != nil {
		return err
	}
	url, err := q.url(name)
	if err != nil {
		return err
	}
	_, err = q.client.ChangeMessageVisibility(ctx, &sdk.ChangeMessageVisibilityInput{
		QueueUrl:          url,
		ReceiptHandle:     &handle,
		VisibilityTimeout: seconds(d),
	})
	return settled(ctx, "change a message's visibility in the queue "+string(name), err)
}

// ChangeVisibilityBatch implements queue.Batcher. Of the messages that SQS did not change, the first's failure is returned.
func (q *Queues) ChangeVisibilityBatch(ctx context.Context, name queue.Name, handles []string, d time.Duration) error {
	if err := queue.CheckVisibility(d); err != nil {
		return err
	}
	url, err := q.url(name)
	if err != nil {
		return err
	}
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(handles))
	for i, handle := range handles {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &handle, VisibilityTimeout: seconds(d),
		}
	}
	op := "change the visibility of messages in the queue " + string(name)
	done, err := q.client.ChangeMessageVisibilityBatch(ctx, &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: entries})
	if err != nil {
		return awssdk.Failure(ctx, op, err)
	}
	for _, failed := range done.Failed {
		err := settled(ctx, op, &smithy.GenericAPIError{Code: aws.ToString(failed.Code), Message: aws.ToString(failed.Message)})
		if !errors.Is(err, queue.ErrHandle) {
			return err
		}
	}
	return nil
}

// Receive implements queue.Receiver. It waits up to a second for a message, so that a client with the functions' shorter
// AttemptTimeout cannot use it; the operator's commands have the SDK's default configuration, which sets none.
func (q *Queues) Receive(ctx context.Context, name queue.Name, visibility time.Duration) (queue.Received, bool, error) {
	batch, err := q.receive(ctx, name, visibility, 1)
	if err != nil || len(batch) == 0 {
		return queue.Received{}, false, err
	}
	return batch[0], true, nil
}

// ReceiveBatch implements queue.Batcher, and waits as Receive does.
func (q *Queues) ReceiveBatch(ctx context.Context, name queue.Name, visibility time.Duration) ([]queue.Received, error) {
	return q.receive(ctx, name, visibility, queue.BatchSize)
}

func (q *Queues) receive(ctx context.Context, name queue.Name, visibility time.Duration, most int32) ([]queue.Received, error) {
	if err := queue.CheckVisibility(visibility); err != nil {
		return nil, err
	}
	url, err := q.url(name)
	if err != nil {
		return nil, err
	}
	op := "receive from the queue " + string(name)
	got, err := q.client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         most,
		VisibilityTimeout:           seconds(visibility),
		WaitTimeSeconds:             q.receiveWait,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return nil, awssdk.Failure(ctx, op, err)
	}
	batch := make([]queue.Received, len(got.Messages))
	for i, message := range got.Messages {
		if batch[i], err = received(name, message); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
	}
	return batch, nil
}

func received(name queue.Name, message types.Message) (queue.Received, error) {
	receives, err := strconv.Atoi(message.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return queue.Received{}, fmt.Errorf("the message's receive count: %w", err)
	}
	sentAt, err := moment(message, types.MessageSystemAttributeNameSentTimestamp)
	if err != nil {
		return queue.Received{}, fmt.Errorf("the message's moment of sending: %w", err)
	}
	firstReceivedAt, err := moment(message, types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp)
	if err != nil {
		return queue.Received{}, fmt.Errorf("the moment of the message's first receipt: %w", err)
	}
	return queue.Received{
		Message: queue.Message{
			Body:            aws.ToString(message.Body),
			Group:           message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
			DeduplicationID: message.Attributes[string(types.MessageSystemAttributeNameMessageDeduplicationId)],
			Attributes:      values(message.MessageAttributes),
		},
		Queue:           name,
		ID:              aws.ToString(message.MessageId),
		Handle:          aws.ToString(message.ReceiptHandle),
		Receives:        receives,
		SentAt:          sentAt,
		FirstReceivedAt: firstReceivedAt,
	}, nil
}

// moment reads an attribute of milliseconds since 1970.
func moment(message types.Message, name types.MessageSystemAttributeName) (time.Time, error) {
	milliseconds, err := strconv.ParseInt(message.Attributes[string(name)], 10, 64)
	return time.UnixMilli(milliseconds).UTC(), err
}

func values(attributes map[string]types.MessageAttributeValue) map[string]string {
	if len(attributes) == 0 {
		return nil
	}
	read := make(map[string]string, len(attributes))
	for name, attribute := range attributes {
		read[name] = aws.ToString(attribute.StringValue)
	}
	return read
}

// Delete implements queue.Receiver. SQS tells a void handle in FIFO queues only.
func (q *Queues) Delete(ctx context.Context, name queue.Name, handle string) error {
	url, err := q.url(name)
	if err != nil {
		return err
	}
	_, err = q.client.DeleteMessage(ctx, &sdk.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &handle})
	return settled(ctx, "delete a message from the queue "+string(name), err)
}

// codesVoid answer a void handle. InvalidParameterValue's commonest cause by far is one, where only a handle and a checked
// visibility were sent; the other one, a visibility that ends later than MaxVisibility after the receipt, has the same effect:
// the message comes again when its present visibility ends. In a batch all of them come as codes.
var codesVoid = []string{"InvalidParameterValue", "ReceiptHandleIsInvalid", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"}

// settled is the result of a request on a message in flight.
func settled(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	_, invalid := errors.AsType[*types.ReceiptHandleIsInvalid](err)
	_, notInFlight := errors.AsType[*types.MessageNotInflight](err)
	failure := awssdk.Failure(ctx, op, err)
	if invalid || notInFlight || slices.Contains(codesVoid, fault.Of(failure).Reason) {
		return queue.ErrHandle
	}
	return failure
}

// Depth implements queue.Counter.
func (q *Queues) Depth(ctx context.Context, name queue.Name) (waiting, inFlight int, err error) {
	url, err := q.url(name)
	if err != nil {
		return 0, 0, err
	}
	const visible, delayed, hidden = types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible
	op := "count the messages of the queue " + string(name)
	got, err := q.client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{
		QueueUrl:       url,
		AttributeNames: []types.QueueAttributeName{visible, delayed, hidden},
	})
	if err != nil {
		return 0, 0, awssdk.Failure(ctx, op, err)
	}
	counts := map[types.QueueAttributeName]int{}
	for _, attribute := range []types.QueueAttributeName{visible, delayed, hidden} {
		if counts[attribute], err = strconv.Atoi(got.Attributes[string(attribute)]); err != nil {
			return 0, 0, fmt.Errorf("%s: %s: %w", op, attribute, err)
		}
	}
	return counts[visible] + counts[delayed], counts[hidden], nil
}
