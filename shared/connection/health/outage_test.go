package health_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

// ward is many connections, judged together after each look as the telling does.
type ward struct {
	*testing.T
	clock    time.Time
	patients []*patient
	outage   health.Outage
	rounds   []health.Outage // those that were told
}

func newWard(t *testing.T, connections int) *ward {
	w := &ward{T: t, clock: noon}
	for range connections {
		w.patients = append(w.patients, &patient{T: t, grant: "grant-1"})
	}
	w.each("o", w.patients...)
	return w
}

// each has the connections looked at, one a minute, with the same outcome, and judges after each.
func (w *ward) each(outcome string, patients ...*patient) {
	for _, p := range patients {
		w.clock = w.clock.Add(time.Minute)
		w.look(p, []rune(outcome)[0])
	}
}

func (w *ward) look(p *patient, outcome rune) {
	p.clock = w.clock
	p.state = p.state.Observe(health.Observation{Grant: p.grant, Outcome: outcomes[outcome], Reason: string(outcome)}, w.clock)
	p.isOpen = p.state.IsOpen()
	w.judge()
}

func (w *ward) judge() {
	var ill []health.State
	for _, p := range w.patients {
		if p.isOpen && p.state.IsIll() {
			ill = append(ill, p.state)
		}
	}
	before := w.outage
	if w.outage = before.Judge(ill, len(w.patients), interval, w.clock); w.outage.Round > before.Round {
		w.rounds = append(w.rounds, w.outage)
		if !before.NeedsCount(ill, interval) {
			w.Errorf("it began, and it was said that it could not")
		}
	}
	for _, p := range w.patients {
		if p.isOpen {
			p.clock, p.outage = w.clock, w.outage
			p.tells()
			p.isOpen = p.state.IsOpen()
		}
	}
}

func (w *ward) passes(d time.Duration) { w.clock = w.clock.Add(d) }

// told is what was told of all connections, as "3 error 1 healthy".
func (w *ward) told() string {
	counts := map[health.Status]int{}
	for _, p := range w.patients {
		for _, notice := range p.told {
			counts[notice.Status]++
		}
	}
	var words []string
	for _, status := range []health.Status{health.Error, health.Throttled, health.Revoked, health.NeedsConsent, health.Flapping, health.Healthy} {
		if counts[status] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[status], status))
		}
	}
	return strings.Join(words, " ")
}

func (w *ward) wants(rounds int, open bool, told string) {
	w.Helper()
	if len(w.rounds) != rounds || w.outage.Open != open || w.told() != told {
		w.Errorf("%d rounds, open: %t, told %q; want %d, %t, %q", len(w.rounds), w.outage.Open, w.told(), rounds, open, told)
	}
}

// fails has connections fail until they are an error.
func (w *ward) fails(patients ...*patient) {
	for range health.BadInARow {
		w.each("x", patients...)
		w.passes(health.RetryInterval)
	}
}

func TestWhereReventoAnswersNobodyThatAloneIsTold(t *testing.T) {
	w := newWard(t, 10)
	w.fails(w.patients...)
	w.wants(1, true, "")
	if round := w.rounds[0]; round.Round != 1 || round.All != 10 || round.Bad <= 5 {
		t.Errorf("the round: %+v", round)
	}
	w.each("o", w.patients...)
	w.each("o", w.patients...)
	w.wants(1, false, "")
}

func TestThoseThatAreBadStillAfterAnOutageAreTold(t *testing.T) {
	w := newWard(t, 10)
	w.fails(w.patients...)
	broken, others := w.patients[:2], w.patients[2:]
	w.each("o", others...)
	w.each("o", others...)
	w.wants(1, false, "")
	w.each("x", broken...)
	w.wants(1, false, "2 error")
}

// When half are well again, the others had no chance to show it yet.
func TestTheEndOfAnOutagePagesForNobodyWhoRecovers(t *testing.T) {
	w := newWard(t, 9)
	w.fails(w.patients...)
	for range 2 {
		w.each("o", w.patients...)
		w.passes(health.RetryInterval)
	}
	w.wants(1, false, "")
}

func TestAnOutageIsOfMoreThanHalfAndOfThreeAtTheLeast(t *testing.T) {
	for _, tt := range []struct {
		all, bad, rounds int
		told             string
	}{
		{1, 1, 0, "1 error"},
		{2, 2, 0, "2 error"},
		{3, 2, 0, "2 error"},
		{3, 3, 1, ""},
		{4, 2, 0, "2 error"},
		{5, 3, 1, ""},
		{6, 3, 0, "3 error"},
		{7, 4, 1, ""},
	} {
		w := newWard(t, tt.all)
		w.fails(w.patients[:tt.bad]...)
		w.wants(tt.rounds, tt.rounds > 0, tt.told)
	}
}

func TestAnOutageIsOfAnyKind(t *testing.T) {
	w := newWard(t, 5)
	w.each("x", w.patients[:2]...)
	w.each("n", w.patients[2])
	w.wants(1, true, "")
	w.each("r", w.patients[3])
	w.wants(1, true, "")
}

func TestWhatTurnedBadLongAgoIsNoOutage(t *testing.T) {
	w := newWard(t, 5)
	for _, p := range w.patients[:4] {
		w.each("r", p)
		w.passes(2 * interval)
	}
	w.wants(0, false, "4 revoked")
}

// What was told before it was an outage stays told, and its end is too.
func TestWhatWasToldBeforeAnOutageIsToldToEnd(t *testing.T) {
	w := newWard(t, 5)
	w.each("r", w.patients[0])
	w.wants(0, false, "1 revoked")
	w.fails(w.patients[1:]...)
	w.wants(1, true, "1 revoked")
	w.patients[0].grant = "grant-2"
	w.each("o", w.patients[0])
	w.wants(1, true, "1 revoked 1 healthy")
}

func TestTheNextOutageIsAnotherRound(t *testing.T) {
	w := newWard(t, 6)
	for range 2 {
		w.fails(w.patients...)
		w.each("o", w.patients...)
		w.each("o", w.patients...)
		w.passes(time.Hour)
	}
	w.wants(2, false, "")
	if w.rounds[1].Round != 2 {
		t.Errorf("rounds: %+v", w.rounds)
	}
}

// Two outages are four changes of each connection, of which nobody was told: that is no flapping.
func TestOutagesMakeNothingFlap(t *testing.T) {
	w := newWard(t, 6)
	for range 4 {
		w.fails(w.patients...)
		w.each("o", w.patients...)
		w.each("o", w.patients...)
	}
	w.fails(w.patients[0])
	if told := w.told(); told != "1 error" {
		t.Errorf("told %q", told)
	}
}

// Those that are bad still when an outage ends are told each, however many they are: it does not begin anew with them.
func TestWhatAnOutageLeavesIsNoOther(t *testing.T) {
	ended := health.Outage{Round: 1, From: noon, EndedAt: noon.Add(4 * time.Hour)}
	var left []health.State
	for range 6 {
		left = append(left, newPatient(t).sees("oxxx").state)
	}
	for i := range left {
		left[i].Told = health.Healthy
	}
	if next := ended.Judge(left, 10, interval, noon.Add(5*time.Hour)); next.Open {
		t.Errorf("it is another: %+v", next)
	}
}
