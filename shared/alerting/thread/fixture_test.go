package thread_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

var noon = story.Noon

// slack is Slack with one channel, as far as threads go.
type slack struct {
	plan *mishap.Plan
	now  func() time.Time

	messages []*posted
	// calls are the calls that arrived, as "post", "update" and "find".
	calls    []string
	searches []thread.Search

	// What the next calls answer, without effect.
	postErr, updateErr, findErr error
	// takesDeadReplies says that a reply to a deleted root is taken, where nobody reads it.
	takesDeadReplies bool
}

type posted struct {
	ts, thread string
	opening    thread.Message // as it was posted
	shown      thread.Message // as it is
	deleted    bool
}

var _ thread.Slack = (*slack)(nil)

func (s *slack) Post(_ context.Context, in, under string, message thread.Message) (ts string, err error) {
	s.calls = append(s.calls, "post")
	err = s.plan.Do("post", func() error {
		if s.postErr != nil {
			return s.postErr
		}
		if root := s.at(under); under != "" && (root == nil || root.deleted && !s.takesDeadReplies) {
			return fmt.Errorf("post: %w", thread.ErrThreadGone)
		}
		ts = fmt.Sprintf("%d.%06d", s.now().Unix(), len(s.messages))
		s.messages = append(s.messages, &posted{ts: ts, thread: under, opening: message, shown: message})
		return nil
	})
	return ts, classified(err)
}

// losePost has the next call take effect and its answer be lost.
func (s *slack) losePost() {
	find := 0
	if len(s.messages) > 0 { // it is looked for before
		find = 1
	}
	s.plan = mishap.At(1+find, mishap.FailsAfter)
}

func (s *slack) Update(_ context.Context, _, ts string, message thread.Message) error {
	s.calls = append(s.calls, "update")
	return classified(s.plan.Do("update", func() error {
		found := s.at(ts)
		switch {
		case s.updateErr != nil:
			return s.updateErr
		case found == nil || found.deleted:
			return fmt.Errorf("update: %w", thread.ErrMessageGone)
		}
		found.shown = message
		return nil
	}))
}

func (s *slack) Find(_ context.Context, search thread.Search) (ts string, err error) {
	s.calls = append(s.calls, "find")
	s.searches = append(s.searches, search)
	err = s.plan.Do("find", func() error {
		for _, m := range s.messages {
			var seconds int64
			_, _ = fmt.Sscan(m.ts[:strings.Index(m.ts, ".")], &seconds)
			at := time.Unix(seconds, 0)
			if m.opening.AlertKey == search.AlertKey && m.thread == search.Thread && !at.Before(search.From) && !at.After(search.To) {
				ts = m.ts
			}
		}
		return s.findErr
	})
	return ts, classified(err)
}

func classified(err error) error {
	switch {
	case errors.Is(err, mishap.ErrRefused):
		return &fault.Error{Class: fault.Transient, Op: "call Slack", Reason: "refused", Err: err}
	case errors.Is(err, mishap.ErrLost):
		return &fault.Error{Class: fault.Unknown, Op: "call Slack", Reason: "timeout", Err: err}
	}
	return err
}

func (s *slack) at(ts string) *posted {
	for _, m := range s.messages {
		if m.ts == ts {
			return m
		}
	}
	return nil
}

// deleteRoots is what a person does who clears the channel.
func (s *slack) deleteRoots() {
	for _, m := range s.messages {
		m.deleted = m.deleted || m.thread == ""
	}
}

// show draws the channel: each message that a person sees, replies indented beneath their root.
func (s *slack) show() []string {
	var lines []string
	for _, root := range s.messages {
		if root.thread != "" || root.deleted {
			continue
		}
		lines = append(lines, describe(root))
		for _, reply := range s.messages {
			if reply.thread == root.ts {
				lines = append(lines, "  "+describe(reply))
			}
		}
	}
	return lines
}

func describe(m *posted) string {
	text := story.VerbOf(m.opening.Content.Type)
	if m.opening.OutOfOrder {
		text += ", late"
	}
	if m.opening.PossiblyRepeated {
		text += ", possibly repeated"
	}
	if now := story.VerbOf(m.shown.Content.Type); now != story.VerbOf(m.opening.Content.Type) {
		text += ", shows " + now + " after " + story.VerbOf(m.shown.Opened.Type)
	}
	if m.opening.Reply != (m.thread != "") {
		text += ", drawn for another place"
	}
	return text
}

// bench is the rules with all that they touch. Its clock begins an hour after noon, when the events happened.
type bench struct {
	*testing.T
	thread.Task
	slack   *slack
	records *memory.Records
	clock   time.Time
	log     bytes.Buffer
}

func newBench(t *testing.T, plan *mishap.Plan) *bench {
	b := &bench{T: t, records: memory.NewRecords(), clock: noon.Add(time.Hour)}
	now := func() time.Time { return b.clock }
	b.slack = &slack{plan: plan, now: now}
	b.Task = thread.Task{
		Slack: b.slack, Records: mishap.Records{Store: b.records, Plan: plan}, Display: alert.Display{Environment: "test"}, Now: now,
	}
	return b
}

func event(t testing.TB, name string) handoff.Event {
	t.Helper()
	return story.Event(t, route.Slack, name)
}

func (b *bench) work(e handoff.Event) (worker.Outcome, error) {
	b.clock = b.clock.Add(receipt)
	return b.workUnder(b.Context(), e)
}

// receipt is how long after one receipt the next one comes, and how long Slack asks to wait here.
const receipt = 10 * time.Second

func (b *bench) workUnder(ctx context.Context, e handoff.Event) (worker.Outcome, error) {
	line := telemetry.New(&b.log, telemetry.Options{}).Begin("alert")
	defer line.End(ctx)
	return b.Work(ctx, e, line)
}

// mustWork works on an event that is to end well.
func (b *bench) mustWork(name string) worker.Outcome {
	b.Helper()
	outcome, err := b.work(event(b, name))
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return outcome
}

// delivered works on an event until its message is done with.
func (b *bench) delivered(name string) {
	b.Helper()
	story.Delivered(b, name, func() error {
		_, err := b.work(event(b, name))
		return err
	})
}

// alertRecord is what is kept of an event's alert.
func (b *bench) alertRecord(name string) alert.Record {
	b.Helper()
	return story.AlertRecord(b, b.records, event(b, name)).Value
}
