package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/connection/consent"
)

// Pages answers events of an API Gateway HTTP API by an http.Handler. Cookies come and go apart from the headers, and repeated headers in
// one, as payload format 2.0 has it; there is no other way to set two cookies.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
//
// The pages are at the root of the public URL, and so of the stage $default.
func Pages(handler http.Handler) GatewayHandler {
	return func(ctx context.Context, event Request) (Response, error) {
		request, err := requestOf(ctx, event)
		if err != nil {
			return answer(ingest.Reply{Status: ingest.Malformed}), nil
		}
		written := &writer{header: http.Header{}}
		handler.ServeHTTP(written, request)
		return written.response(), nil
	}
}

// stageVariable is the stage's variable that tells where the pages are. The function cannot name the API in a variable of its own: the API
// names the function, and CloudFormation could make neither.
const stageVariable = "public_url"

// PagesOfStage is Pages for a function that is told in each event where its pages are. Its error, which fails the invocation, says that an
// event does not tell: nothing that a browser sends stands in for it.
func PagesOfStage(pages func(public consent.PublicURL) http.Handler) GatewayHandler {
	var at keptPages
	return func(ctx context.Context, event Request) (Response, error) {
		public, err := consent.ParsePublicURL(event.StageVariables[stageVariable])
		if err != nil {
			return Response{}, fmt.Errorf("the stage's variable %s is %q: %w", stageVariable, event.StageVariables[stageVariable], err)
		}
		return at.get(public, pages)(ctx, event)
	}
}

// keptPages are the pages of one public URL, which are made at the first request and again where the URL has changed.
type keptPages struct {
	mu     sync.Mutex
	public consent.PublicURL
	handle GatewayHandler
}

func (k *keptPages) get(public consent.PublicURL, pages func(consent.PublicURL) http.Handler) GatewayHandler {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.handle == nil || k.public != public {
		k.public, k.handle = public, Pages(pages(public))
	}
	return k.handle
}

// requestOf is the request that an event was made of.
func requestOf(ctx context.Context, event Request) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fmt.Errorf("decode the body: %w", err)
		}
		body = decoded
	}
	address := url.URL{Path: event.RawPath, RawQuery: event.RawQueryString}
	request, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.URL, request.RequestURI = &address, address.RequestURI()
	request.RemoteAddr = event.RequestContext.HTTP.SourceIP
	for name, value := range event.Headers {
		request.Header.Add(name, value)
	}
	if len(event.Cookies) > 0 {
		request.Header.Set("Cookie", strings.Join(event.Cookies, "; "))
	}
	// As in every request of net/http's, Host is no header.
	if request.Host = request.Header.Get("Host"); request.Host == "" {
		request.Host = event.RequestContext.DomainName
	}
	request.Header.Del("Host")
	return request, nil
}

// writer is an http.ResponseWriter that keeps what is written.
type writer struct {
	header http.Header
	status int         // 0 until it is written
	sent   http.Header // as they were then
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if isInformational := status < http.StatusOK; w.status == 0 && !isInformational {
		w.status, w.sent = status, w.header.Clone()
	}
}

// Write implements http.ResponseWriter. As net/http does, it says of what type a body is, where nobody has.
func (w *writer) Write(text []byte) (int, error) {
	if w.status == 0 && w.header.Get("Content-Type") == "" {
		w.header.Set("Content-Type", http.DetectContentType(text))
	}
	w.WriteHeader(http.StatusOK)
	return w.body.Write(text)
}

// response is what API Gateway takes back. A body that is no text is in base64, or it would not arrive as it is.
func (w *writer) response() Response {
	w.WriteHeader(http.StatusOK)
	made := Response{StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent.Values("Set-Cookie"), Body: w.body.String()}
	w.sent.Del("Set-Cookie")
	for name, values := range w.sent {
		made.Headers[name] = strings.Join(values, ", ")
	}
	if w.body.Len() > 0 && (!isText(w.sent.Get("Content-Type")) || !utf8.Valid(w.body.Bytes())) {
		made.Body, made.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return made
}
