package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/awslambda"
	"revento-alerts/shared/ingest"
)

// The limits of an API Gateway HTTP API.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
const maxHeaderBytes = 10_240

// The time limits of the server itself; a delivery's own are ingest's.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = readTimeout + ingest.FunctionTimeout
	idleTimeout       = time.Minute
)

// gateway is one machine's API Gateway: it makes the event of a request and hands it to the ingest function.
type gateway struct {
	handle    awslambda.GatewayHandler
	bodyLimit int
	now       func() time.Time
	log       *slog.Logger
}

// server serves the webhook. It is all that the public side has.
func (g *gateway) server() *http.Server {
	return &http.Server{
		Handler:           g,
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// ServeHTTP does not stop when the sender hangs up, as Lambda does not.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// One byte over the limit is enough for ingest to refuse the body.
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(g.bodyLimit)+1))
	if err != nil {
		http.Error(w, "the body ended early", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), ingest.FunctionTimeout)
	defer cancel()
	event := awslambda.GatewayEvent(r.Method, r.URL.EscapedPath(), r.Header, body, uuid.NewString(), g.now())
	response, err := g.handle(ctx, event)
	if err != nil {
		g.log.Error("invoke ingest", slog.String("error", err.Error()))
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(response.StatusCode)
	// The sender may be gone; there is nobody left to tell.
	_, _ = io.WriteString(w, response.Body)
}
