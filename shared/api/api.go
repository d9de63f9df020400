// Package api is what an operator sees and does, as JSON over HTTP: the console's page and the commands speak it. On one
// machine serve offers it on its own address; for a deployed stack, and where serve is not running, the commands call the same
// handler within their own process.
//
//	GET  /api/deletions             all deletions, the latest request first
//	GET  /api/deletions/{id}        one, by its id or the id's beginning, with its statement
//	POST /api/deletions/{id}/now    queues its purge
//	POST /api/deletions/{id}/close  ends a held request: {"note": "..."}
//	GET  /api/slack                 the messages that Slack would show, where a recorder stands in for it
//	GET  /api/pagerduty             the incidents that PagerDuty would show, likewise
//	POST /api/samples/{type}        posts a freshly signed sample delivery to the webhook
//
// What cannot be done is answered with {"error": "..."}, which names the remedy: 400 for what is asked wrongly, 404 for what is
// not there, 409 for what is not in the state for it, 503 where storage does not answer.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"revento-alerts/shared/deletion"
)

// Path is where the API begins.
const Path = "/api/"

// callTimeout bounds the work on one request.
const callTimeout = 25 * time.Second

// maxRequestBytes bounds what is read of a request.
const maxRequestBytes = 64 << 10

// Backend is what the API is about.
type Backend struct {
	// Stack is the stack's name, for statements.
	Stack     string
	Deletions *deletion.Operator
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
		"GET /api/deletions":             b.listDeletions,
		"GET /api/deletions/{id}":        b.showDeletion,
		"POST /api/deletions/{id}/now":   b.deleteNow,
		"POST /api/deletions/{id}/close": b.closeDeletion,
		"GET /api/slack":                 b.listSlack,
		"GET /api/pagerduty":             b.listPagerDuty,
		"POST /api/samples/{type}":       b.sendSample,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serve(w, r, do) })
	}
	mux.HandleFunc(Path, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, failure{"there is nothing under this path and method"})
	})
	return mux
}

func serve(w http.ResponseWriter, r *http.Request, do action) {
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	value, err := do(r)
	if err != nil {
		answer(w, statusOf(err), failure{err.Error()})
		return
	}
	answer(w, http.StatusOK, value)
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// Who asked may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(value)
}

// errRequest marks what is asked wrongly.
type errRequest struct{ error }

// unavailable says why something is not to be had here.
type unavailable string

// Error implements error.
func (u unavailable) Error() string { return string(u) }

func statusOf(err error) int {
	switch {
	case errors.As(err, new(errRequest)), errors.Is(err, deletion.ErrNote):
		return http.StatusBadRequest
	case errors.Is(err, deletion.ErrNotFound), errors.As(err, new(unavailable)):
		return http.StatusNotFound
	case errors.Is(err, deletion.ErrState):
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
