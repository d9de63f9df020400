package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/test/output"
)

const (
	webhookSecret = "whsec_test"
	bodyLimit     = 256 << 10
	eventType     = "event.unpublished"
)

// pipes is a listener whose connections are pipes within this process.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case accepted := <-p.dialed:
		return accepted, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// bench is a gateway on a fake clock, in front of ingest whose ledger takes as long as the test says.
type bench struct {
	*testing.T
	*Gateway
	pipes    *pipes
	refusals *ingest.Refusals
	ledger   *slowLedger
	log      *output.Buffer
}

// slowLedger takes so much of a processor for each claim.
type slowLedger struct {
	*memory.Ledger
	work time.Duration
	processor
}

func (l *slowLedger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	if err := l.spend(ctx, l.work); err != nil {
		return nil, err
	}
	return l.Ledger.Claim(ctx, claim)
}

// processor is shared by turns of a millisecond.
type processor chan struct{}

func (p processor) spend(ctx context.Context, all time.Duration) error {
	for left := all; left > 0; left -= time.Millisecond {
		select {
		case p <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		time.Sleep(min(left, time.Millisecond))
		<-p
	}
	return nil
}

func test(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		routed, err := route.Parse("slack")
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{
			T: t, pipes: &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}, refusals: new(ingest.Refusals),
			ledger: &slowLedger{Ledger: memory.NewLedger(), processor: make(processor, 1)}, log: new(output.Buffer),
		}
		log := telemetry.New(b.log, telemetry.Options{})
		b.Gateway = New(awslambda.Webhook{Ingest: &ingest.Ingest{
			Tolerance: time.Hour, BodyLimit: bodyLimit, DedupeWindow: 720 * time.Hour,
			Routes:  route.NewTable(map[string]route.Route{eventType: routed}, route.Channels{Default: "C0111"}),
			Secrets: secret.NewHolder(secret.Static(webhookSecret), secret.ParseWebhook, time.Hour, time.Now),
			Ledger:  b.ledger, Queues: memory.NewQueues(time.Now), Refusals: b.refusals, Log: log, Now: time.Now,
		}}, bodyLimit, log.Slog())
		served := make(chan error, 1)
		go func() { served <- b.Serve(b.pipes) }()
		f(b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := b.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// client is a sender's end of a connection.
type client struct {
	*bench
	net.Conn
	answers *bufio.Reader
}

func (b *bench) dial() *client {
	b.Helper()
	mine, theirs := net.Pipe()
	b.pipes.dialed <- theirs
	return &client{b, mine, bufio.NewReader(mine)}
}

// sends sends without waiting for the other end, which may not read.
func (c *client) sends(text string) { go func() { _, _ = io.WriteString(c.Conn, text) }() }

// answered is an answer as a sender sees it.
type answered struct {
	code       int
	status     string
	closes     bool
	retryAfter string
}

// reads expects an answer, in JSON.
func (c *client) reads() answered {
	c.Helper()
	got, err := c.answer()
	if err != nil {
		c.Fatalf("read the answer: %v", err)
	}
	return got
}

func (c *client) answer() (answered, error) {
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return answered{}, err
	}
	defer func() { _ = response.Body.Close() }()
	var body struct{ Status string }
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return answered{}, fmt.Errorf("the body of a %d: %w", response.StatusCode, err)
	}
	if kind := response.Header.Get("Content-Type"); kind != "application/json" {
		return answered{}, fmt.Errorf("a %d of type %q", response.StatusCode, kind)
	}
	return answered{response.StatusCode, body.Status, response.Close, response.Header.Get("Retry-After")}, nil
}

// wants expects an answer.
func (c *client) wants(want answered) {
	c.Helper()
	if got := c.reads(); got != want {
		c.Errorf("answered %+v, want %+v", got, want)
	}
}

// hangsUp expects the other end to close the connection without a word.
func (c *client) hangsUp() {
	c.Helper()
	if rest, err := io.ReadAll(c.answers); err != nil || len(rest) > 0 {
		c.Errorf("read: %q, %v; want the end", rest, err)
	}
}

// delivery is a signed request of a body so large, and the body.
func delivery(id string, size int) (head, body string) {
	frame := fmt.Sprintf(`{"type":"event.unpublished","occurred_at":%q,"data":{"id":%q,"x":""}}`, time.Now().Add(-time.Minute).Format(time.RFC3339), id)
	body = strings.Replace(frame, `"x":""`, `"x":"`+strings.Repeat("x", max(size-len(frame), 0))+`"`, 1)
	signed := sample.Sign(eventType, webhookSecret, id, time.Now(), []byte(body))
	return requestHead("POST", ingest.Path, signed.Header, fmt.Sprintf("Content-Length: %d", len(body))), body
}

func requestHead(method, target string, header http.Header, more ...string) string {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, target)
	_ = header.Write(&head)
	for _, line := range more {
		head.WriteString(line + "\r\n")
	}
	return head.String() + "\r\n"
}

var (
	accepted = answered{code: 200, status: "accepted"}
	timedOut = answered{code: 408, status: "timeout", closes: true}
	busy     = answered{code: 503, status: "busy", closes: true, retryAfter: "5"}
)
