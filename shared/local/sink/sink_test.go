package sink_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/local/sink"
)

// reader is a writer that fails, or stands still, as long as it is told to.
type reader struct {
	mu    sync.Mutex
	read  bytes.Buffer
	fails bool
	part  int // how much of a line it takes before it fails
	stops chan struct{}
}

func (r *reader) Write(line []byte) (int, error) {
	if r.stops != nil {
		<-r.stops
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails {
		n, _ := r.read.Write(line[:min(r.part, len(line))])
		return n, errors.New("no space left on device")
	}
	return r.read.Write(line)
}

func (r *reader) set(fails bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails = fails
}

func (r *reader) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read.String()
}

func write(t *testing.T, s *sink.Sink, text string) {
	t.Helper()
	if n, err := io.WriteString(s, text); n != len(text) || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func ends(t *testing.T, s *sink.Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	s.Close(ctx)
}

func TestLinesAreWrittenInTheirOrder(t *testing.T) {
	var out reader
	s := sink.New(&out)
	write(t, s, "one\n")
	write(t, s, "two\n")
	ends(t, s)
	if out.String() != "one\ntwo\n" {
		t.Errorf("%q", out.String())
	}
	write(t, s, "after the end\n")
}

// A pipe whose reader stopped once kept every delivery after the 75th from being answered.
func TestAReaderThatStopsKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &reader{stops: make(chan struct{})}
		s := sink.New(out)
		began := time.Now()
		line := strings.Repeat("x", 1023) + "\n"
		for range 4096 {
			write(t, s, line)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("writing took %s", took)
		}
		close(out.stops)
		synctest.Wait()
		write(t, s, "again\n")
		ends(t, s)
		kept := strings.Count(out.String(), line)
		if kept < 1024 || kept > 1025 {
			t.Errorf("%d lines of a KiB were kept, want about a MiB", kept)
		}
		if !strings.Contains(out.String(), `"log_lines_lost":`) || !strings.Contains(out.String(), "again\n") {
			t.Errorf("what was lost is not told: %q", out.String()[kept*len(line):])
		}
	})
}

func TestTheEndDoesNotWaitForAReaderThatStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &reader{stops: make(chan struct{})}
		s := sink.New(out)
		write(t, s, "one\n")
		began := time.Now()
		ends(t, s)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the end took %s", took)
		}
		close(out.stops)
	})
}

func TestLinesThatCannotBeWrittenAreCountedAndToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &reader{fails: true, part: 3}
		s := sink.New(out)
		write(t, s, "first\n")
		write(t, s, "second\n")
		synctest.Wait()
		out.part = 0
		write(t, s, "third\n")
		synctest.Wait()
		out.set(false)
		write(t, s, "fourth\n")
		ends(t, s)
		if !strings.Contains(out.String(), "fourth\n{") || !strings.Contains(out.String(), `"log_lines_lost":3}`) {
			t.Errorf("%q", out.String())
		}
		write(t, s, "fifth\n")
	})
}

func TestAHalfLineDoesNotSpoilTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &half{}
		s := sink.New(out)
		write(t, s, "first\n")
		write(t, s, "second\n")
		ends(t, s)
		if !strings.HasPrefix(out.read.String(), "fir\nsecond\n{") {
			t.Errorf("%q", out.read.String())
		}
	})
}

// half takes only a part of its first line.
type half struct {
	read  bytes.Buffer
	calls int
}

func (h *half) Write(line []byte) (int, error) {
	if h.calls++; h.calls == 1 {
		h.read.Write(line[:3])
		return 3, io.ErrShortWrite
	}
	return h.read.Write(line)
}
