package awslambda

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// routeAnyMethod begins the route key of the template's route, which takes every method.
const routeAnyMethod = "ANY "

// defaultStage is served at the root: its name is in no path.
const defaultStage = "$default"

// GatewayEvent is the event that an API Gateway HTTP API makes of a request, payload format 2.0: header names in lower case,
// repeated headers joined by commas, the body in base64 unless its content type is text.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func GatewayEvent(method, path string, header http.Header, body []byte, requestID string, now time.Time) events.APIGatewayV2HTTPRequest {
	headers := make(map[string]string, len(header))
	for name, values := range header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	event := events.APIGatewayV2HTTPRequest{
		Version:  "2.0",
		RouteKey: routeAnyMethod + path,
		RawPath:  path,
		Headers:  headers,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: requestID,
			RouteKey:  routeAnyMethod + path,
			Stage:     defaultStage,
			TimeEpoch: now.UnixMilli(),
			HTTP:      events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path, Protocol: "HTTP/1.1"},
		},
		Body: string(body),
	}
	if !isText(header.Get("Content-Type")) || !utf8.Valid(body) {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

func isText(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch mediaType {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}
