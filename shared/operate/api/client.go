package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/provider/inprocess"
)

// Client calls the API.
type Client struct {
	base string
	// token is the operator's; "" within a process.
	token string
	http  http.RoundTripper
	// of is the installation that the API is about, for the commands that an error names.
	of installation.Name
}

// NewClient returns a client of an installation's API at a base URL such as http://127.0.0.1:3001, with the operator's token.
func NewClient(base, token string, of installation.Name) *Client {
	return &Client{base: base, token: token, http: http.DefaultTransport, of: of}
}

// Within returns a client of an API in this process.
func Within(b Backend) *Client {
	return &Client{base: "http://in-process", http: inprocess.Stream(Handler(b)), of: b.Check.Site.Installation}
}

// Get asks for what is under a path behind Path and reads the answer into value.
func (c *Client) Get(ctx context.Context, path string, value any) error {
	return c.call(ctx, http.MethodGet, path, nil, value)
}

// Post asks for something to be done and reads the answer into value.
func (c *Client) Post(ctx context.Context, path string, asked, value any) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, bytes.NewReader(body), value)
}

// call makes one request. An answer that says why something could not be done is returned as an error with that text.
func (c *Client) call(ctx context.Context, method, path string, body io.Reader, value any) error {
	ctx, cancel := context.WithTimeout(ctx, lettersTimeout+answerTime)
	defer cancel()
	if body == nil {
		body = http.NoBody
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+Path+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	response, err := c.send(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(value); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	return nil
}

// send makes a request whose answer is what was asked for; its body is the caller's to close.
func (c *Client) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", agent)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, refusal(response)
	}
	return response, nil
}

func refusal(response *http.Response) error {
	var why failure
	if json.NewDecoder(response.Body).Decode(&why) != nil || why.Error == "" {
		return fmt.Errorf("the API answered %s", response.Status)
	}
	return errors.New(why.Error)
}
