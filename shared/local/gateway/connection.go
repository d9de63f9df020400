package gateway

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// bodyTick is how often it is looked whether a body that does not come is waited for any longer.
const bodyTick = 250 * time.Millisecond

// connection is one that is counted, that waits for a body as long as may be, and whose answers are JSON.
type connection struct {
	net.Conn
	of *connections
	// counted and idle, its place among those without a request, are guarded by the mutex of connections.
	counted bool
	idle    *list.Element

	once      sync.Once
	begun     atomic.Bool // something of a request came
	abandoned atomic.Bool // nothing is read any more
	refused   atomic.Bool // the last answer was given

	mu   sync.Mutex
	body *expected // nil while none is read
}

// expected is a body that is being read.
type expected struct {
	// end is when it must have come; pressedEnd is when, while others wait for its place.
	end, pressedEnd time.Time
	isPressed       func() bool
}

type connectionKey struct{}

// withConnection is http.Server's ConnContext.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connectionOf is the connection that a request came by; nil within the process.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}

// expectBody bounds the time of a body whose headers came at a moment.
func (c *connection) expectBody(began time.Time, isPressed func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.body = &expected{began.Add(bodyTime), now.Add(pressedBodyTime), isPressed}
	_ = c.SetReadDeadline(c.body.next(now))
}

func (c *connection) endBody() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body = nil
	_ = c.SetReadDeadline(time.Time{})
}

// next is when it is to be looked at again.
func (e *expected) next(now time.Time) time.Time {
	if tick := now.Add(bodyTick); tick.Before(e.end) {
		return tick
	}
	return e.end
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	for !c.abandoned.Load() {
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.begun.Store(true)
		}
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !c.waitsOn() {
			return n, err
		}
	}
	return 0, net.ErrClosed
}

// waitsOn says whether to go on with a body that did not come until now. Headers that did not come whole are answered: net/http
// would only hang up.
func (c *connection) waitsOn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.body == nil:
		if c.begun.Load() && c.of.isIdle(c) {
			c.answer(http.StatusRequestTimeout, "the headers took too long")
		}
		return false
	case !now.Before(c.body.end), !now.Before(c.body.pressedEnd) && c.body.isPressed():
		return false
	}
	return c.SetReadDeadline(c.body.next(now)) == nil
}

// Write implements net.Conn. What net/http answers by itself becomes JSON.
func (c *connection) Write(p []byte) (int, error) {
	code, isOwn := ownAnswer(p)
	if !isOwn {
		return c.Conn.Write(p)
	}
	c.answer(code, http.StatusText(code))
	return len(p), nil
}

// ownHead is what net/http ends the head of its own errors with, which it writes at once. Nothing else here is plain text.
const ownHead = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// ownAnswer is the status code of an answer that net/http gives by itself: to what it cannot read, in plain text, and to an
// expectation that it does not know, without a body.
func ownAnswer(p []byte) (code int, isOwn bool) {
	rest, found := bytes.CutPrefix(p, []byte("HTTP/1.1 "))
	if !found || len(rest) < 3 {
		return 0, false
	}
	code, err := strconv.Atoi(string(rest[:3]))
	isOwn = bytes.Contains(rest, []byte(ownHead)) || code == http.StatusExpectationFailed
	return code, err == nil && isOwn
}

// answer refuses what is being sent, in place of a handler, once: of headers that did not come whole net/http says sometimes
// that they are malformed, sometimes nothing. The sender may be gone; there is nobody left to tell.
func (c *connection) answer(code int, reason string) {
	if c.refused.Swap(true) {
		return
	}
	c.abandon()
	_ = c.Conn.SetWriteDeadline(time.Now().Add(lingerTime))
	_, _ = c.Conn.Write(c.of.refusal(c.RemoteAddr(), code, reason))
}

// abandon has nothing more read, and the connection linger for what was answered.
func (c *connection) abandon() { c.abandoned.Store(true) }

// CloseWrite implements what net/http asks of a connection.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *connection) Close() (err error) {
	c.once.Do(func() {
		if c.abandoned.Load() && c.CloseWrite() == nil && c.of.linger(c) {
			return
		}
		err = c.closeNow()
	})
	return err
}

func (c *connection) closeNow() error {
	c.of.forget(c)
	return c.Conn.Close()
}
