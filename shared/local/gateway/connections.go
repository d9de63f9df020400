package gateway

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// maxConnections is how many connections are open at the most. One costs about 16 KB while it does nothing.
	maxConnections = 4096
	// filesKept is how many of the process' files are kept for the database, the operator's side and the providers.
	filesKept = 256
	// receiveBuffer is how many bytes the system takes of a body that nobody reads yet.
	receiveBuffer = 256 << 10
	// manyFiles is more than are needed.
	manyFiles = 2*maxConnections + filesKept
	// lingerTime is how long the refusal of a request that is still being sent may take to arrive: a connection that is closed with
	// unread bytes in it is reset, and what the sender has not read of the answer is lost.
	lingerTime = 500 * time.Millisecond
)

// lingeringShare: beside the connections that are open a quarter as many linger.
const lingeringShare = 4

// connectionLimit is maxConnections, or what the process may open.
func connectionLimit() int {
	return max(min(maxConnections, (openFiles()-filesKept)*lingeringShare/(lingeringShare+1)), 64)
}

// connections are those that are open. Beyond the limit the one goes that has done nothing for the longest time.
type connections struct {
	limit int
	// refusal tells of a request that this package or net/http refuses, and returns the whole answer.
	refusal func(sender net.Addr, code int, reason string) []byte

	mu        sync.Mutex
	open      int
	idle      *list.List // of *connection without a request, idle for the longest time in front
	lingering map[*connection]*time.Timer
}

func newConnections(limit int, refusal func(net.Addr, int, string) []byte) *connections {
	return &connections{limit: limit, refusal: refusal, idle: list.New(), lingering: map[*connection]*time.Timer{}}
}

// listener is a listener whose connections are bounded.
type listener struct {
	net.Listener
	of *connections
}

func (c *connections) on(inner net.Listener) net.Listener { return listener{inner, c} }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			isFull := errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
			if isFull && l.of.closeIdle() {
				continue
			}
			return nil, err
		}
		if tcp, ok := inner.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(receiveBuffer) // without it there is more room, which does no harm to the answer
		}
		accepted := &connection{Conn: inner, of: l.of}
		if l.of.admit(accepted) {
			return accepted, nil
		}
		accepted.answer(http.StatusServiceUnavailable, "all connections are at work")
		_ = accepted.Close()
	}
}

// admit counts a connection in, if there is room or room can be made.
func (c *connections) admit(accepted *connection) bool {
	for {
		c.mu.Lock()
		if c.open < c.limit {
			c.open++
			accepted.counted = true
			accepted.idle = c.idle.PushBack(accepted)
			c.mu.Unlock()
			return true
		}
		c.mu.Unlock()
		if !c.closeIdle() {
			return false
		}
	}
}

// closeIdle closes the connection that has done nothing for the longest time, if there is one.
func (c *connections) closeIdle() bool {
	c.mu.Lock()
	front := c.idle.Front()
	c.mu.Unlock()
	if front == nil {
		return false
	}
	_ = front.Value.(*connection).Close() // whoever uses it is told by net/http
	return true
}

// changed is http.Server's ConnState.
func (c *connections) changed(changed net.Conn, state http.ConnState) {
	of, ok := changed.(*connection)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case state == http.StateActive && of.idle != nil:
		c.idle.Remove(of.idle)
		of.idle = nil
	case state == http.StateIdle && of.idle == nil && of.counted:
		of.begun.Store(false)
		of.idle = c.idle.PushBack(of)
	}
}

// isIdle says whether no request of the connection is worked on.
func (c *connections) isIdle(of *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return of.idle != nil
}

// forget counts a connection out.
func (c *connections) forget(closed *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.countOut(closed)
	delete(c.lingering, closed)
}

func (c *connections) countOut(closed *connection) {
	if closed.idle != nil {
		c.idle.Remove(closed.idle)
		closed.idle = nil
	}
	if closed.counted {
		closed.counted = false
		c.open--
	}
}

// linger closes a connection in a while; false where too many do already.
func (c *connections) linger(closed *connection) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lingering) >= c.limit/lingeringShare {
		return false
	}
	c.countOut(closed)
	c.lingering[closed] = time.AfterFunc(lingerTime, func() { _ = closed.closeNow() })
	return true
}

func (c *connections) closeLingering() {
	c.mu.Lock()
	var left []*connection
	for lingering, timer := range c.lingering {
		timer.Stop()
		left = append(left, lingering)
	}
	c.mu.Unlock()
	for _, lingering := range left {
		_ = lingering.closeNow()
	}
}
