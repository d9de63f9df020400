//go:build emulators

package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// traceHeader is the X-Ray header of every invocation.
const traceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// errEnded is returned by invoke where the function's process ended before it answered.
var errEnded = errors.New("the function ended before it answered")

// function is a built Lambda binary, and the process that runs it now.
type function struct {
	binary      string
	environment []string
	timeout     time.Duration
	log         log

	mu      sync.Mutex
	running *process
}

// process runs a function against a Runtime API of its own: what is meant for it can never reach one that was killed before.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type process struct {
	command *exec.Cmd
	server  *httptest.Server
	timeout time.Duration
	events  chan []byte
	answers chan []byte
	asks    chan struct{} // tells whoever receives that the process asks for an event
	ended   chan struct{} // closed when the process has ended
}

type log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

// await returns the log once it holds the text, or after a while without: what a process writes arrives later than its answer.
func (l *log) await(text string) string {
	return l.awaitThat(func(log string) bool { return strings.Contains(log, text) })
}

func (l *log) awaitThat(holds func(log string) bool) string {
	const tries, pause = 100, 50 * time.Millisecond
	for range tries {
		if holds(l.String()) {
			break
		}
		<-time.After(pause)
	}
	return l.String()
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

func startFunction(t *testing.T, binary string, timeout time.Duration, environment map[string]string) *function {
	t.Helper()
	f := &function{binary: binary, timeout: timeout, environment: []string{"GOMAXPROCS=1"}}
	for name, value := range environment {
		f.environment = append(f.environment, name+"="+value)
	}
	f.start(t)
	t.Cleanup(f.kill)
	return f
}

// start runs the function in a new process.
func (f *function) start(t *testing.T) {
	t.Helper()
	p := &process{
		command: exec.Command(f.binary), timeout: f.timeout,
		events: make(chan []byte), answers: make(chan []byte),
		asks: make(chan struct{}), ended: make(chan struct{}),
	}
	p.server = httptest.NewServer(p)
	p.command.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(p.server.URL, "http://")}, f.environment...)
	p.command.Stdout, p.command.Stderr = &f.log, &f.log
	if err := p.command.Start(); err != nil {
		p.server.Close()
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // it always tells of the kill
	}()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = p
}

// restart runs the function in a new process, with more variables.
func (f *function) restart(t *testing.T, more ...string) {
	t.Helper()
	f.kill()
	f.environment = append(f.environment, more...)
	f.start(t)
}

// now is the process that was started last.
func (f *function) now() *process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running
}

func (f *function) kill() {
	p := f.now()
	_ = p.command.Process.Kill() // it may have ended already
	<-p.ended
	p.server.Close()
}

// ServeHTTP is the Runtime API.
func (p *process) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/invocation/next") {
		p.next(w)
		return
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed in the middle of its answer
	}
	w.WriteHeader(http.StatusAccepted)
	select {
	case p.answers <- answer:
	case <-p.ended:
	}
}

// next answers the process that asks for an event, once there is one.
func (p *process) next(w http.ResponseWriter) {
	for {
		select {
		case p.asks <- struct{}{}:
		case event := <-p.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", uuid.NewString())
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(p.timeout).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Trace-Id", traceHeader)
			_, _ = w.Write(event) // a killed function reads it no more
			return
		case <-p.ended:
			return
		}
	}
}

// invoke hands an event over and returns the answer, or errEnded. Like Lambda, it ends a function that takes too long; what a slow
// machine needs beside the function's own time is granted twice over.
func (f *function) invoke(t *testing.T, event any) ([]byte, error) {
	t.Helper()
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	p, tooLong := f.now(), time.After(3*f.timeout)
	select {
	case p.events <- encoded:
	case <-p.ended:
		t.Fatalf("%s does not run:\n%s", f.binary, f.log.String())
	case <-tooLong:
		t.Fatalf("%s does not ask for an event:\n%s", f.binary, f.log.String())
	}
	select {
	case answer := <-p.answers:
		return answer, nil
	case <-p.ended:
		return nil, errEnded
	case <-tooLong:
		t.Fatalf("%s does not answer:\n%s", f.binary, f.log.String())
		return nil, errEnded
	}
}
