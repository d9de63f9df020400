// Package api is what an operator sees and does, as JSON over HTTP: the console's page and the commands speak it. On one
// machine serve offers it on the operator's address to who has the operator's token; for a deployed stack, and where serve is not
// running, the commands call the same handler within their own process.
//
//	GET  /api/deletions             all deletions, the latest request first
//	GET  /api/deletions/{id}        one, by its id or the first 8 characters or more, with its statement
//	GET  /api/deletions/{id}/now    one that can be done now, with the number of records that would go
//	POST /api/deletions/{id}/now    queues its purge
//	POST /api/deletions/{id}/close  ends a held request: {"note": "..."}; with "user" by deleting what is kept of that person
//	GET  /api/trace/{id}            a delivery's story
//	GET  /api/trace                 those of a resource: ?event=&organization=&resource=
//	GET  /api/deliveries            the newest deliveries, ?before= the "next" of an earlier page; not on a stack
//	GET  /api/dead-letters          the dead letters, and whether they are all
//	POST /api/dead-letters/redrive  has some tried again: {"ids": [], "reason": "", "queue": "", "all": false}
//	POST /api/dead-letters/drop     deletes some for good, chosen likewise; both answer line by line to "Accept: application/x-ndjson"
//	POST /api/dead-letters/stop     ends a redrive or a drop that is going on, between two letters
//	GET  /api/connections           all connections, none where they are off
//	GET  /api/connections/{event}   one, by its event's id
//	POST /api/connections/{event}/link        makes the link by which an organizer connects the event
//	POST /api/connections/{event}/probe       looks at it now, and answers once that is done
//	POST /api/connections/{event}/disconnect  erases its tokens, and has its data deleted after the time of grace
//	GET  /api/participants          who is known of at an event: ?event_id=, and if wanted here=true for those who checked in, since=
//	                                and until= for those who became registered then, after= the "next" of an earlier page
//	GET  /api/participants/count    how many those are; without more than event_id nobody is looked at
//	POST /api/check-ins             notes that a participant came: {"event_id": "", "participant_id": "", "at": ""}; once is enough
//	POST /api/check                 looks whether everything is in order: {"send": false}
//	GET  /api/overview              what runs here, and how full its queues are
//	GET  /api/routes                the routes in force, and what to declare in the Revento manifest
//	GET  /api/slack                 the messages that Slack would show, where a recorder stands in for it
//	GET  /api/pagerduty             the incidents that PagerDuty would show, likewise
//	POST /api/samples/{type}        posts a freshly signed sample delivery to the webhook
//
// What cannot be done is answered with {"error": "..."}, which names the remedy: 400 for what is asked wrongly, 401
// without the operator's token, 403 for another site's page, 404 for what is not there, 409 for what is not in the state for it,
// 503 where storage does not answer.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/operate/attendance"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/operate/deadletter"
	"revento-alerts/shared/operate/trace"
)

// Path is where the API begins.
const Path = "/api/"

// callTimeout bounds the work on one request: a check makes dozens of calls, and a redrive pauses between messages. answerTime
// is kept of it for the answer.
const (
	callTimeout = 2 * time.Minute
	answerTime  = 10 * time.Second
)

// maxRequestBytes bounds what is read of a request.
const maxRequestBytes = 64 << 10

// limits are how long a request may take, and how much of it is read.
type limits struct {
	time  time.Duration
	bytes int64
}

var usual = limits{callTimeout, maxRequestBytes}

// Backend is what the API is about.
type Backend struct {
	// Stack is the stack's name, for statements.
	Stack     string
	Deletions *deletion.Operator
	Trace     *trace.Tracer
	// Journal lists the deliveries; nil where the engine cannot.
	Journal ingest.Journal
	Letters deadletter.Redriver
	// Connections are those with Revento; nil where they are off.
	Connections *life.Operator
	// Attendance is who attends the events that are connected; nil where connections are off.
	Attendance *attendance.Attendance
	// Refusals are the last refused requests; nil where they are not kept.
	Refusals *ingest.Refusals
	// Check is what is checked, and Invalid what is wrong with the settings: then nothing but the check answers.
	Check   checkup.Checkup
	Invalid error
	// Overview is what is known without asking.
	Overview Overview
	// Slack and PagerDuty are what the recorder holds; nil where the provider gets the alerts itself.
	Slack     SlackRecord
	PagerDuty PagerDutyRecord
	// Samples posts samples; nil where there is no webhook within this process.
	Samples *Samples
}

// failure is the body of an answer to what could not be done.
type failure struct {
	Error string `json:"error"`
}

// action answers a request with a value, or an error that sets the status.
type action func(*http.Request) (any, error)

// Handler serves the API.
func Handler(b Backend) http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]action{
		"GET /api/deletions":                       b.listDeletions,
		"GET /api/deletions/{id}":                  b.showDeletion,
		"GET /api/deletions/{id}/now":              b.previewDeletion,
		"POST /api/deletions/{id}/now":             b.deleteNow,
		"POST /api/deletions/{id}/close":           b.closeDeletion,
		"GET /api/trace/{id}":                      b.traceDelivery,
		"GET /api/trace":                           b.traceResource,
		"GET /api/deliveries":                      b.listDeliveries,
		"POST /api/dead-letters/stop":              b.stopLetters,
		"GET /api/connections":                     b.listConnections,
		"GET /api/connections/{event}":             b.showConnection,
		"POST /api/connections/{event}/link":       b.linkConnection,
		"POST /api/connections/{event}/probe":      b.probeConnection,
		"POST /api/connections/{event}/sync":       b.syncConnection,
		"POST /api/connections/{event}/accept":     b.acceptPass,
		"POST /api/connections/{event}/disconnect": b.disconnect,
		"GET /api/participants":                    b.listParticipants,
		"GET /api/participants/count":              b.countParticipants,
		"POST /api/check-ins":                      b.checkIn,
		"GET /api/refused":                         b.listRefused,
		"GET /api/overview":                        b.overview,
		"GET /api/routes":                          b.listRoutes,
		"GET /api/slack":                           b.listSlack,
		"GET /api/pagerduty":                       b.listPagerDuty,
		"POST /api/samples/{type}":                 b.sendSample,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serve(w, r, usual, b.unlessInvalid(do)) })
	}
	mux.HandleFunc("GET /api/dead-letters", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, limits{lettersTimeout, maxRequestBytes}, b.unlessInvalid(b.listLetters))
	})
	for pattern, do := range map[string]http.HandlerFunc{
		"POST /api/dead-letters/redrive": b.redriveLetters,
		"POST /api/dead-letters/drop":    b.dropLetters,
	} {
		mux.HandleFunc(pattern, b.handlerUnlessInvalid(do))
	}
	mux.HandleFunc("POST /api/check", func(w http.ResponseWriter, r *http.Request) { serve(w, r, usual, b.check) })
	mux.HandleFunc(Path, func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, http.StatusNotFound, Nothing)
	})
	return mux
}

// unlessInvalid answers with what is wrong with the settings, if anything is.
func (b Backend) unlessInvalid(do action) action {
	if b.Invalid == nil {
		return do
	}
	return func(*http.Request) (any, error) { return nil, b.Invalid }
}

// handlerUnlessInvalid is the same for what answers by itself.
func (b Backend) handlerUnlessInvalid(handler http.HandlerFunc) http.HandlerFunc {
	if b.Invalid == nil {
		return handler
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, statusOf(b.Invalid), b.Invalid.Error())
	}
}

// serve answers a request within its limits.
func serve(w http.ResponseWriter, r *http.Request, most limits, do action) {
	extend(w, most.time)
	ctx, cancel := context.WithTimeout(r.Context(), most.time)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, most.bytes)
	value, err := do(r)
	if err != nil {
		Refuse(w, statusOf(err), err.Error())
		return
	}
	answer(w, http.StatusOK, value)
}

// Nothing is why a request is answered 404 that means nothing here.
const Nothing = "there is nothing under this path and method"

// Refuse answers in the form of everything that is not done.
func Refuse(w http.ResponseWriter, status int, why string) { answer(w, status, failure{why}) }

// extend gives the request its own time where the server's, which is made for deliveries, is shorter. Within a process there is
// no connection to give time to.
func extend(w http.ResponseWriter, timeout time.Duration) {
	deadline := time.Now().Add(timeout + answerTime)
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(deadline)
	_ = connection.SetWriteDeadline(deadline)
}

func answer(w http.ResponseWriter, status int, value any) {
	head(w, "application/json", status)
	// Who asked may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(value)
}

func head(w http.ResponseWriter, contentType string, status int) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
}

// errRequest marks what is asked wrongly.
type errRequest struct{ error }

// unavailable says why something is not to be had here.
type unavailable string

// Error implements error.
func (u unavailable) Error() string { return string(u) }

func statusOf(err error) int {
	switch {
	case errors.As(err, new(errRequest)), errors.Is(err, deletion.ErrNote),
		errors.Is(err, deadletter.ErrNothingSelected), errors.Is(err, life.ErrEventID), errors.Is(err, attendance.ErrTime):
		return http.StatusBadRequest
	case errors.Is(err, deletion.ErrNotFound), errors.Is(err, life.ErrNotFound), errors.Is(err, attendance.ErrUnknown),
		errors.Is(err, trace.ErrNotFound), errors.As(err, new(unavailable)):
		return http.StatusNotFound
	case errors.Is(err, deletion.ErrState), errors.Is(err, deletion.ErrPerson), errors.Is(err, life.ErrState), errors.Is(err, attendance.ErrState):
		return http.StatusConflict
	default:
		return http.StatusServiceUnavailable
	}
}

// read reads a request's JSON body.
func read[T any](r *http.Request) (T, error) {
	var value T
	if err := json.NewDecoder(r.Body).Decode(&value); err != nil {
		return value, errRequest{errors.New("the body is not JSON of the form that is described")}
	}
	return value, nil
}
