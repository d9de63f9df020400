package inprocess

import (
	"io"
	"net/http"
)

// Stream returns a transport as Transport's, whose answers can be read while the handler still writes them. Closing an answer's body
// waits until the handler has returned.
func Stream(handler http.Handler) http.RoundTripper { return stream{handler} }

type stream struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. It returns when the handler has said its answer's status.
func (s stream) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.Clone(request.Context()) // a handler may change what it is given, a transport may not
	if asked.Body == nil {
		asked.Body = http.NoBody
	}
	if err := request.Context().Err(); err != nil {
		_ = asked.Body.Close()
		return nil, err
	}
	reader, writer := io.Pipe()
	written := &flow{header: http.Header{}, body: writer, begun: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer asked.Body.Close()
		s.handler.ServeHTTP(written, asked)
		written.WriteHeader(http.StatusOK)
		_ = writer.Close() // returns nil
	}()
	<-written.begun
	return &http.Response{
		StatusCode: written.status, Status: http.StatusText(written.status), Header: written.header, ContentLength: -1,
		Body: flowing{reader, ended}, Request: request,
	}, nil
}

// flowing is the body of an answer that is being written.
type flowing struct {
	*io.PipeReader
	ended <-chan struct{}
}

// Close implements io.Closer.
func (f flowing) Close() error {
	err := f.PipeReader.Close()
	<-f.ended
	return err
}

// flow hands on what a handler writes.
type flow struct {
	header http.Header
	status int
	body   *io.PipeWriter
	begun  chan struct{} // closed when the status is known
}

// Header implements http.ResponseWriter.
func (f *flow) Header() http.Header { return f.header }

// WriteHeader implements http.ResponseWriter: the first status is the one.
func (f *flow) WriteHeader(status int) {
	if f.status == 0 {
		f.status = status
		close(f.begun)
	}
}

// Write implements http.ResponseWriter. It returns when somebody has read it.
func (f *flow) Write(p []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	return f.body.Write(p)
}
