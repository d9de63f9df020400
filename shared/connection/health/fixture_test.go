package health_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

const (
	interval = 30 * time.Minute
	// ok, bad, limited, revoked and needed are the outcomes as a sequence writes them.
	ok, bad, limited, revoked, needed = 'o', 'x', 'l', 'r', 'n'
)

var outcomes = map[rune]health.Outcome{
	ok: health.Answered, bad: health.Failed, limited: health.Limited, revoked: health.TokenRevoked, needed: health.ConsentNeeded,
}

// patient is a connection, its clock, and what people were told of it.
type patient struct {
	*testing.T
	clock time.Time
	state health.State
	told  []health.Notice
	// outage is what stands in the way of telling.
	outage health.Outage
	grant  string
	isOpen bool // in the list of those that are looked at when something is told
}

func newPatient(t *testing.T) *patient { return &patient{T: t, clock: noon, grant: "grant-1"} }

// sees observes a sequence of outcomes, one every quarter of an hour, and tells what is due.
func (p *patient) sees(sequence string) *patient {
	for _, outcome := range sequence {
		p.clock = p.clock.Add(health.RetryInterval)
		p.observes(health.Observation{Grant: p.grant, Outcome: outcomes[outcome], Reason: "reason-" + string(outcome)})
	}
	return p
}

func (p *patient) observes(o health.Observation) {
	p.state = p.state.Observe(o, p.clock)
	p.tells()
}

func (p *patient) tells() {
	p.state = p.state.Tell(p.outage, p.clock)
	for _, notice := range p.state.Outbox {
		p.told = append(p.told, notice)
		p.state = p.state.Sent(notice.Number)
	}
}

// statuses are those that were told, each in a word.
func (p *patient) statuses() string {
	var words []string
	for _, notice := range p.told {
		words = append(words, string(notice.Status))
	}
	return strings.Join(words, " ")
}

func (p *patient) wants(status health.Status, told string) {
	p.Helper()
	if p.state.Status != status {
		p.Errorf("it is %s, want %s", p.state.Status, status)
	}
	if got := p.statuses(); got != told {
		p.Errorf("told: %q, want %q", got, told)
	}
}
