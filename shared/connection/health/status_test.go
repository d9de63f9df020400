package health_test

import (
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
)

// Each arrow as the design draws it, and each beginning of one that is none yet.
func TestAStatusChangesAsDrawn(t *testing.T) {
	for _, tt := range []struct {
		name, sequence string
		want           health.Status
		told           string
	}{
		{"unknown to healthy is silent", "o", health.Healthy, ""},
		{"two failures are no error", "oxx", health.Healthy, ""},
		{"three in a row are", "oxxx", health.Error, "error"},
		{"three that are not in a row are none", "oxxoxxoxx", health.Healthy, ""},
		{"an error is told once", "oxxxxxxxxx", health.Error, "error"},
		{"one success ends no error", "oxxxo", health.Error, "error"},
		{"two in a row do", "oxxxoo", health.Healthy, "error healthy"},
		{"two that are not in a row do not", "oxxxoxoxo", health.Error, "error"},
		{"what never answered is told too", "xxx", health.Error, "error"},
		{"two refusals for the rate are nothing", "oll", health.Healthy, ""},
		{"three are throttled", "olll", health.Throttled, "throttled"},
		{"one success ends no throttling", "olllo", health.Throttled, "throttled"},
		{"two in a row do", "ollloo", health.Healthy, "throttled healthy"},
		{"throttled and failed in turn is an error", "olxl", health.Error, "error"},
		{"nothing leads from throttled to error", "olllxxxx", health.Throttled, "throttled"},
		{"nothing leads from error to throttled", "oxxxllll", health.Error, "error"},
		{"healthy to revoked at once", "or", health.Revoked, "revoked"},
		{"unknown to revoked at once", "r", health.Revoked, "revoked"},
		{"error to revoked at once", "oxxxr", health.Revoked, "error revoked"},
		{"throttled to revoked at once", "olllr", health.Revoked, "throttled revoked"},
		{"needing consent to revoked at once", "onr", health.Revoked, "needs_consent revoked"},
		{"nothing leads out of revoked", "orooxxxlllnn", health.Revoked, "revoked"},
		{"healthy to needing consent at once", "on", health.NeedsConsent, "needs_consent"},
		{"unknown to needing consent at once", "n", health.NeedsConsent, "needs_consent"},
		{"error to needing consent at once", "oxxxn", health.NeedsConsent, "error needs_consent"},
		{"it is told once", "onnnnnnn", health.NeedsConsent, "needs_consent"},
		{"tokens that come late lead out", "ono", health.Healthy, "needs_consent healthy"},
		{"and not to health where they fail", "onx", health.Unknown, "needs_consent"},
		{"but to an error, by the rule", "onxxx", health.Error, "needs_consent error"},
	} {
		t.Run(tt.name, func(t *testing.T) { newPatient(t).sees(tt.sequence).wants(tt.want, tt.told) })
	}
}

func TestThreeFailuresAreNoErrorBeforeHalfAnHour(t *testing.T) {
	p := newPatient(t).sees("o")
	for range 10 { // as by hand: probe, probe, probe
		p.clock = p.clock.Add(health.LeastErrorTime/9 - time.Second)
		p.observes(health.Observation{Grant: p.grant, Outcome: health.Failed})
	}
	p.wants(health.Healthy, "")
	p.clock = p.clock.Add(9 * time.Second)
	p.observes(health.Observation{Grant: p.grant, Outcome: health.Failed})
	p.wants(health.Error, "error")
}

func TestAnotherConsentLeadsOutOfAll(t *testing.T) {
	for sequence, told := range map[string]string{"or": "revoked", "on": "needs_consent", "oxxx": "error", "olll": "throttled"} {
		p := newPatient(t).sees(sequence)
		p.grant = "grant-2"
		p.sees("x").wants(health.Unknown, told)
		p.grant = "grant-3"
		p.sees("o").wants(health.Healthy, told+" healthy")
	}
}

// What a person does does not flap: the demo can be shown all day.
func TestConsentThatIsGivenAndTakenAllDayIsNoFlapping(t *testing.T) {
	p := newPatient(t).sees("o")
	want := ""
	for i := range 6 {
		p.sees("r")
		p.grant = "grant-" + string(rune('a'+i))
		p.sees("o")
		want += "revoked healthy "
	}
	p.wants(health.Healthy, want[:len(want)-1])
}

func TestANoticeSaysSinceWhenAndWhyAndItsNumberRises(t *testing.T) {
	p := newPatient(t).sees("oxxxoor")
	var last int64
	for _, notice := range p.told {
		if notice.Number <= last {
			t.Errorf("number %d after %d", notice.Number, last)
		}
		last = notice.Number
	}
	broken, restored, taken := p.told[0], p.told[1], p.told[2]
	at := func(probes int) time.Time { return noon.Add(time.Duration(probes) * health.RetryInterval) }
	if broken.Reason != "reason-x" || !broken.At.Equal(at(4)) || !broken.BadSince.Equal(at(2)) {
		t.Errorf("broken: %+v", broken)
	}
	if !restored.IsRestored() || restored.Reason != "" || !restored.At.Equal(at(6)) || broken.IsRestored() {
		t.Errorf("restored: %+v", restored)
	}
	if taken.Reason != "reason-r" || !taken.At.Equal(at(7)) {
		t.Errorf("revoked: %+v", taken)
	}
}

// Who asks for a probe waits for a greater number, whatever comes of it.
func TestEveryObservationIsCounted(t *testing.T) {
	p := newPatient(t).sees("oxxxlrn")
	p.grant = "grant-2"
	if p.sees("o"); p.state.Observed != 8 || !p.state.ObservedAt.Equal(p.clock) {
		t.Errorf("%d observations, the last at %s", p.state.Observed, p.state.ObservedAt)
	}
}

func TestWhatNobodyLookedAtIsUnknownAndIsToldWhenItIsKnownAgain(t *testing.T) {
	for _, tt := range []struct {
		before, after string
		want          health.Status
		told          string
	}{
		{"o", "", health.Unknown, ""},
		{"o", "o", health.Healthy, ""},
		{"oxxx", "oo", health.Healthy, "error healthy"},
		{"oxxx", "xxx", health.Error, "error"},
		{"olll", "xxx", health.Error, "throttled error"},
		{"oxx", "x", health.Unknown, ""},
		{"or", "", health.Revoked, "revoked"},
		{"on", "", health.NeedsConsent, "needs_consent"},
	} {
		p := newPatient(t).sees(tt.before)
		p.state = p.state.Forgotten(p.clock)
		p.tells()
		p.sees(tt.after).wants(tt.want, tt.told)
	}
}

func TestSilenceIsTwiceTheIntervalAndTwoHoursAtTheLeast(t *testing.T) {
	seen := newPatient(t).sees("o").state
	for _, tt := range []struct {
		interval, ago time.Duration
		since         time.Time
		want          bool
	}{
		{15 * time.Minute, 2*time.Hour - 1, time.Time{}, false},
		{15 * time.Minute, 2 * time.Hour, time.Time{}, true},
		{24 * time.Hour, 48*time.Hour - 1, time.Time{}, false},
		{24 * time.Hour, 48 * time.Hour, time.Time{}, true},
		{interval, 90 * time.Hour, seen.ObservedAt.Add(90*time.Hour - time.Minute), false},
	} {
		if got := seen.IsSilent(tt.since, tt.interval, seen.ObservedAt.Add(tt.ago)); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

func TestSilenceIsToldOnceForAll(t *testing.T) {
	silence := health.Silence{}
	var numbers []int64
	for i, silent := range []int{0, 0, 5, 7, 1, 0, 0, 3} {
		next := silence.Judge(silent, noon.Add(time.Duration(i)*time.Minute))
		if next != silence {
			numbers = append(numbers, next.Number)
		}
		silence = next
	}
	if len(numbers) != 3 || numbers[2] != 3 || !silence.Open || silence.Silent != 3 {
		t.Errorf("changes %v, at last %+v", numbers, silence)
	}
}

func TestTheNextLookIsWithinAQuarterOfAnHourOnlyAfterAFailure(t *testing.T) {
	for _, tt := range []struct {
		sequence  string
		interval  time.Duration
		want, max time.Duration
	}{
		{"o", 30 * time.Minute, 30 * time.Minute, 33 * time.Minute},
		{"o", 15 * time.Minute, 15 * time.Minute, 17 * time.Minute},
		{"ox", 24 * time.Hour, 15 * time.Minute, 17 * time.Minute},
		{"oxxxx", 30 * time.Minute, 15 * time.Minute, 17 * time.Minute},
		{"oxxxo", 30 * time.Minute, 15 * time.Minute, 17 * time.Minute},
		{"oxo", 30 * time.Minute, 30 * time.Minute, 33 * time.Minute},
		{"on", 30 * time.Minute, 30 * time.Minute, 33 * time.Minute},
	} {
		p := newPatient(t).sees(tt.sequence)
		soonest, latest := p.state.Next(tt.interval, 0, p.clock).Sub(p.clock), p.state.Next(tt.interval, 0.999, p.clock).Sub(p.clock)
		if soonest != tt.want || latest <= soonest || latest > tt.max {
			t.Errorf("after %s every %s: in %s to %s", tt.sequence, tt.interval, soonest, latest)
		}
	}
}
