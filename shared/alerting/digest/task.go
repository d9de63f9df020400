package digest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/telemetry"
)

// Store is what is kept of connections.
type Store interface {
	record.Store
	record.Index
}

// Task is the rules of the digest queue.
type Task struct {
	// Entries takes the events. What keeps a deleted connection's from being stored stands in front of it.
	Entries   worker.Task
	Stack     string
	Records   Store
	Deletions record.Store
	Queues    queue.Sender
	// Attends tells how many attend a connection's event, and false where that is not known; nil where connections are off. It asks
	// nobody outside. A digest does not wait for what it fails with.
	Attends func(ctx context.Context, of record.Connection) (alert.Attendance, bool, error)
	Now     func() time.Time
}

var _ worker.Chore = (*Task)(nil)

// Open implements worker.Chore. The queue holds hand-offs and the schedule's messages.
func (t *Task) Open(message queue.Message, line *telemetry.Line) (worker.Job, error) {
	if _, err := handoff.Decode(message.Body); err == nil {
		return worker.Alerts(t.Entries).Open(message, line)
	}
	window, err := decode(message.Body)
	if err != nil {
		return worker.Job{}, err
	}
	line.Set("window", window)
	do := func(ctx context.Context, line *telemetry.Line) (worker.Outcome, error) {
		return t.run(ctx, window, line)
	}
	return worker.Job{Do: do}, nil
}

// schemaVersion is the version of the schedule's messages.
const schemaVersion = 1

// body is a message of the schedule.
type body struct {
	Schema int      `json:"schema"`
	Run    *runBody `json:"run"`
}

type runBody struct {
	// Window is the moment that the schedule meant.
	Window time.Time `json:"window"`
}

// RunMessage asks for a run. The template's schedule sends the same.
func RunMessage(window time.Time) queue.Message {
	text, err := json.Marshal(body{Schema: schemaVersion, Run: &runBody{Window: window.UTC()}})
	if err != nil {
		panic("digest: a moment of the schedule cannot fail to encode: " + err.Error())
	}
	return queue.Message{Body: string(text)}
}

// errMessage is returned for a message that no version of this program wrote; it holds nothing of it.
var errMessage = errors.New("the message is no hand-off and asks for no digest: not JSON of the known form")

func decode(text string) (time.Time, error) {
	var content body
	if err := json.Unmarshal([]byte(text), &content); err != nil {
		return time.Time{}, errMessage
	}
	if err := queue.CheckSchema(content.Schema, schemaVersion); err != nil {
		return time.Time{}, err
	}
	if content.Run == nil || content.Run.Window.IsZero() {
		return time.Time{}, errMessage
	}
	return content.Run.Window.UTC(), nil
}
