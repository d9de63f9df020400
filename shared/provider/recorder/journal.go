package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"revento-alerts/shared/ground/private"
)

// fileName is where a recorder keeps what it was told: JSON lines that are appended, until what is out of date in them is more than
// what is shown.
const fileName = "recorder.jsonl"

// slackBytes is how many bytes that are out of date a journal may hold beside twice what is shown, so that a small one is not written
// anew all the time.
const slackBytes = 1 << 20

// entry is a line: a message or an incident as it stood after a change.
type entry struct {
	Message  *Message  `json:"message,omitempty"`
	Incident *Incident `json:"incident,omitempty"`
	// Number is the incident's place in the order of opening since the recorder began: several can have one dedup key.
	Number int `json:"number,omitempty"`

	// size is the length of the newest line in bytes.
	size int
}

// subject is what an entry is about, whatever has become of it.
func (e *entry) subject() any {
	if e.Message != nil {
		return e.Message
	}
	return e.Incident
}

// keep writes a change down, lets go of the oldest where there is too much, and tells who waits for one. The caller holds the lock.
func (r *Recorder) keep(e entry) error {
	close(r.changed)
	r.changed = make(chan struct{})
	if r.journal == nil {
		return nil
	}
	line, err := e.line()
	if err != nil {
		return err
	}
	r.note(e, len(line))
	r.trim()
	if err := r.journal.append(line); err != nil {
		return err
	}
	if r.journal.size > 2*int64(r.size)+slackBytes {
		return r.compact()
	}
	return nil
}

func (e *entry) line() ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode what was recorded: %w", err)
	}
	return append(line, '\n'), nil
}

// note takes an entry, or its newest form, into the order in which the oldest goes.
func (r *Recorder) note(e entry, size int) {
	known, isKnown := r.noted[e.subject()]
	if !isKnown {
		known = &e
		r.noted[e.subject()] = known
		r.order = append(r.order, known)
	}
	r.size += size - known.size
	known.size = size
}

// trim lets go of the oldest while there is more than the limits allow. What is told last stays in any case.
func (r *Recorder) trim() {
	for len(r.order) > 1 && (len(r.order) > r.limits.Entries || r.size > r.limits.Bytes) {
		oldest := r.order[0]
		r.order = r.order[1:]
		delete(r.noted, oldest.subject())
		r.size -= oldest.size
		if oldest.Message != nil {
			r.messages = r.messages[1:]
			continue
		}
		r.incidents = r.incidents[1:]
		r.gone++
	}
}

// compact writes the journal anew, with what is shown alone.
func (r *Recorder) compact() error {
	var lines bytes.Buffer
	for _, e := range r.order {
		line, err := e.line()
		if err != nil {
			return err
		}
		lines.Write(line)
	}
	return r.journal.replace(lines.Bytes())
}

// open replays the file in dir. What a crash left of a last line is cut off: its request was not answered.
func (r *Recorder) open(dir string) error {
	path := filepath.Join(dir, fileName)
	content, err := private.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read what was recorded: %w", err)
	}
	whole, err := r.replayAll(content)
	if err != nil {
		return fmt.Errorf("%s is damaged: %w: remove it to start with an empty recorder", path, err)
	}
	r.trim()
	r.journal = &journal{path: path, size: int64(whole), torn: true}
	if cut := len(content) - whole; cut > 0 {
		r.Cut = fmt.Sprintf("the last %d bytes of %s were cut off: a crash or a power cut left half a line, and what it told is not shown",
			cut, path)
	}
	return r.journal.open()
}

// replayAll replays lines, and returns how many bytes of them are whole. Only the last line can be half written.
func (r *Recorder) replayAll(content []byte) (whole int, err error) {
	for line := range bytes.Lines(content) {
		last := whole+len(line) == len(content)
		var e entry
		err := json.Unmarshal(line, &e)
		if err == nil && e.Message == nil && e.Incident == nil {
			err = errors.New("a line tells of nothing")
		}
		switch {
		case last && (err != nil || line[len(line)-1] != '\n'):
			return whole, nil
		case err != nil:
			return 0, err
		}
		r.replay(e, len(line))
		whole += len(line)
	}
	return whole, nil
}

func (r *Recorder) replay(e entry, size int) {
	if e.Message != nil {
		if known := r.message(e.Message.Channel, e.Message.TS); known != nil {
			*known = *e.Message
			e.Message = known
		} else {
			r.messages = append(r.messages, e.Message)
			r.lastTS = max(r.lastTS, microseconds(e.Message.TS))
		}
		r.note(e, size)
		return
	}
	if len(r.incidents) == 0 {
		r.gone = e.Number
	}
	switch place := e.Number - r.gone; {
	case place < 0: // an older one than the oldest that is kept
		return
	case place < len(r.incidents):
		*r.incidents[place] = *e.Incident
		e.Incident = r.incidents[place]
	default:
		r.incidents = append(r.incidents, e.Incident)
	}
	r.note(e, size)
}

// journal is the file.
type journal struct {
	path string
	file *os.File
	// size is the length of its whole lines in bytes.
	size int64
	// torn says that there may be a part of a line behind them.
	torn bool
}

func (j *journal) open() error {
	file, err := private.Open(j.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return fmt.Errorf("open what was recorded: %w", err)
	}
	j.file = file
	if err := j.mend(); err != nil {
		return errors.Join(err, file.Close())
	}
	return nil
}

// mend cuts off what a write that failed, or a crash, left of a line, so that the next line is whole.
func (j *journal) mend() error {
	if !j.torn {
		return nil
	}
	if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("cut off half a line of what was recorded: %w", err)
	}
	j.torn = false
	return nil
}

func (j *journal) append(line []byte) error {
	if err := j.mend(); err != nil {
		return err
	}
	if _, err := j.file.Write(line); err != nil {
		j.torn = true
		return errors.Join(fmt.Errorf("keep what was recorded: %w", err), j.mend())
	}
	j.size += int64(len(line))
	return nil
}

// replace puts other lines in place of all.
func (j *journal) replace(lines []byte) error {
	if err := private.Write(j.path, lines); err != nil {
		return fmt.Errorf("write what was recorded anew: %w", err)
	}
	outdated := j.file
	j.size = int64(len(lines))
	return errors.Join(j.open(), outdated.Close())
}
