// Package recorder stands in for Slack and PagerDuty on one machine: it speaks the part of their HTTP APIs that the product
// uses, remembers what it was told, and can be asked what a person would see. The real clients run against it, within the process:
// it has no port that others could call.
package recorder

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// What leads the clients to a recorder that is their transport: SLACK_API_URL and PAGERDUTY_EVENTS_URL. The name is one that never
// leads anywhere else. https://www.rfc-editor.org/rfc/rfc6761#section-6.4
const (
	PagerDutyURL = "http://recorder.invalid"
	SlackURL     = PagerDutyURL + slackPath
)

// Limits bound what is kept: beyond them the oldest goes.
type Limits struct {
	// Entries is how many messages and incidents there are at the most, both together.
	Entries int
	// Bytes is how much JSON they are.
	Bytes int
}

// DefaultLimits are far more than a person looks at, and little for a page that asks for all of it every two seconds.
var DefaultLimits = Limits{Entries: 2000, Bytes: 8 << 20}

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

// Event is what is shown of an event of the Events API, in its JSON.
// https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
type Event struct {
	ClientURL string `json:"client_url"`
	Links     []struct {
		Address string `json:"href"`
		Text    string `json:"text"`
	} `json:"links"`
	Payload struct {
		Summary   string          `json:"summary"`
		Source    string          `json:"source"`
		Severity  string          `json:"severity"`
		Timestamp string          `json:"timestamp"`
		Component string          `json:"component"`
		Group     string          `json:"group"`
		Class     string          `json:"class"`
		Details   json.RawMessage `json:"custom_details"`
	} `json:"payload"`
}

// Recorder remembers. It is safe for concurrent use.
type Recorder struct {
	// Cut tells what Open had to cut off, or is "".
	Cut string

	now func() time.Time

	mu        sync.Mutex
	lastTS    int64 // microseconds since 1970
	messages  []*Message
	incidents []*Incident
	gone      int // how many incidents came before the first that is kept
	changed   chan struct{}

	// What follows is nil and zero where nothing is kept.
	journal *journal
	limits  Limits
	order   []*entry       // what is shown, the oldest first
	noted   map[any]*entry // the same by its subject
	size    int            // of all entries, in bytes
}

var _ http.Handler = (*Recorder)(nil)

// New returns a recorder that keeps nothing beyond its own life and forgets nothing within it.
func New(now func() time.Time) *Recorder {
	return &Recorder{now: now, changed: make(chan struct{})}
}

// Open returns a recorder that keeps what it was told in the folder dir, so that a restart goes on with it. It must be closed.
func Open(dir string, limits Limits) (*Recorder, error) {
	r := New(time.Now)
	r.limits, r.noted = limits, map[any]*entry{}
	if err := r.open(dir); err != nil {
		return nil, err
	}
	return r, nil
}

// Close closes the file. A request that comes later is answered as one that could not be kept.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.journal == nil {
		return nil
	}
	return r.journal.file.Close()
}

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
