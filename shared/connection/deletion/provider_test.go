package deletion_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/mishap"
)

// slack is Slack, as far as threads and their deletion go.
type slack struct {
	now  func() time.Time
	plan *mishap.Plan

	mu       sync.Mutex
	messages []*posted
	asked    []string // the messages whose deletion was asked for, as channel and ts
	// deleteErr is what deletions answer, without effect; allowed deletions go through before it.
	deleteErr error
	allowed   int
	// loses says that what is posted is taken, and its answer lost. findErr is what look-ups answer.
	loses   bool
	findErr error
}

type posted struct {
	channel, ts, thread string
	message             thread.Message // as it was posted
	deleted             bool
}

var (
	_ thread.Slack      = (*slack)(nil)
	_ deletion.Messages = (*slack)(nil)
)

func (s *slack) Post(_ context.Context, channel, under string, message thread.Message) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := fmt.Sprintf("%d.%06d", s.now().Unix(), len(s.messages))
	s.messages = append(s.messages, &posted{channel: channel, ts: ts, thread: under, message: message})
	if s.loses {
		return "", &fault.Error{Class: fault.Unknown, Op: "post to Slack", Reason: "timeout"}
	}
	return ts, nil
}

func (s *slack) Update(context.Context, string, string, thread.Message) error { return nil }

func (s *slack) Find(_ context.Context, search thread.Search) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findErr != nil {
		return "", s.findErr
	}
	for _, m := range s.messages {
		if m.channel == search.Channel && m.thread == search.Thread && m.message.AlertKey == search.AlertKey {
			return m.ts, nil
		}
	}
	return "", nil
}

func (s *slack) Delete(_ context.Context, channel, ts string) error {
	return s.plan.Do("delete", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, channel+" "+ts)
		if s.deleteErr != nil && s.allowed == 0 {
			return s.deleteErr
		}
		s.allowed = max(s.allowed-1, 0)
		for _, m := range s.messages {
			m.deleted = m.deleted || m.channel == channel && m.ts == ts
		}
		return nil
	})
}

// shows draws the channels: each message that stands, replies indented beneath their root.
func (s *slack) shows() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, root := range s.messages {
		if root.thread != "" || root.deleted {
			continue
		}
		lines = append(lines, root.message.Content.Title)
		for _, reply := range s.messages {
			if reply.thread == root.ts && !reply.deleted {
				lines = append(lines, "  "+reply.message.Content.Title)
			}
		}
	}
	return lines
}

// pager is PagerDuty, as far as incidents go: a trigger opens one unless one is open, a resolve ends the open one.
type pager struct {
	mu       sync.Mutex
	answer   error // what the next calls answer, without effect
	received []incident.Page
	open     map[string]string // the titles of the triggers that opened them, by incident key
	opened   []string          // the titles of all triggers that opened one
}

var _ incident.Pager = (*pager)(nil)

func (p *pager) Enqueue(_ context.Context, page incident.Page) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answer != nil {
		return p.answer
	}
	p.received = append(p.received, page)
	_, open := p.open[page.IncidentKey]
	switch {
	case page.Content.Resolves:
		delete(p.open, page.IncidentKey)
	case !open:
		p.open[page.IncidentKey] = page.Content.Title
		p.opened = append(p.opened, page.Content.Title)
	}
	return nil
}

// shows lists the open incidents.
func (p *pager) shows() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Values(p.open))
}

// scheduler keeps messages for the purge queue until their moment.
type scheduler struct {
	plan    *mishap.Plan
	entries map[string]scheduled // by name
	made    []string             // the names, in the order of making
}

type scheduled struct {
	at   time.Time
	body string
}

var _ deletion.Scheduler = (*scheduler)(nil)

func (s *scheduler) Schedule(_ context.Context, name string, at time.Time, body string) error {
	return s.plan.Do("schedule", func() error {
		if !slices.Contains(s.made, name) {
			s.entries[name] = scheduled{at, body}
			s.made = append(s.made, name)
		}
		return nil
	})
}

// due takes what is to be sent by now, in the order of making.
func (s *scheduler) due(now time.Time) []string {
	var bodies []string
	for _, name := range s.made {
		if entry, waits := s.entries[name]; waits && !now.Before(entry.at) {
			bodies = append(bodies, entry.body)
			delete(s.entries, name)
		}
	}
	return bodies
}
