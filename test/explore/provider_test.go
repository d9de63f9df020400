package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
)

// slack is Slack, as all processes share it.
type slack struct {
	mu       sync.Mutex
	messages []*posted
	// refuses says that the channel is archived: nothing can be posted until a person mends it.
	refuses bool
	// blind says that nobody may look at what the channel holds: the app lacks its optional scopes.
	blind bool
}

type posted struct {
	channel, ts, thread string
	at                  time.Time
	message             thread.Message // as it was posted
	deleted             bool
}

// slackClient is a process's way to Slack.
type slackClient struct {
	*slack
	*process
}

var (
	_ thread.Slack      = slackClient{}
	_ deletion.Messages = slackClient{}
)

// Post implements thread.Slack.
func (c slackClient) Post(_ context.Context, channel, under string, message thread.Message) (string, error) {
	ts := make(chan string, 1) // outlives the call, which may take effect when nobody waits any more
	err := c.do("slack.Post", func() error {
		made, err := c.slack.post(channel, under, message)
		ts <- made
		return err
	})
	if err != nil {
		return "", classified(err, fault.Unknown)
	}
	return <-ts, nil
}

var errArchived = &fault.Error{Class: fault.Permanent, Op: "post to Slack", Reason: "is_archived"}

func (s *slack) post(channel, under string, message thread.Message) (ts string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses {
		return "", errArchived
	}
	root := s.at(channel, under)
	if under != "" && (root == nil || root.deleted) {
		return "", fmt.Errorf("post: %w", thread.ErrThreadGone)
	}
	made := &posted{
		channel: channel, thread: under, at: time.Now(), message: message, ts: fmt.Sprintf("%d.%06d", time.Now().Unix(), len(s.messages)),
	}
	s.messages = append(s.messages, made)
	return made.ts, nil
}

func (s *slack) refuse(refuses bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = refuses
}

func (s *slack) at(channel, ts string) *posted {
	for _, m := range s.messages {
		if m.channel == channel && m.ts == ts {
			return m
		}
	}
	return nil
}

// Update implements thread.Slack.
func (c slackClient) Update(_ context.Context, channel, ts string, _ thread.Message) error {
	return classified(c.do("slack.Update", func() error {
		c.slack.mu.Lock()
		defer c.slack.mu.Unlock()
		if found := c.slack.at(channel, ts); found == nil || found.deleted {
			return fmt.Errorf("update: %w", thread.ErrMessageGone)
		}
		return nil
	}), fault.Transient)
}

// Find implements thread.Slack.
func (c slackClient) Find(_ context.Context, search thread.Search) (string, error) {
	ts := make(chan string, 1)
	err := c.do("slack.Find", func() error {
		if c.blind {
			return fmt.Errorf("find: %w", thread.ErrCannotLook)
		}
		ts <- c.slack.find(search)
		return nil
	})
	if err != nil {
		return "", classified(err, fault.Transient)
	}
	return <-ts, nil
}

func (s *slack) find(search thread.Search) (ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		within := !m.at.Before(search.From) && !m.at.After(search.To)
		if m.channel == search.Channel && m.thread == search.Thread && m.message.AlertKey == search.AlertKey && !m.deleted && within {
			return m.ts
		}
	}
	return ""
}

// Delete implements deletion.Messages.
func (c slackClient) Delete(_ context.Context, channel, ts string) error {
	return classified(c.do("slack.Delete", func() error {
		c.slack.mu.Lock()
		defer c.slack.mu.Unlock()
		if found := c.slack.at(channel, ts); found != nil {
			found.deleted = true
		}
		return nil
	}), fault.Transient)
}

// shows lists the messages that stand.
func (s *slack) shows() []string {
	var lines []string
	for _, m := range s.messages {
		if !m.deleted && m.message.Content.Digest == nil {
			lines = append(lines, m.line())
		}
	}
	return lines
}

func (m *posted) line() string {
	text := lineOf(m.message.Content)
	if m.message.PossiblyRepeated {
		return text + possiblyRepeated
	}
	return text
}

func lineOf(content alert.Content) string {
	return strings.TrimSpace("slack " + content.Title + " " + content.ResourceID)
}

const possiblyRepeated = ", possibly repeated"

// understood is what a person takes from the lines, who knows that one that is marked may repeat another, and how many did.
func understood(lines []string) (understood []string, repetitions int) {
	var marked []string
	for _, line := range lines {
		if plain, isMarked := strings.CutSuffix(line, possiblyRepeated); isMarked {
			marked = append(marked, plain)
		} else {
			understood = append(understood, line)
		}
	}
	for _, line := range marked {
		if slices.Contains(understood, line) {
			repetitions++
		} else {
			understood = append(understood, line)
		}
	}
	return understood, repetitions
}

// digested counts the events that digests told of.
func (s *slack) digested() (events int) {
	for _, m := range s.messages {
		if told := m.message.Content.Digest; told != nil {
			events += told.Events
		}
	}
	return events
}

// pager is PagerDuty, as all processes share it.
type pager struct {
	mu     sync.Mutex
	open   map[string]bool     // by incident key
	opened map[string][]string // what opened an incident, by incident key
}

// pagerClient is a process's way to PagerDuty.
type pagerClient struct {
	*pager
	*process
}

var _ incident.Pager = pagerClient{}

// Enqueue implements incident.Pager.
func (c pagerClient) Enqueue(_ context.Context, page incident.Page) error {
	return classified(c.do("pager.Enqueue", func() error {
		c.pager.enqueue(page)
		return nil
	}), fault.Transient)
}

func (p *pager) enqueue(page incident.Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !page.Content.Resolves && !p.open[page.IncidentKey] {
		what := strings.TrimSpace(page.Content.Title + " " + page.Content.ResourceID)
		p.opened[page.IncidentKey] = append(p.opened[page.IncidentKey], what)
	}
	p.open[page.IncidentKey] = !page.Content.Resolves
}

// shows lists every incident that was opened, and how it stands.
func (p *pager) shows() []string {
	var lines []string
	for key, opened := range p.opened {
		for _, what := range opened {
			state := "resolved"
			if p.open[key] {
				state = "open"
			}
			lines = append(lines, "page "+what+": "+state)
		}
	}
	return lines
}

// classified is the error as the adapters make it: what the loss of an answer means depends on the call.
func classified(err error, lost fault.Class) error {
	switch {
	case errors.Is(err, mishap.ErrRefused):
		return &fault.Error{Class: fault.Transient, Op: "call the provider", Reason: "no_connection", Err: err}
	case errors.Is(err, mishap.ErrLost):
		return &fault.Error{Class: lost, Op: "call the provider", Reason: "timeout", Err: err}
	case errors.Is(err, errThrottled):
		return &fault.Error{Class: fault.Throttled, Op: "call the provider", Reason: "rate_limited", RetryAfter: throttledFor, Err: err}
	}
	return err
}

// scheduler keeps messages for the purge queue until their moment.
type scheduler struct {
	mu      sync.Mutex
	entries []scheduled
}

type scheduled struct {
	name, body string
	at         time.Time
	fired      bool
}

// schedulerClient is a process's way to the scheduler.
type schedulerClient struct {
	*scheduler
	*process
}

var _ deletion.Scheduler = schedulerClient{}

// Schedule implements deletion.Scheduler.
func (c schedulerClient) Schedule(_ context.Context, name string, at time.Time, body string) error {
	return c.do("scheduler.Schedule", func() error {
		c.scheduler.mu.Lock()
		defer c.scheduler.mu.Unlock()
		for _, made := range c.scheduler.entries {
			if made.name == name {
				return nil
			}
		}
		c.scheduler.entries = append(c.scheduler.entries, scheduled{name: name, body: body, at: at})
		return nil
	})
}

// due takes the bodies of what is due.
func (s *scheduler) due(now time.Time) (bodies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if made := &s.entries[i]; !made.fired && !now.Before(made.at) {
			made.fired = true
			bodies = append(bodies, made.body)
		}
	}
	return bodies
}

// fireTwice has what is scheduled fire once more, as EventBridge Scheduler may.
func (s *scheduler) fireTwice() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, made := range slices.Clone(s.entries) {
		made.name += " again"
		s.entries = append(s.entries, made)
	}
}

func (s *scheduler) isEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, made := range s.entries {
		if !made.fired {
			return false
		}
	}
	return true
}
