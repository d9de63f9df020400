// Package awslambda translates between Lambda's events and the rules. On one machine, serve calls the same handlers with the
// same events.
package awslambda

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/ingest"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/worker"
)

// GatewayHandler answers events of an API Gateway HTTP API, payload format 2.0.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type GatewayHandler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Ingest handles deliveries. Other paths answer 404, other methods 405.
func Ingest(in *ingest.Ingest) GatewayHandler {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if event.RawPath != ingest.Path {
			return respond(http.StatusNotFound, nil, refusal{Status: "not_found", Message: "deliveries go to POST " + ingest.Path}), nil
		}
		if event.RequestContext.HTTP.Method != http.MethodPost {
			allow := map[string]string{"Allow": http.MethodPost}
			return respond(http.StatusMethodNotAllowed, allow, refusal{Status: "method_not_allowed", Message: "deliveries are posted"}), nil
		}
		return answer(in.Handle(ctx, request(event))), nil
	}
}

func request(event events.APIGatewayV2HTTPRequest) ingest.Request {
	return ingest.Request{
		Event:      header(event, revento.HeaderEvent),
		DeliveryID: header(event, revento.HeaderDeliveryID),
		Timestamp:  header(event, revento.HeaderTimestamp),
		Signature:  header(event, revento.HeaderSignature),
		Body:       ingest.Body{Text: event.Body, Base64: event.IsBase64Encoded},
	}
}

// header returns a header's value, whatever the case of its name: AWS sends lower case, sam local title case. Names that differ
// only in case are joined by commas, as API Gateway joins repeated headers.
func header(event events.APIGatewayV2HTTPRequest, name string) string {
	if value, ok := event.Headers[strings.ToLower(name)]; ok {
		return value
	}
	var values []string
	for other, value := range event.Headers {
		if strings.EqualFold(other, name) {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// reply is the body of every answer to a delivery.
type reply struct {
	Status     ingest.Status `json:"status"`
	DeliveryID string        `json:"delivery_id,omitempty"`
}

// refusal is the body of an answer to what is not a delivery.
type refusal struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func answer(r ingest.Reply) events.APIGatewayV2HTTPResponse {
	var headers map[string]string
	if r.RetryAfter > 0 {
		headers = map[string]string{"Retry-After": strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds())))}
	}
	return respond(r.Status.Code(), headers, reply{Status: r.Status, DeliveryID: r.DeliveryID})
}

func respond(code int, headers map[string]string, body any) events.APIGatewayV2HTTPResponse {
	text, err := json.Marshal(body)
	if err != nil {
		panic("awslambda: a reply of plain strings cannot fail to encode: " + err.Error())
	}
	if headers == nil {
		headers = map[string]string{}
	}
	headers["Content-Type"] = "application/json"
	return events.APIGatewayV2HTTPResponse{StatusCode: code, Headers: headers, Body: string(text)}
}

// QueueHandler works on events of an SQS event source mapping with ReportBatchItemFailures.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
type QueueHandler func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// Worker works on messages, one after another, and reports those that are to come again. After a failure the rest of the
// batch is left alone, so that a FIFO group's order stays; batches are of one message in our template.
func Worker(w *worker.Worker) QueueHandler {
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		// Never nil: Lambda takes a null list for full success.
		failures := []events.SQSBatchItemFailure{}
		for _, message := range event.Records {
			if len(failures) > 0 || !w.Handle(ctx, received(w.Queue, message)) {
				failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: message.MessageId})
			}
		}
		return events.SQSEventResponse{BatchItemFailures: failures}, nil
	}
}

// The names of an SQS message's system attributes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
const (
	attributeReceives      = "ApproximateReceiveCount"
	attributeSentAt        = "SentTimestamp"                    // milliseconds since 1970
	attributeFirstReceived = "ApproximateFirstReceiveTimestamp" // milliseconds since 1970
	attributeGroup         = "MessageGroupId"
	attributeDeduplication = "MessageDeduplicationId"
)

func received(name queue.Name, message events.SQSMessage) queue.Received {
	attributes := map[string]string{}
	for key, attribute := range message.MessageAttributes {
		if attribute.StringValue != nil {
			attributes[key] = *attribute.StringValue
		}
	}
	return queue.Received{
		Message: queue.Message{
			Body:            message.Body,
			Group:           message.Attributes[attributeGroup],
			DeduplicationID: message.Attributes[attributeDeduplication],
			Attributes:      attributes,
		},
		Queue:           name,
		ID:              message.MessageId,
		Handle:          message.ReceiptHandle,
		Receives:        max(int(number(message.Attributes[attributeReceives])), 1),
		SentAt:          time.UnixMilli(number(message.Attributes[attributeSentAt])).UTC(),
		FirstReceivedAt: moment(message.Attributes[attributeFirstReceived]),
	}
}

// moment is the zero time for an attribute that is missing.
func moment(milliseconds string) time.Time {
	if milliseconds == "" {
		return time.Time{}
	}
	return time.UnixMilli(number(milliseconds)).UTC()
}

// number reads an attribute that SQS always sets; a hand-made event may lack it.
func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return value
}

// EventOf is the event that Lambda makes of a received message.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func EventOf(r queue.Received) events.SQSEvent {
	attributes := map[string]string{
		attributeReceives: strconv.Itoa(r.Receives),
		attributeSentAt:   strconv.FormatInt(r.SentAt.UnixMilli(), 10),
	}
	if !r.FirstReceivedAt.IsZero() {
		attributes[attributeFirstReceived] = strconv.FormatInt(r.FirstReceivedAt.UnixMilli(), 10)
	}
	if r.Queue.IsFIFO() {
		attributes[attributeGroup], attributes[attributeDeduplication] = r.Group, r.DeduplicationID
	}
	message := events.SQSMessage{
		MessageId:         r.ID,
		ReceiptHandle:     r.Handle,
		Body:              r.Body,
		Attributes:        attributes,
		MessageAttributes: map[string]events.SQSMessageAttribute{},
		EventSource:       "aws:sqs",
	}
	for key, value := range r.Attributes {
		message.MessageAttributes[key] = events.SQSMessageAttribute{DataType: "String", StringValue: &value}
	}
	return events.SQSEvent{Records: []events.SQSMessage{message}}
}
