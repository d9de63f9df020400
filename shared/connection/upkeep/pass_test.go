package upkeep_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// passer plays passes: each part goes as the next of goes says, and without one it is done, and due no more.
type passer struct {
	b     *bench
	due   time.Time
	goes  []pass.Progress
	fails error
	count int
}

// Due implements upkeep.Passer.
func (p *passer) Due(context.Context, connection.Standing) (time.Time, error) { return p.due, nil }

// Ask implements upkeep.Passer.
func (p *passer) Ask(context.Context, connection.Standing) (int64, []record.Record, error) {
	p.due = p.b.clock
	return 3, nil, nil
}

// Go implements upkeep.Passer.
func (p *passer) Go(context.Context, connection.Standing) (progress pass.Progress, err error) {
	err = p.b.plan.Do("go", func() error {
		p.count++
		if p.fails != nil {
			return p.fails
		}
		if len(p.goes) > 0 {
			progress, p.goes = p.goes[0], p.goes[1:]
			return nil
		}
		progress, p.due = pass.Progress{Done: true, Pages: 1}, p.b.clock.Add(24*time.Hour)
		return nil
	})
	return progress, err
}

// reads has a connection of which a pass is due.
func (b *bench) reads(goes ...pass.Progress) *passer {
	p := &passer{b: b, due: b.clock, goes: goes}
	b.Passer = p
	b.connects("evt_1")
	return p
}

// tick has the message sent that is due, and received once.
func (b *bench) tick() (worker.Outcome, error) {
	b.Helper()
	if _, err := b.Tick(b.Context()); err != nil {
		b.Fatal(err)
	}
	return b.receive()
}

func (b *bench) receive() (worker.Outcome, error) {
	b.Helper()
	return b.work(b.messages[0])
}

func TestAPagesAnswerCountsAsAProbe(t *testing.T) {
	onEngines(t, func(b *bench) {
		p := b.reads()
		b.ticks()
		after, done, err := b.Result(b.Context(), of("evt_1"), 0)
		if p.count != 1 || len(b.probed) != 0 || !done || after.Status != health.Healthy || err != nil {
			b.Errorf("%d parts, probed %q, %+v, %v", p.count, b.probed, after, err)
		}
		if due := b.standing("evt_1").Due; due.Sub(b.clock) > interval || due.Sub(b.clock) < interval/2 {
			b.Errorf("due at %s", due)
		}
		b.passes(23 * time.Hour)
		if p.count != 1 || len(b.probed) == 0 {
			b.Errorf("%d parts and %d probes in a day", p.count, len(b.probed))
		}
		b.passes(2 * time.Hour)
		if p.count != 2 {
			b.Errorf("%d parts on the next day", p.count)
		}
	})
}

// A pass that goes on keeps its message, and its connection is probed meanwhile, whether or not its own calls were made.
func TestAPassGoesOnByItsMessage(t *testing.T) {
	paced := pass.Progress{Pages: 10, Wait: 75 * time.Second}
	t.Run("its calls are the probes", func(t *testing.T) {
		onEngines(t, func(b *bench) {
			p := b.reads(slices.Repeat([]pass.Progress{paced}, 40)...)
			_, err := b.tick()
			for i := range 39 {
				if wait, ok := errors.AsType[worker.Paced](err); !ok || wait.Wait != 75*time.Second {
					b.Fatalf("receipt %d: %v", i, err)
				}
				b.clock = b.clock.Add(75 * time.Second)
				_, err = b.receive()
			}
			b.works()
			state, _, _ := b.Result(b.Context(), of("evt_1"), 0)
			if p.count != 41 || len(b.probed) != 0 || state.Observed < 2 || state.Observed > 3 {
				b.Errorf("%d parts, %d probes, %d observations", p.count, len(b.probed), state.Observed)
			}
			if sent := b.syncs(); sent != 0 {
				b.Errorf("%d messages are left", sent)
			}
		})
	})
	t.Run("it waits for its calls", func(t *testing.T) {
		onEngines(t, func(b *bench) {
			p := b.reads(pass.Progress{Wait: time.Minute}, pass.Progress{Wait: time.Minute})
			if _, err := b.tick(); len(b.probed) != 1 {
				b.Errorf("%d probes, %v", len(b.probed), err)
			}
			if _, err := b.receive(); len(b.probed) != 1 || p.count != 2 {
				b.Errorf("%d probes and %d parts at the second receipt, %v", len(b.probed), p.count, err)
			}
		})
	})
	t.Run("its time is over", func(t *testing.T) {
		onEngines(t, func(b *bench) {
			b.reads(pass.Progress{Pages: 5})
			if outcome, err := b.tick(); outcome != worker.Unfinished || err != nil {
				b.Errorf("%s, %v", outcome, err)
			}
		})
	})
}

// What goes wrong with a call of a pass is looked at by a probe at once, and told as a probe's is.
func TestTroubleIsProbedAtOnce(t *testing.T) {
	onEngines(t, func(b *bench) {
		p := b.reads()
		b.ticks()
		b.clock = b.clock.Add(time.Minute)
		p.due, p.goes = b.clock, []pass.Progress{{Pages: 3, Trouble: true, Wait: time.Minute}}
		b.answers["evt_1"] = health.TokenRevoked
		if _, err := b.AskPass(b.Context(), of("evt_1")); err != nil {
			b.Fatal(err)
		}
		b.works()
		b.wantsTold("broken revoked")
		if s := b.standing("evt_1"); s.State != connection.Revoked || !s.Due.IsZero() || b.syncs() != 0 {
			b.Errorf("the registry has %+v, and %d messages are out", s.Info, b.syncs())
		}
	})
}

func TestAPassThatIsAskedFor(t *testing.T) {
	onEngines(t, func(b *bench) {
		p := b.reads()
		b.ticks()
		b.clock = b.clock.Add(time.Minute)
		number, err := b.AskPass(b.Context(), of("evt_1"))
		if err != nil || number != 3 {
			b.Errorf("pass %d, %v", number, err)
		}
		if b.works(); p.count != 2 || len(b.probed) != 0 {
			b.Errorf("%d parts, and probed %q", p.count, b.probed)
		}
		// A probe that is asked for while a pass waits is made by its message.
		p.due, p.goes = b.clock, []pass.Progress{{Wait: time.Minute}, {Wait: time.Minute}}
		if _, err := b.AskPass(b.Context(), of("evt_1")); err != nil {
			b.Fatal(err)
		}
		_, _ = b.receive()
		after, err := b.Ask(b.Context(), of("evt_1"))
		if err != nil {
			b.Fatal(err)
		}
		_, _ = b.receive()
		if _, done, _ := b.Result(b.Context(), of("evt_1"), after); !done || len(b.probed) != 1 {
			b.Errorf("done: %t, probed %q", done, b.probed)
		}
	})
}

// Passes that cannot be kept, as where a store is full, are tried again; the connection is probed meanwhile.
func TestWhatKeepsAPassFromGoingOnKeepsNoProbe(t *testing.T) {
	onEngines(t, func(b *bench) {
		full := errors.New("the store is full")
		p := b.reads()
		p.fails = full
		for i := range 3 {
			if _, err := b.tick(); !errors.Is(err, full) {
				b.Errorf("receipt %d: %v", i, err)
			}
		}
		state, _, err := b.Result(b.Context(), of("evt_1"), 0)
		if p.count != 3 || len(b.probed) != 1 || state.Status != health.Healthy || err != nil {
			b.Errorf("%d parts, probed %q, %+v, %v", p.count, b.probed, state, err)
		}
		p.fails = nil
		if b.works(); p.count != 4 || b.syncs() != 0 {
			b.Errorf("%d parts, %d messages are out", p.count, b.syncs())
		}
	})
}

// What waits for longer than a message's mark lasts comes earlier, and waits again.
func TestNoWaitOutlastsTheMark(t *testing.T) {
	records := memory.NewRecords()
	b := newBench(t, records, records.Deletions, nil)
	b.reads(pass.Progress{Pages: 1, Wait: 24 * time.Hour})
	_, err := b.tick()
	if wait, ok := errors.AsType[worker.Paced](err); !ok || wait.Wait != 40*time.Minute {
		t.Errorf("it waits: %v", err)
	}
}

// Whatever happens at whichever call, a pass that is due is gone on with to its end.
func TestAPassIsGoneOnWithWhateverHappens(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		records := memory.NewRecords()
		b := newBench(t, records, records.Deletions, nil)
		b.connects("evt_1")
		b.ticks()
		b.plan = plan
		b.Records = struct {
			record.Store
			record.Index
		}{mishap.Records{Store: records, Plan: plan}, records}
		b.Registry = &connection.Registry{
			Records: registryRecords{mishap.Records{Store: records, Plan: plan}, records}, Deletions: records.Deletions,
		}
		b.clock = b.clock.Add(interval)
		p := &passer{b: b, due: b.clock, goes: []pass.Progress{{Pages: 5}, {Pages: 5}}}
		b.Passer = p
		b.runsAndDies()
		b.Registry, b.Records = b.registry, records // nothing happens any more
		if !p.due.After(b.clock) {
			t.Errorf("the pass is not done: %d parts", p.count)
		}
		if state, _, err := b.Result(b.Context(), of("evt_1"), 0); state.Status != health.Healthy || state.Observed < 2 || err != nil {
			t.Errorf("%+v %v", state, err)
		}
	})
}
