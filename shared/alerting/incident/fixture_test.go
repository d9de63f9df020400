package incident_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
	"revento-alerts/shared/testkit/story"
)

var noon = story.Noon

// pager is PagerDuty, as far as incidents go: a trigger opens one unless one is open, a resolve ends the open one.
type pager struct {
	plan     *mishap.Plan
	answer   error // what the next calls answer, without effect
	received []incident.Page
	open     map[string]bool // by incident key
	opened   int
}

var _ incident.Pager = (*pager)(nil)

func (p *pager) Enqueue(_ context.Context, page incident.Page) error {
	err := p.plan.Do("enqueue", func() error {
		p.received = append(p.received, page)
		if p.answer != nil {
			return p.answer
		}
		if !page.Content.Resolves && !p.open[page.IncidentKey] {
			p.opened++
		}
		p.open[page.IncidentKey] = !page.Content.Resolves
		return nil
	})
	if errors.Is(err, mishap.ErrRefused) || errors.Is(err, mishap.ErrLost) {
		return &fault.Error{Class: fault.Transient, Op: "page", Reason: "mishap", Err: err}
	}
	return err
}

// bench is the rules with all that they touch. Its clock begins an hour after noon, when the events happened.
type bench struct {
	*testing.T
	incident.Task
	pager   *pager
	records *memory.Records
	clock   time.Time
}

func newBench(t *testing.T, plan *mishap.Plan) *bench {
	b := &bench{T: t, pager: &pager{plan: plan, open: map[string]bool{}}, records: memory.NewRecords(), clock: noon.Add(time.Hour)}
	b.Task = incident.Task{
		Pager: b.pager, Records: mishap.Records{Store: b.records, Plan: plan}, Display: alert.Display{Environment: "test"},
		Now: func() time.Time { return b.clock },
	}
	return b
}

func event(t testing.TB, name string) handoff.Event {
	t.Helper()
	return story.Event(t, route.PagerDuty, name)
}

func (b *bench) work(e handoff.Event) (worker.Outcome, error) {
	return b.Work(b.Context(), e, telemetry.New(io.Discard, telemetry.Options{}).Begin("alert"))
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
func (b *bench) alertRecord(name string) record.Entry[alert.Record] {
	b.Helper()
	return story.AlertRecord(b, b.records, event(b, name))
}

func (b *bench) isOpen() bool { return b.pager.open[event(b, "flag@0").IncidentKey] }
