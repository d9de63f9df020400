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

// function is a built Lambda binary that runs against Lambda's Runtime API, which is played here.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type function struct {
	binary      string
	environment []string
	timeout     time.Duration
	server      *httptest.Server
	events      chan []byte
	answers     chan []byte
	log         log

	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{} // closed when process has ended
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
	f := &function{binary: binary, timeout: timeout, events: make(chan []byte), answers: make(chan []byte)}
	f.server = httptest.NewServer(f)
	f.environment = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.server.URL, "http://"), "GOMAXPROCS=1"}
	for name, value := range environment {
		f.environment = append(f.environment, name+"="+value)
	}
	f.start(t)
	t.Cleanup(func() {
		f.kill()
		f.server.CloseClientConnections()
		f.server.Close()
	})
	return f
}

func (f *function) start(t *testing.T) {
	t.Helper()
	process, ended := exec.Command(f.binary), make(chan struct{})
	process.Env = f.environment
	process.Stdout, process.Stderr = &f.log, &f.log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.process, f.ended = process, ended
	f.mu.Unlock()
	go func() {
		defer close(ended)
		_ = process.Wait() // it always tells of the kill
	}()
}

// running is the process that was started last, and what tells of its end.
func (f *function) running() (process *exec.Cmd, ended <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.process, f.ended
}

func (f *function) kill() {
	process, ended := f.running()
	_ = process.Process.Kill() // it may have ended already
	<-ended
}

// ServeHTTP is the Runtime API.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/invocation/next") {
		select {
		case event := <-f.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", uuid.NewString())
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(f.timeout).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Trace-Id", traceHeader)
			_, _ = w.Write(event) // a killed function reads it no more
		case <-r.Context().Done():
		}
		return
	}
	answer, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed in the middle of its answer
	}
	w.WriteHeader(http.StatusAccepted)
	f.answers <- answer
}

// invoke hands an event over and returns the answer, or errEnded.
func (f *function) invoke(t *testing.T, event any) ([]byte, error) {
	t.Helper()
	encoded, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	_, ended := f.running()
	select {
	case f.events <- encoded:
	case <-ended:
		t.Fatalf("the function does not run:\n%s", f.log.String())
	}
	select {
	case answer := <-f.answers:
		return answer, nil
	case <-ended:
		return nil, errEnded
	}
}
