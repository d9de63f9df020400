package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"revento-alerts/shared/deadletter"
	"revento-alerts/shared/queue"
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
	Results []deadletter.Result `json:"results"`
	// Stopped is why it ended before all that were chosen had their turn, or "". What has no result stays a dead letter.
	Stopped string `json:"stopped,omitempty"`
}

// errTime is where a request's time was too short for all letters.
var errTime = errors.New("the time of one request was too short for all of them: ask again for the rest")

func (b Backend) listLetters(r *http.Request) (any, error) {
	listing, err := b.Letters.List(r.Context(), queue.Names...)
	if err != nil {
		return nil, err
	}
	return listing, nil
}

func (b Backend) redriveLetters(r *http.Request) (any, error) { return treat(r, b.Letters.Redrive) }

func (b Backend) dropLetters(r *http.Request) (any, error) { return treat(r, b.Letters.Drop) }

// treat deals with the letters that the request chooses, and leaves time for the answer.
func treat(r *http.Request, do func(context.Context, deadletter.Selection) ([]deadletter.Result, error)) (any, error) {
	asked, err := read[Selection](r)
	if err != nil {
		return nil, err
	}
	selection := deadletter.Selection{IDs: asked.IDs, Reason: asked.Reason, All: asked.All}
	if asked.Queue != "" {
		if !slices.Contains(queue.Names, asked.Queue) {
			return nil, errRequest{fmt.Errorf("there is no queue %q: there are %v", asked.Queue, queue.Names)}
		}
		selection.Queues = []queue.Name{asked.Queue}
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), callTimeout-answerTime, errTime)
	defer cancel()
	results, err := do(ctx, selection)
	if err != nil && len(results) == 0 {
		return nil, err
	}
	done := Results{Results: slices.Concat([]deadletter.Result{}, results)}
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errTime):
		done.Stopped = errTime.Error()
	case err != nil:
		done.Stopped = err.Error()
	}
	return done, nil
}
