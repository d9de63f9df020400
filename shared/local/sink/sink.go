// Package sink writes lines to whoever reads them, a terminal, a pipe or a file, and waits for nobody: a reader that stopped, a pipe
// that broke and a disk that is full cost lines, which are counted and told of when writing works again, and never the work that the
// lines are about.
package sink

import (
	"context"
	"io"
	"log/slog"
	"sync"
)

// maxWaiting is how many bytes wait for the reader at the most.
const maxWaiting = 1 << 20

// Sink is an io.Writer whose Write takes no time and returns no error. It is safe for concurrent use.
type Sink struct {
	to io.Writer

	mu      sync.Mutex
	waiting [][]byte
	size    int // bytes of waiting
	lost    int // lines not yet told of
	closed  bool

	wake chan struct{} // holds one where there may be something to write, or the end
	done chan struct{} // closed once all is written after Close
}

// New returns a Sink that writes to another writer, from a goroutine of its own, until Close.
func New(to io.Writer) *Sink {
	s := &Sink{to: to, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.run()
	return s
}

// Write takes a line, or drops it where too many wait. It returns its length and no error, whatever becomes of it; after Close the
// line is dropped.
func (s *Sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.size+len(line) > maxWaiting {
		s.lost++
		return len(line), nil
	}
	s.waiting = append(s.waiting, append([]byte(nil), line...))
	s.size += len(line)
	s.signal()
	return len(line), nil
}

// Close takes no more lines and returns once those that wait are written, or ctx is done: a reader that stopped is not waited for, and
// the goroutine then ends with the process, since nothing interrupts a write.
func (s *Sink) Close(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	s.signal()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}

func (s *Sink) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes what waits, line by line, so that a failure costs one.
func (s *Sink) run() {
	defer close(s.done)
	for {
		line, ok, closed := s.next()
		switch {
		case ok:
			s.write(line)
		case closed:
			return
		default:
			<-s.wake
		}
	}
}

// next takes the line that has waited longest; ok is false where none waits.
func (s *Sink) next() (line []byte, ok, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.waiting = nil // and what held it
		return nil, false, s.closed
	}
	line, s.waiting = s.waiting[0], s.waiting[1:]
	s.size -= len(line)
	return line, true, s.closed
}

// write writes a line. The first that works after some were lost is followed by how many. A line of which only a part was taken counts
// as lost, and the next begins on a line of its own.
func (s *Sink) write(line []byte) {
	n, err := s.to.Write(line)
	if err != nil {
		s.lose(1)
		if n > 0 {
			_, _ = s.to.Write([]byte("\n"))
		}
		return
	}
	if lost := s.lose(0); lost > 0 {
		s.tell(lost)
	}
}

// lose counts lost lines, or where more is 0 takes their number to tell it.
func (s *Sink) lose(more int) (lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more > 0 {
		s.lost += more
		return 0
	}
	lost, s.lost = s.lost, 0
	return lost
}

func (s *Sink) tell(lost int) {
	failing := &failed{to: s.to}
	slog.New(slog.NewJSONHandler(failing, nil)).Warn("log lines were lost: nobody read them, or they could not be written",
		slog.Int("log_lines_lost", lost))
	if failing.err != nil {
		s.lose(lost)
	}
}

// failed keeps the error of a write, which slog does not tell.
type failed struct {
	to  io.Writer
	err error
}

func (f *failed) Write(line []byte) (n int, err error) {
	n, f.err = f.to.Write(line)
	return n, f.err
}
