// Package recorder stands in for Slack and PagerDuty on one machine: it speaks the part of their HTTP APIs that the product
// uses, remembers what it was told, and can be asked what a person would see. The real clients run against it.
package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// readHeaderTimeout keeps a connection that says nothing from staying for ever.
const readHeaderTimeout = 5 * time.Second

// maxRequestBytes bounds a request. PagerDuty takes 512 KB, Slack far less.
const maxRequestBytes = 1 << 20

// Message is a Slack message as it now stands.
type Message struct {
	Channel string `json:"channel"`
	// TS is the timestamp that is Slack's id of the message within its channel: seconds since 1970 with six decimals.
	TS string `json:"ts"`
	// Thread is the root's ts for a reply, or "".
	Thread string `json:"thread_ts,omitempty"`
	// Text is what a notification shows, and what is shown where there are no Blocks.
	Text string `json:"text"`
	// Attachments, Blocks and Metadata are what was posted, as Slack's JSON, or nil.
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	// Updates counts how often the message was replaced.
	Updates int `json:"updates,omitempty"`
	// Deleted says that the message is gone. If it has replies, Slack still shows where it was.
	Deleted bool `json:"deleted,omitempty"`
}

// Incident is a PagerDuty incident.
type Incident struct {
	DedupKey string `json:"dedup_key"`
	// Event is the newest trigger, as the Events API's JSON without the routing key.
	Event json.RawMessage `json:"event"`
	// Triggers counts the triggers: while the incident is open, those after the first are the same page.
	Triggers int `json:"triggers"`
	// Resolved says that the incident is over. A trigger after that opens another one.
	Resolved bool `json:"resolved"`
	// Resolution is what resolved the incident, in the form of Event, or nil.
	Resolution json.RawMessage `json:"resolution,omitempty"`
}

// Recorder remembers. It is safe for concurrent use.
type Recorder struct {
	now func() time.Time

	mu        sync.Mutex
	lastTS    int64 // microseconds since 1970
	messages  []*Message
	incidents []*Incident
	changed   chan struct{}
	journal   io.WriteCloser // nil where nothing is kept

	server   *http.Server
	url      string
	finished sync.WaitGroup
}

var _ http.Handler = (*Recorder)(nil)

// New returns a recorder that keeps nothing beyond its own life and listens nowhere: it is an http.Handler.
func New(now func() time.Time) *Recorder {
	return &Recorder{now: now, changed: make(chan struct{})}
}

// Start returns a recorder that listens on a free port of this machine's loopback and keeps what it was told in the folder
// dir, so that a restart goes on with it. It must be closed.
func Start(dir string) (*Recorder, error) {
	r := New(time.Now)
	if err := r.open(dir); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the recorder: %w", err), r.journal.Close())
	}
	r.url = "http://" + listener.Addr().String()
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: readHeaderTimeout}
	r.finished.Go(func() {
		// Serve always returns an error; Close is the only reason that it has here.
		_ = r.server.Serve(listener)
	})
	return r, nil
}

// Close stops listening.
func (r *Recorder) Close() error {
	var failures []error
	if r.server != nil {
		failures = append(failures, r.server.Close())
		r.finished.Wait()
	}
	r.mu.Lock() // a request may still be at work
	defer r.mu.Unlock()
	if r.journal != nil {
		failures = append(failures, r.journal.Close())
	}
	return errors.Join(failures...)
}

// SlackURL is the value of SLACK_API_URL that leads to a started recorder.
func (r *Recorder) SlackURL() string { return r.url + slackPath }

// PagerDutyURL is the value of PAGERDUTY_EVENTS_URL that leads to a started recorder.
func (r *Recorder) PagerDutyURL() string { return r.url }

// Messages returns the Slack messages in the order of their posting.
func (r *Recorder) Messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return values(r.messages)
}

// Incidents returns the incidents in the order of their opening.
func (r *Recorder) Incidents() []Incident {
	r.mu.Lock()
	defer r.mu.Unlock()
	return values(r.incidents)
}

func values[T any](pointers []*T) []T {
	copies := make([]T, len(pointers))
	for i, pointer := range pointers {
		copies[i] = *pointer
	}
	return copies
}

// Changed returns a channel that is closed at the next change. Take it before looking, so that no change falls between.
func (r *Recorder) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// ServeHTTP answers as Slack's Web API below /api/, and as PagerDuty's Events API at /v2/enqueue.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	request.Body = http.MaxBytesReader(w, request.Body, maxRequestBytes)
	switch method, isSlack := slackMethod(request); {
	case isSlack:
		w.Header().Set("X-OAuth-Scopes", scopes)
		reply(w, http.StatusOK, r.callSlack(method, request))
	case request.URL.Path == enqueuePath && request.Method == http.MethodPost:
		code, body := r.enqueue(request)
		reply(w, code, body)
	default:
		http.NotFound(w, request)
	}
}

// object is a JSON object.
type object = map[string]any

func reply(w http.ResponseWriter, code int, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
