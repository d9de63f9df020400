package upkeep_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

func TestAConnectionIsProbedEveryInterval(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.passes(3*time.Hour + time.Minute)
		if got := len(b.probed); got < 6 || got > 7 {
			b.Errorf("%d probes in three hours", got)
		}
		b.wantsTold("")
	})
}

// The story of the demo: revoked, probed by hand, told once; connected again, and that is told.
func TestWhatIsRevokedIsToldOnceAndEndsWithAnotherConsent(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.TokenRevoked
		after, err := b.Ask(b.Context(), of("evt_1"))
		if err != nil {
			b.Fatal(err)
		}
		if _, done, _ := b.Result(b.Context(), of("evt_1"), after); done {
			b.Error("there is a result before anything was done")
		}
		b.works()
		state, done, err := b.Result(b.Context(), of("evt_1"), after)
		if err != nil || !done || state.Status != health.Revoked {
			b.Errorf("the result: %t %+v %v", done, state, err)
		}
		if s := b.standing("evt_1"); s.State != connection.Revoked || !s.Due.IsZero() {
			b.Errorf("the registry has %+v", s.Info)
		}
		b.passes(24 * time.Hour)
		b.wantsTold("broken revoked")
		if _, err := b.Ask(b.Context(), of("evt_1")); !errors.Is(err, upkeep.ErrNotServed) {
			b.Errorf("asked again: %v", err)
		}
		b.answers["evt_1"] = ""
		b.connects("evt_1")
		b.ticks()
		b.wantsTold("broken revoked, restored healthy")
		broken, restored := b.told[0], b.told[1]
		if broken.ResourceID != "evt_1" || restored.ResourceID != "evt_1" || restored.Number <= broken.Number || broken.Consented.IsZero() {
			b.Errorf("they are %+v and %+v", broken, restored)
		}
	})
}

func TestAnErrorIsToldAfterThreeProbesAQuarterOfAnHourApart(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.Failed
		b.passes(interval + 25*time.Minute)
		b.wantsTold("")
		b.passes(15 * time.Minute)
		b.wantsTold("broken error")
		b.answers["evt_1"] = ""
		b.passes(40 * time.Minute)
		b.wantsTold("broken error, restored healthy")
	})
}

func TestTokensThatComeLateMakeItActiveAgain(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.ConsentNeeded
		b.passes(time.Hour)
		if s := b.standing("evt_1"); s.State != connection.NeedsConsent || s.Reason != connection.LostRotation {
			b.Errorf("the registry has %+v", s.Info)
		}
		b.answers["evt_1"] = ""
		b.passes(time.Hour)
		if s := b.standing("evt_1"); s.State != connection.Active {
			b.Errorf("the registry has %+v", s.Info)
		}
		b.wantsTold("broken needs_consent, restored healthy")
	})
}

func TestOneMessageIsOutForAConnection(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		for range 3 {
			if _, err := b.Tick(b.Context()); err != nil {
				b.Fatal(err)
			}
			if _, err := b.Ask(b.Context(), of("evt_1")); err != nil {
				b.Fatal(err)
			}
		}
		if got := b.syncs(); got != 1 {
			b.Errorf("%d messages", got)
		}
		if b.works(); len(b.probed) != 1 {
			b.Errorf("%d probes", len(b.probed))
		}
	})
}

// What is set due while its message probes is done by the same message.
func TestWhatIsAskedDuringAProbeIsDoneByTheSameMessage(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		var after int64
		b.during = func() {
			b.clock = b.clock.Add(time.Second)
			var err error
			if after, err = b.Ask(b.Context(), of("evt_1")); err != nil {
				b.Fatal(err)
			}
		}
		b.ticks()
		if _, done, _ := b.Result(b.Context(), of("evt_1"), after); len(b.probed) != 2 || !done {
			b.Errorf("%d probes, done: %t", len(b.probed), done)
		}
	})
}

func TestAMessageThatWasLostIsSentAgainAtItsMarksEnd(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		if _, err := b.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.messages = nil
		b.passes(40 * time.Minute)
		if len(b.probed) != 0 {
			b.Fatalf("%d probes while the mark stands", len(b.probed))
		}
		if b.passes(10 * time.Minute); len(b.probed) != 1 {
			b.Errorf("%d probes after its end", len(b.probed))
		}
	})
}

// A message that was taken for lost and comes after all leaves it to the one that has the mark.
func TestAMessageThatComesTooLateDoesNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		if _, err := b.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
		late := b.messages
		b.messages, b.clock = nil, b.clock.Add(time.Hour)
		if _, err := b.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
		if outcome, err := b.work(late[0]); err != nil || outcome != "nothing_due" || len(b.probed) != 0 {
			b.Errorf("%s %v, %d probes", outcome, err, len(b.probed))
		}
		if b.works(); len(b.probed) != 1 || len(b.messages) != 0 {
			b.Errorf("%d probes, left: %v", len(b.probed), b.messages)
		}
	})
}

func TestAfterAHundredReceiptsAnotherMessageTakesItsPlace(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		if _, err := b.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
		first := b.messages[0]
		b.messages = nil
		b.failing = &fault.Error{Class: fault.Transient, Op: "take from the budget", Reason: "paced", RetryAfter: time.Minute}
		for range 100 {
			b.clock = b.clock.Add(time.Minute)
			if _, err := b.work(first); !fault.Has(err, fault.Throttled) || len(b.messages) != 0 {
				b.Fatalf("%v, sent %d", err, len(b.messages))
			}
		}
		if outcome, err := b.work(first); err != nil || outcome != "nothing_due" || len(b.messages) != 1 {
			b.Fatalf("%s %v, sent %d", outcome, err, len(b.messages))
		}
		b.failing = nil
		if b.works(); b.probed[len(b.probed)-1] != "evt_1" || b.standing("evt_1").Due.Before(b.clock) {
			b.Error("the other message did not do what is due")
		}
	})
}

func TestWhatOnlyWaitsIsNoFailedAttemptAndNothingThatIsKnown(t *testing.T) {
	for name, failing := range map[string]error{
		"our budget":          &fault.Error{Class: fault.Transient, Reason: "paced", RetryAfter: time.Minute},
		"what a person mends": &fault.Error{Class: fault.Permanent, Reason: "no_client_secret"},
	} {
		onEngines(t, func(b *bench) {
			b.connects("evt_1")
			b.failing = failing
			for range 30 {
				b.clock = b.clock.Add(time.Minute)
				b.ticks()
			}
			if len(b.probed) == 0 || len(b.messages) != 1 {
				b.Errorf("%s: %d probes, %d messages", name, len(b.probed), len(b.messages))
			}
			if _, err := b.work(b.messages[0]); !fault.Has(err, fault.Throttled) || fault.Of(err).RetryAfter < time.Minute {
				b.Errorf("%s: %v", name, err)
			}
			b.wantsTold("")
		})
	}
}

func TestWhereReventoAnswersNobodyOneIsTold(t *testing.T) {
	onEngines(t, func(b *bench) {
		all := events(10)
		for _, event := range all {
			b.connects(event)
			b.clock = b.clock.Add(time.Minute)
		}
		b.passes(time.Hour)
		for _, event := range all {
			b.answers[event] = health.Failed
		}
		b.passes(3 * time.Hour)
		b.wantsTold("revento.unreachable unreachable")
		b.answers = map[string]health.Outcome{"evt_03": health.Failed}
		b.passes(2 * time.Hour)
		b.wantsTold("revento.unreachable unreachable, revento.unreachable reachable, broken error")
		if begun, ended := b.told[0], b.told[1]; begun.Ends || !ended.Ends || ended.Number <= begun.Number || begun.ResourceID != ended.ResourceID {
			b.Errorf("they are %+v and %+v", begun, ended)
		}
	})
}

func TestNobodyLooksIsToldOnceForAll(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects(events(4)...)
		b.passes(time.Hour)
		b.failing = errors.New("the store of tokens is down")
		b.passes(6 * time.Hour)
		b.wantsTold("broken unknown")
		if state, _, err := b.Result(b.Context(), of("evt_00"), 0); err != nil || state.Status != health.Unknown {
			b.Errorf("%+v %v", state, err)
		}
		b.failing = nil
		b.passes(time.Hour)
		b.wantsTold("broken unknown, restored known")
	})
}

func TestAProgramThatWasStoppedForADayKnowsOfNoSilence(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.passes(time.Hour)
		b.clock = b.clock.Add(24 * time.Hour)
		b.failing = errors.New("the store of tokens is down")
		b.passes(90 * time.Minute)
		b.wantsTold("")
		b.passes(time.Hour)
		b.wantsTold("broken unknown")
	})
}

func TestAConnectionUnderATombstoneIsNeitherProbedNorTold(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.Failed
		b.passes(interval + 20*time.Minute)
		b.clock = b.clock.Add(time.Minute)
		stop := connection.Stop{Case: "case-1", Cutoff: b.clock}
		if _, err := connection.Require(b.Context(), b.deletions, of("evt_1"), stop, b.clock.AddDate(3, 0, 0)); err != nil {
			b.Fatal(err)
		}
		probes := len(b.probed)
		b.passes(12 * time.Hour)
		if b.wantsTold(""); len(b.probed) != probes {
			b.Errorf("%d probes after the stop", len(b.probed)-probes)
		}
	})
}

func TestWhatWillEndIsWarnedOf(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ends = map[health.Limit]time.Time{health.OneYear: b.clock.AddDate(0, 0, 29)}
		b.passes(2 * time.Hour)
		if len(b.told) != 1 || b.told[0].Type != "connection.expiring" || b.told[0].Fields["days"] != "30" || b.told[0].ResourceID == "evt_1" {
			b.Errorf("told %+v", b.told)
		}
	})
}

func TestWhatIsStoppedBeforeItIsToldIsNotTold(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"], b.unsent = health.ConsentNeeded, errors.New("down")
		b.passes(interval)
		b.unsent = nil
		stop := connection.Stop{Case: "case-1", Cutoff: b.clock}
		if _, err := connection.Require(b.Context(), b.deletions, of("evt_1"), stop, b.clock.AddDate(3, 0, 0)); err != nil {
			b.Fatal(err)
		}
		b.passes(time.Hour)
		b.wantsTold("")
	})
}

// What is told is stored first: whatever becomes of the connection meanwhile, it is sent, and what follows knows of it.
func TestANoticeIsStoredBeforeItIsSent(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"], b.unsent = health.ConsentNeeded, errors.New("down")
		b.passes(interval)
		state, _, err := b.Result(b.Context(), of("evt_1"), 0)
		if err != nil || len(state.Outbox) != 1 || state.Told != health.NeedsConsent {
			b.Errorf("stored: %+v %v", state, err)
		}
		b.answers["evt_1"], b.unsent = "", nil
		b.passes(time.Hour)
		b.wantsTold("broken needs_consent, restored healthy")
	})
}

// What an old token showed says nothing of the new one.
func TestAConsentDuringAProbeIsNotRevokedByIt(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.TokenRevoked
		b.during = func() {
			b.clock = b.clock.Add(time.Second)
			b.connects("evt_1")
			b.answers["evt_1"] = ""
			b.old = health.TokenRevoked
		}
		b.passes(interval)
		if s := b.standing("evt_1"); s.State != connection.Active {
			b.Errorf("the registry has %+v", s.Info)
		}
		b.wantsTold("")
	})
}

// A thousand connections that turn bad together take a few looks at all of them, and not a thousand.
func TestAMessageOlderThanTheLastLookAddsNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects("evt_1")
		b.ticks()
		b.answers["evt_1"] = health.TokenRevoked
		if _, err := b.Ask(b.Context(), of("evt_1")); err != nil {
			b.Fatal(err)
		}
		probe := b.messages[0]
		b.messages = nil
		if _, err := b.work(probe); err != nil || len(b.messages) != 1 {
			b.Fatal(err, b.messages)
		}
		tell := b.messages[0]
		b.messages, b.clock = nil, b.clock.Add(time.Minute)
		b.ticks()
		b.wantsTold("broken revoked")
		if outcome, err := b.work(tell); err != nil || outcome != worker.Duplicate {
			b.Errorf("%s %v", outcome, err)
		}
	})
}

// Whatever call goes wrong, and wherever the process dies: what is told is told once, and no connection is forgotten.
func TestWhateverGoesWrongEachChangeIsToldOnce(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		records := memory.NewRecords()
		b := newBench(t, records, records.Deletions, nil)
		b.connects("evt_1")
		b.ticks()
		b.breaks(records, plan)
		b.answers["evt_1"] = health.TokenRevoked
		b.clock = b.clock.Add(interval)
		b.runsAndDies()
		b.wantsTold("broken revoked")
		b.answers["evt_1"] = ""
		b.connects("evt_1")
		b.runsAndDies()
		b.wantsTold("broken revoked, restored healthy")
	})
}

// runsAndDies lets time go by, longer than a mark stands, each tick in a process of its own.
func (b *bench) runsAndDies() {
	b.Helper()
	for range 5 {
		mishap.Died(func() {
			if _, err := b.Tick(b.Context()); err == nil {
				b.works()
			}
		})
		b.clock = b.clock.Add(3 * upkeep.TickInterval)
	}
}

type registryRecords struct {
	record.Store
	*memory.Records
}

func (r registryRecords) Get(ctx context.Context, key record.Key) (record.Record, error) {
	return r.Store.Get(ctx, key)
}
func (r registryRecords) Put(ctx context.Context, rec record.Record) error {
	return r.Store.Put(ctx, rec)
}
func (r registryRecords) PutAll(ctx context.Context, records ...record.Record) error {
	return r.Store.PutAll(ctx, records...)
}
