package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/operate/deadletter"
)

// Selection chooses dead letters, as deadletter.Selection does; Queue may be "".
type Selection struct {
	IDs    []string   `json:"ids"`
	Reason string     `json:"reason"`
	Queue  queue.Name `json:"queue"`
	All    bool       `json:"all"`
}

// Results is the answer to what is done with dead letters.
type Results struct {
	// Results are never nil; they are empty in the last line of a stream, which had them before.
	Results []deadletter.Result `json:"results"`
	// Done, Kept and Missing count the results: redriven or dropped, dead letters still, and not found.
	Done    int `json:"done"`
	Kept    int `json:"kept"`
	Missing int `json:"missing"`
	// Hidden counts the letters that others look at, and Left those that were not reached, as deadletter.Unfinished does.
	Hidden int `json:"hidden"`
	Left   int `json:"left"`
	// Stopped is why it ended before all that were chosen had their turn, or "". What has no result stays a dead letter.
	Stopped string `json:"stopped,omitempty"`
}

// Whole says whether everything that was chosen is done.
func (r Results) Whole() bool {
	return r.Kept+r.Missing+r.Hidden+r.Left == 0 && r.Stopped == ""
}

// take counts a result.
func (r *Results) take(result deadletter.Result) {
	switch result.Outcome {
	case deadletter.Kept:
		r.Kept++
	case deadletter.Missing:
		r.Missing++
	default:
		r.Done++
	}
}

// end takes what ended the work.
func (r *Results) end(err error) {
	unfinished, ok := errors.AsType[*deadletter.Unfinished](err)
	if ok {
		r.Hidden, r.Left = unfinished.Hidden, unfinished.Left
	}
	if err != nil && (!ok || unfinished.Err != nil) {
		r.Stopped = err.Error()
	}
}

// streamType asks for the results of a redrive or a drop one by one, each as a line of JSON with a "result" as soon as it is known,
// and the counts in a last line with a "summary". Without it, they come together when the time of one request is over.
const streamType = "application/x-ndjson"

// streamLine is a line of that.
type streamLine struct {
	Result  *deadletter.Result `json:"result,omitempty"`
	Summary *Results           `json:"summary,omitempty"`
}

// agent is what this program's commands call themselves.
const agent = "revento-alerts"

// errTime is where a request's time was too short for all letters.
var errTime = errors.New("the time of one request was too short for all of them")

// lettersTimeout bounds a look at the dead letters: ten thousand take a minute or two on SQS.
const lettersTimeout = 10 * time.Minute

// maxSelectionBytes bounds what is read of a request that names dead letters: room for seventy thousand ids.
const maxSelectionBytes = 1 << 20

func (b Backend) listLetters(r *http.Request) (any, error) {
	return b.Letters.List(r.Context(), b.Letters.Names...)
}

// deed is a redrive or a drop.
type deed func(context.Context, deadletter.Selection) ([]deadletter.Result, error)

func (b Backend) redriveLetters(w http.ResponseWriter, r *http.Request) {
	b.treat(w, r, b.Letters.Redrive)
}

func (b Backend) dropLetters(w http.ResponseWriter, r *http.Request) { b.treat(w, r, b.Letters.Drop) }

func (b Backend) stopLetters(*http.Request) (any, error) {
	b.Letters.Stop()
	return struct{}{}, nil
}

// treat deals with the letters that the request chooses.
func (b Backend) treat(w http.ResponseWriter, r *http.Request, do deed) {
	if r.Header.Get("Accept") != streamType {
		serve(w, r, limits{callTimeout, maxSelectionBytes}, func(r *http.Request) (any, error) { return b.treatTogether(r, do) })
		return
	}
	extend(w, callTimeout)
	r.Body = http.MaxBytesReader(w, r.Body, maxSelectionBytes)
	selection, err := b.selectionOf(r)
	if err != nil {
		Refuse(w, statusOf(err), err.Error())
		return
	}
	stream := newStream(w)
	selection.Told = stream.tell
	_, err = do(r.Context(), selection)
	stream.end(err)
}

// treatTogether leaves time for the answer.
func (b Backend) treatTogether(r *http.Request, do deed) (any, error) {
	selection, err := b.selectionOf(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), callTimeout-answerTime, errTime)
	defer cancel()
	done := Results{Results: []deadletter.Result{}}
	selection.Told = done.take
	results, err := do(ctx, selection)
	if err != nil && !errors.As(err, new(*deadletter.Unfinished)) {
		return nil, err
	}
	done.Results = append(done.Results, results...)
	done.end(err)
	return done, nil
}

func (b Backend) selectionOf(r *http.Request) (deadletter.Selection, error) {
	asked, err := read[Selection](r)
	if err != nil {
		return deadletter.Selection{}, err
	}
	selection := deadletter.Selection{IDs: asked.IDs, Reason: asked.Reason, All: asked.All, By: "api"}
	if r.UserAgent() == agent {
		selection.By = "command"
	}
	if asked.Queue != "" {
		if !slices.Contains(b.Letters.Names, asked.Queue) {
			return selection, errRequest{fmt.Errorf("there is no queue %q: there are %v", asked.Queue, b.Letters.Names)}
		}
		selection.Queues = []queue.Name{asked.Queue}
	}
	return selection, nil
}

// stream answers with one line after another.
type stream struct {
	w     http.ResponseWriter
	begun bool
	done  Results
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{w: w, done: Results{Results: []deadletter.Result{}}}
}

func (s *stream) tell(result deadletter.Result) {
	s.done.take(result)
	s.write(streamLine{Result: &result})
}

// end answers what ended the work before it began as any other request's failure.
func (s *stream) end(err error) {
	if err != nil && !errors.As(err, new(*deadletter.Unfinished)) && !s.begun {
		Refuse(s.w, statusOf(err), err.Error())
		return
	}
	s.done.end(err)
	s.write(streamLine{Summary: &s.done})
}

// write gives each line its own time. Who asked may be gone, which the request's context tells.
func (s *stream) write(line streamLine) {
	extend(s.w, callTimeout)
	if !s.begun {
		head(s.w, streamType, http.StatusOK)
		s.begun = true
	}
	_ = json.NewEncoder(s.w).Encode(line)
	_ = http.NewResponseController(s.w).Flush()
}
