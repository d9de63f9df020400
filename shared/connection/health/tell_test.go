package health_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

const steady = "oooooo"

func TestWhatFlapsIsToldOnceUntilItIsSteady(t *testing.T) {
	for _, tt := range []struct{ name, sequence, told string }{
		{"three changes are told", "o xxx oo xxx", "error healthy error"},
		{"the fourth is flapping", "o xxx oo xxx oo", "error healthy error flapping"},
		{"which is told once", "o xxx oo xxx oo xxx oo xxx oo xxx", "error healthy error flapping"},
		{"five steady probes do not end it", "o xxx oo xxx oo ooooo", "error healthy error flapping"},
		{"six do", "o xxx oo xxx oo " + steady, "error healthy error flapping healthy"},
		{"on the bad side too", "o xxx oo xxx oo xxx xxxxxx", "error healthy error flapping error"},
		{"a change within the same day is flapping again", "o xxx oo xxx oo " + steady + " xxx", "error healthy error flapping healthy flapping"},
		{"what needs a person is told all the same", "o xxx oo xxx oo n", "error healthy error flapping needs_consent"},
		{"and as what it is", "o xxx oo xxx n", "error healthy error needs_consent"},
		{"once, however it flaps", "o xxx oo xxx oo n o n o n", "error healthy error flapping needs_consent"},
		{"a blip is no change", "o xxx oo xxx oo oxoxoo", "error healthy error flapping healthy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t).sees(strings.ReplaceAll(tt.sequence, " ", ""))
			if got := p.statuses(); got != tt.told {
				t.Errorf("told %q, want %q", got, tt.told)
			}
		})
	}
}

func TestFourChangesInMoreThanADayAreNoFlapping(t *testing.T) {
	p := newPatient(t).sees("o")
	for range 10 {
		for _, sequence := range []string{"xxx", "oo"} {
			p.sees(sequence)
			p.clock = p.clock.Add(8 * time.Hour)
		}
	}
	if strings.Contains(p.statuses(), "flapping") || len(p.told) != 20 {
		t.Errorf("told %q", p.statuses())
	}
}

func TestTellingTwiceTellsOnce(t *testing.T) {
	p := newPatient(t).sees("oxxx")
	for range 5 {
		p.tells()
	}
	p.wants(health.Error, "error")
}

// A notice stays in the outbox until it was sent, whatever happens to the connection meanwhile.
func TestWhatIsNotSentYetIsKept(t *testing.T) {
	s := health.State{}
	for i, outcome := range "oxxxoon" {
		s = s.Observe(health.Observation{Grant: "g", Outcome: outcomes[outcome]}, noon.Add(time.Duration(i)*health.RetryInterval))
		s = s.Tell(health.Outage{}, s.ObservedAt)
	}
	s = s.Observe(health.Observation{Grant: "another", Outcome: health.Answered}, noon.Add(24*time.Hour))
	s = s.Sent(2)
	if len(s.Outbox) != 2 || s.Outbox[0].Number != 1 || s.Outbox[1].Number != 3 || !s.IsOpen() {
		t.Errorf("outbox: %+v", s.Outbox)
	}
}

func TestAStateIsOpenWhileThereIsSomethingToTellOrToWatch(t *testing.T) {
	for sequence, want := range map[string]bool{
		"": false, "o": false, "ox": true, "oxo": false, "oxxx": true, "oxxxo": true, "oxxxoo": false, "or": true, "oxxxooxxxoo": true,
	} {
		if p := newPatient(t).sees(sequence); p.state.IsOpen() != want {
			t.Errorf("%s: %t", sequence, p.state.IsOpen())
		}
	}
}
