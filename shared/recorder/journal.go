package recorder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"revento-alerts/shared/private"
)

// fileName is where a started recorder keeps what it was told: JSON lines that are only appended.
const fileName = "recorder.jsonl"

// entry is a line: a message or an incident as it stood after a change.
type entry struct {
	Message  *Message  `json:"message,omitempty"`
	Incident *Incident `json:"incident,omitempty"`
	// Number is the incident's place in the order of opening: several can have one dedup key.
	Number int `json:"number,omitempty"`
}

// keep writes a change down and tells who waits for one. The caller holds the lock.
func (r *Recorder) keep(e entry) error {
	close(r.changed)
	r.changed = make(chan struct{})
	if r.journal == nil {
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode what was recorded: %w", err)
	}
	if _, err := r.journal.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("keep what was recorded: %w", err)
	}
	return nil
}

// open replays the file in dir. A last line that a crash cut short is dropped: its request was not answered.
func (r *Recorder) open(dir string) error {
	path := filepath.Join(dir, fileName)
	content, err := private.Read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read what was recorded: %w", err)
	}
	whole := content[:bytes.LastIndexByte(content, '\n')+1]
	for line := range bytes.Lines(whole) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("%s is damaged: %w: remove it to start with an empty recorder", path, err)
		}
		r.replay(e)
	}
	file, err := private.Open(path, os.O_CREATE|os.O_WRONLY)
	if err != nil {
		return fmt.Errorf("open what was recorded: %w", err)
	}
	if err := errors.Join(file.Truncate(int64(len(whole))), seekEnd(file)); err != nil {
		return errors.Join(fmt.Errorf("drop the cut line of what was recorded: %w", err), file.Close())
	}
	r.journal = file
	return nil
}

func seekEnd(file *os.File) error {
	_, err := file.Seek(0, io.SeekEnd)
	return err
}

func (r *Recorder) replay(e entry) {
	if e.Incident != nil {
		if e.Number < len(r.incidents) {
			r.incidents[e.Number] = e.Incident
			return
		}
		r.incidents = append(r.incidents, e.Incident)
	}
	if e.Message != nil {
		if known := r.message(e.Message.Channel, e.Message.TS); known != nil {
			*known = *e.Message
			return
		}
		r.messages = append(r.messages, e.Message)
		r.lastTS = max(r.lastTS, microseconds(e.Message.TS))
	}
}
