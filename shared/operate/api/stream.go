package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"revento-alerts/shared/operate/deadletter"
)

// stopTime is how long a redrive or a drop has to end between two letters when it is to stop; then the request is ended.
const stopTime = 5 * time.Second

// Treat has dead letters redriven or dropped, as what says, and tells each result as soon as it is known. When ctx is over, the
// work is stopped between two letters, and what it did until then is told and counted all the same.
func (c *Client) Treat(ctx context.Context, what string, asked Selection, told func(deadletter.Result)) (Results, error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return Results{}, fmt.Errorf("encode the request: %w", err)
	}
	steady, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { c.stop(steady, cancel) })()
	request, err := http.NewRequestWithContext(steady, http.MethodPost, c.base+Path+"dead-letters/"+what, bytes.NewReader(body))
	if err != nil {
		return Results{}, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Accept", streamType)
	response, err := c.send(request)
	if err != nil {
		return Results{}, err
	}
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for {
		var line streamLine
		if err := lines.Decode(&line); err != nil {
			return Results{}, fmt.Errorf("the answer of %s broke off; '%s' shows what is left: %w", c.base, c.of.Command("dead-letters list"), err)
		}
		if line.Summary != nil {
			return *line.Summary, nil
		}
		if line.Result != nil {
			told(*line.Result)
		}
	}
}

// stop asks for the end of what is going on, and ends the request after some time.
func (c *Client) stop(ctx context.Context, cancel context.CancelFunc) {
	time.AfterFunc(stopTime, cancel)
	var nothing struct{}
	_ = c.Post(ctx, "dead-letters/stop", nothing, &nothing) // the end of the request stops it too
}
