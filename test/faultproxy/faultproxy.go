// Package faultproxy stands in front of an HTTP service and spoils single answers: it refuses, hangs, or breaks off, before
// or after the service has done its work.
package faultproxy

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a proxy for one test.
type Proxy struct {
	// URL is where it listens, on loopback.
	URL string

	service http.Handler

	mu       sync.Mutex
	faults   []Fault
	requests int
}

// New starts a proxy in front of the service at target and stops it when the test ends.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	service, err := url.Parse(target)
	if err != nil || service.Host == "" {
		t.Fatalf("the service's URL is %q: %v", target, err)
	}
	return Before(t, httputil.NewSingleHostReverseProxy(service))
}

// Before starts a proxy in front of a handler.
func Before(t testing.TB, service http.Handler) *Proxy {
	t.Helper()
	proxy := &Proxy{service: service}
	server := httptest.NewUnstartedServer(proxy)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	proxy.URL = server.URL
	return proxy
}

// Fault answers a request in place of the service, to which it may pass it on.
type Fault func(w http.ResponseWriter, r *http.Request, service http.Handler)

// Spoil sets the faults of the next requests, one each; a nil Fault lets one pass. The requests after them pass.
func (p *Proxy) Spoil(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = faults
	p.requests = 0
}

// Requests counts the requests since the last call of Spoil.
func (p *Proxy) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *Proxy) next() Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	if len(p.faults) == 0 {
		return nil
	}
	fault := p.faults[0]
	p.faults = p.faults[1:]
	return fault
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := p.next()
	if fault == nil {
		p.service.ServeHTTP(w, r)
		return
	}
	fault(w, r, p.service)
}

// Refuse answers with an error in the form of the AWS JSON protocols.
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
func Refuse(status int, code, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Requestid", "REQUEST-1")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type": %q, "message": %q}`, code, message)
	}
}

// Fail answers with a status and a body that is not the service's, as a load balancer does.
func Fail(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "<html>no JSON</html>", status)
	}
}

// Hang takes the request and answers nothing until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // the server watches the connection once the body is read
	<-r.Context().Done()
}

// LoseRequest breaks the connection off before the service has seen the request.
func LoseRequest(http.ResponseWriter, *http.Request, http.Handler) { breakOff() }

// LoseAnswer lets the service do its work and breaks the connection off in place of the answer.
func LoseAnswer(_ http.ResponseWriter, r *http.Request, service http.Handler) {
	service.ServeHTTP(httptest.NewRecorder(), r)
	breakOff()
}

// HalveAnswer lets the service do its work and breaks the connection off in the middle of the answer's body.
func HalveAnswer(w http.ResponseWriter, r *http.Request, service http.Handler) {
	answer := httptest.NewRecorder()
	service.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	body := answer.Body.Bytes()
	w.Header().Set("Content-Length", fmt.Sprint(max(len(body), 2)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	breakOff()
}

// breakOff closes the connection without a further byte.
func breakOff() { panic(http.ErrAbortHandler) }
