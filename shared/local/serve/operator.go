package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"revento-alerts/shared/operate/access"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/console"
)

// The limits of the operator's server. A browser sends there every cookie that any program on this machine's loopback has set, so
// its headers can be long. The API gives its calls a longer time of their own.
const (
	operatorHeaderBytes  = 64 << 10
	operatorHeaderTime   = 5 * time.Second
	operatorReadTimeout  = 10 * time.Second
	operatorWriteTimeout = 20 * time.Second
	operatorIdleTimeout  = time.Minute
)

// cancelGrace is how long before the end of a stop's grace the calls of the API are cancelled, so that they can say so.
const cancelGrace = time.Second

// operatorSide is the console and its API, on a listener of their own.
type operatorSide struct {
	server *http.Server
	cancel context.CancelFunc
}

// newOperatorSide serves the operator on a listener, to who has the token; sandbox is nil where none runs.
func newOperatorSide(listener net.Listener, token string, calls, sandbox http.Handler, log *slog.Logger) *operatorSide {
	ctx, cancel := context.WithCancel(context.Background())
	return &operatorSide{cancel: cancel, server: &http.Server{
		Handler:           access.Guard(token, portOf(listener.Addr().String()), operatorPaths(calls, sandbox)),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		MaxHeaderBytes:    operatorHeaderBytes,
		ReadHeaderTimeout: operatorHeaderTime,
		ReadTimeout:       operatorReadTimeout,
		WriteTimeout:      operatorWriteTimeout,
		IdleTimeout:       operatorIdleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// Otherwise "OPTIONS *" is answered without asking the handler, and so without the token.
		DisableGeneralOptionsHandler: true,
	}}
}

// close takes no more calls, and returns once those at work have ended. They are cancelled shortly before a stop's grace is over.
func (s *operatorSide) close() error {
	defer s.cancel()
	defer time.AfterFunc(stopGrace-cancelGrace, s.cancel).Stop()
	return shut(s.server)
}

// operatorPaths are the API, the page and its files, and the sandbox's where one runs; all else is answered as the API answers it.
func operatorPaths(calls, sandbox http.Handler) http.Handler {
	page := console.Handler()
	mux := http.NewServeMux()
	mux.Handle(api.Path, calls)
	if sandbox != nil {
		mux.Handle(sandboxPath, sandbox)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := page.Handler(r); pattern == "" {
			api.Refuse(w, http.StatusNotFound, api.Nothing)
			return
		}
		page.ServeHTTP(w, r)
	})
	return mux
}
