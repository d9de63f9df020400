// Package awslambda translates between Lambda's events and the rules. On one machine, serve calls the same handlers with the
// same events.
package awslambda

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/revento"
)

// Request and Response are what API Gateway sends to a function and takes back.
type (
	Request  = events.APIGatewayV2HTTPRequest
	Response = events.APIGatewayV2HTTPResponse
)

// GatewayHandler answers events of an API Gateway HTTP API, payload format 2.0.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type GatewayHandler func(context.Context, Request) (Response, error)

// Ingest handles deliveries. Other paths answer 404, other methods 405.
func Ingest(in *ingest.Ingest) GatewayHandler { return Webhook{in}.Handle }

// Webhook answers what is posted to the webhook's path, and refuses the rest.
type Webhook struct{ Ingest *ingest.Ingest }

// Handle is a GatewayHandler. Its error is always nil.
func (w Webhook) Handle(ctx context.Context, event Request) (Response, error) {
	if refusal, refused := w.unmatched(ctx, event); refused {
		return refusal, nil
	}
	return answer(w.Ingest.Handle(ctx, request(event))), nil
}

// Screen says whether the request is refused before its body of so many bytes is read, -1 where that is not known, and with
// what answer. API Gateway reads bodies itself: it is for one machine.
func (w Webhook) Screen(ctx context.Context, event Request, size int64) (Response, bool) {
	if refusal, refused := w.unmatched(ctx, event); refused {
		return refusal, true
	}
	reply, refused := w.Ingest.Screen(ctx, request(event), size)
	return answer(reply), refused
}

// Refuse tells of a request that the transport refuses, and returns the answer.
func (w Webhook) Refuse(ctx context.Context, event Request, status ingest.Status, reason string,
) Response {
	return answer(w.Ingest.Refuse(ctx, request(event), status, reason))
}

// messages are what somebody should know who asked for what is not there.
var messages = map[ingest.Status]string{
	ingest.NotFound:         "deliveries go to POST " + ingest.Path,
	ingest.MethodNotAllowed: "deliveries are posted",
}

// unmatched refuses what is no delivery.
func (w Webhook) unmatched(ctx context.Context, event Request) (Response, bool) {
	var status ingest.Status
	switch {
	case !isWebhook(event):
		status = ingest.NotFound
	case event.RequestContext.HTTP.Method != http.MethodPost:
		status = ingest.MethodNotAllowed
	default:
		return Response{}, false
	}
	return w.Refuse(ctx, event, status, messages[status]), true
}

// isWebhook says whether the path is the webhook's, to the letter. Before it may stand the name of a stage that is not the
// default one, or the key of a custom domain's mapping, of which the event tells nothing: but then API Gateway has matched the
// route. https://github.com/aws-powertools/powertools-lambda-python/issues/621 shows a stage's rawPath.
func isWebhook(event Request) bool {
	prefix, ok := strings.CutSuffix(event.RawPath, ingest.Path)
	if !ok || prefix == "" {
		return ok
	}
	stage := event.RequestContext.Stage
	_, route, _ := strings.Cut(event.RouteKey, " ")
	return stage != defaultStage && prefix == "/"+stage || route == ingest.Path && isMapping(prefix)
}

// isMapping says whether a path can be the key of a mapping: whole segments, of which none is encoded.
func isMapping(prefix string) bool {
	return len(prefix) > 1 && path.Clean(prefix) == prefix && path.IsAbs(prefix) && !strings.Contains(prefix, "%")
}

func request(event Request) ingest.Request {
	return ingest.Request{
		Event:      header(event, revento.HeaderEvent),
		DeliveryID: header(event, revento.HeaderDeliveryID),
		Timestamp:  header(event, revento.HeaderTimestamp),
		Signature:  header(event, revento.HeaderSignature),
		Body:       ingest.Body{Text: event.Body, Base64: event.IsBase64Encoded},
		Sender:     event.RequestContext.HTTP.SourceIP,
	}
}

// header returns a header's value, whatever the case of its name: AWS sends lower case, sam local title case. Names that differ
// only in case are joined by commas, as API Gateway joins repeated headers.
func header(event Request, name string) string {
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

// reply is the body of every answer.
type reply struct {
	Status     ingest.Status `json:"status"`
	DeliveryID string        `json:"delivery_id,omitempty"`
	Message    string        `json:"message,omitempty"`
}

func answer(r ingest.Reply) Response {
	headers := map[string]string{"Content-Type": "application/json"}
	if r.RetryAfter > 0 {
		headers["Retry-After"] = strconv.Itoa(int(math.Ceil(r.RetryAfter.Seconds())))
	}
	if r.Status == ingest.MethodNotAllowed {
		headers["Allow"] = http.MethodPost
	}
	text, err := json.Marshal(reply{Status: r.Status, DeliveryID: r.DeliveryID, Message: messages[r.Status]})
	if err != nil {
		panic("awslambda: a reply of plain strings cannot fail to encode: " + err.Error())
	}
	return Response{StatusCode: r.Status.Code(), Headers: headers, Body: string(text)}
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
