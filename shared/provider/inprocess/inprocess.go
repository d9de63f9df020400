// Package inprocess lets HTTP clients call a handler of this process, without a connection or a port.
package inprocess

import (
	"bytes"
	"io"
	"net/http"
)

// Transport returns a transport that hands every request to a handler, whatever host it names. A request whose context is over is
// not handed on; one that was handed on is answered when the handler returns.
func Transport(handler http.Handler) http.RoundTripper { return transport{handler} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.Clone(request.Context()) // a handler may change what it is given, a transport may not
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	defer asked.Body.Close()
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	written := &response{header: http.Header{}}
	t.handler.ServeHTTP(written, asked)
	written.WriteHeader(http.StatusOK)
	return &http.Response{
		StatusCode: written.status, Status: http.StatusText(written.status), Header: written.header, ContentLength: int64(written.body.Len()),
		Body: io.NopCloser(&written.body), Request: request,
	}, nil
}

// response keeps what a handler writes.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter: the first status is the one.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
