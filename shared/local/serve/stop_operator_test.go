package serve

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a listener in memory.
type piped struct {
	connections chan net.Conn
	closed      chan struct{}
}

// nearby is a connection of this machine's own.
type nearby struct{ net.Conn }

func (nearby) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711} }

func newPiped() *piped { return &piped{connections: make(chan net.Conn), closed: make(chan struct{})} }

func (p *piped) Accept() (net.Conn, error) {
	select {
	case connection := <-p.connections:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error {
	close(p.closed)
	return nil
}

func (p *piped) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3001} }

// A redrive may take two minutes: a stop gives it its grace, and then cancels it, so that it can say what it did.
func TestAStopCancelsTheOperatorsCallsBeforeItsGraceIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := newPiped()
		side := newOperatorSide(listener, "token", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		}), nil, slog.New(slog.DiscardHandler))
		served := make(chan error, 1)
		go func() { served <- side.server.Serve(listener) }()
		ours, theirs := net.Pipe()
		listener.connections <- nearby{theirs}
		const call = "POST /api/dead-letters/redrive HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer token\r\n\r\n"
		if _, err := io.WriteString(ours, call); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		stopped := make(chan error, 1)
		go func() { stopped <- side.close() }()
		answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered %+v, %v", answer, err)
		}
		if err := <-stopped; err != nil || time.Since(began) >= stopGrace {
			t.Errorf("stopped after %s: %v", time.Since(began), err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("served: %v", err)
		}
	})
}
