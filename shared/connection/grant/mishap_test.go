package grant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) (records, deletions record.Store){
	"memory": func(*testing.T) (records, deletions record.Store) {
		kept := memory.NewRecords()
		return kept, kept.Deletions
	},
	"SQLite": func(t *testing.T) (records, deletions record.Store) {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := engine.Close(); err != nil {
				t.Error(err)
			}
		})
		return engine.Records, engine.Deletions
	},
}

func onEngines(t *testing.T, test func(t *testing.T, records, deletions record.Store)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			records, deletions := open(t)
			test(t, records, deletions)
		})
	}
}

// run asks for a token until there is one, or none can be had, with a process of its own after each death. It says whether one died.
func (b *bench) run(plan *mishap.Plan) (died bool, err error) {
	b.revento.plan = plan
	defer func() { b.revento.plan = nil }()
	k := b.copy(plan)
	for range 5 {
		isDead := mishap.Died(func() { _, err = k.Token(b.Context(), b.ours) })
		if isDead {
			died, k = true, b.copy(plan)
		}
		if !isDead && (err == nil || fault.Has(err, fault.Permanent)) {
			return died, err
		}
		b.passes(time.Minute)
	}
	b.Errorf("it comes to no end: %v", err)
	return died, err
}

// goesOn expects the next refresh to work: the refresh token that is stored is the one that Revento takes.
func (b *bench) goesOn() {
	b.Helper()
	b.tokenIsOver()
	b.gets(b.copy(nil), b.revento.generation+1)
}

// refusals is how often invalid_grant was answered.
func (b *bench) refusals() int {
	return strings.Count(strings.Join(b.revento.sent, " "), revento.CodeInvalidGrant)
}

// Whatever goes wrong, another connection's tokens are never stored, and what they break stays broken.
func TestNoMishapStoresAnothersTokens(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
			b := newBenchOn(t, records, deletions)
			before := b.stored().Value.Sealed
			b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
				tokens.EventID = "evt_other"
				return tokens, err
			})
			b.tokenIsOver()
			_, _ = b.run(plan)
			b.wantState(connection.NeedsConsent)
			if b.stored().Value.Sealed != before {
				t.Error("they are stored")
			}
		})
	})
}

// Where only the store fails, and nobody dies, nothing is lost and nothing is repeated.
func TestAStoreThatFailsOnceCostsNoTokenAndNoRequest(t *testing.T) {
	for _, kind := range []mishap.Kind{mishap.FailsBefore, mishap.FailsAfter} {
		for at := 1; at <= 12; at++ {
			t.Run(fmt.Sprintf("%s call %d", kind, at), func(t *testing.T) {
				b := newBench(t)
				b.tokenIsOver()
				plan := mishap.At(at, kind)
				k := b.copy(plan)
				for range 3 {
					if _, err := k.Token(t.Context(), b.ours); err == nil {
						break
					}
					b.passes(time.Minute)
				}
				b.wantStanding(connection.Active, "", 2)
				b.goesOn()
				b.wantSent("1: 200", "2: 200")
			})
		}
	}
}

func (b *bench) wantState(want connection.State) {
	b.Helper()
	if got := b.standing(); got.State != want {
		b.Errorf("it stands at %s %q, want %s: %v", got.State, got.Reason, want, b.revento.sent)
	}
}

func TestAnEndInTheMiddleOfARefreshWins(t *testing.T) {
	ends := func(b *bench) {
		if err := b.copy(nil).End(b.Context(), b.ours, b.Now(), connection.Deletion); err != nil {
			b.Fatal(err)
		}
	}
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		inTheMiddle(t, records, deletions, ends, func(b *bench, _ error) {
			b.wantState(connection.Ended)
			if left := b.stored().Value; left.Sealed != "" {
				b.Errorf("what is left: %+v", left)
			}
			b.fails(b.keeper, fault.Permanent, "ended")
		})
	})
}

// sleeping is a bench whose clock is the bubble's, for copies that run at once.
func sleeping(t *testing.T) *bench {
	b := newBench(t)
	b.clock.now = time.Now()
	return b
}

func (b *bench) sleeper() *grant.Keeper {
	k := b.copy(nil)
	k.Now, k.Wait = time.Now, grant.Wait
	return k
}

func TestManyCopiesAtOnceSendOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sleeping(t)
		time.Sleep(62 * 24 * time.Hour * 365) // long after the consent, by both clocks
		b.revento.meanwhile = func(context.Context) { time.Sleep(3 * time.Second) }
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { b.gets(b.sleeper(), 2) })
		}
		group.Wait()
		b.wantSent("1: 200")
	})
}

func TestWhoWaitsForAnotherGivesUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sleeping(t)
		time.Sleep(62 * 24 * time.Hour * 365)
		b.revento.meanwhile = func(context.Context) { time.Sleep(9 * time.Second) }
		var group sync.WaitGroup
		group.Go(func() { b.gets(b.sleeper(), 2) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		access, err := b.sleeper().Token(ctx, b.ours)
		b.wantFailure(access, err, fault.Transient, "refresh_is_under_way")
		if took := time.Since(begun); !errors.Is(err, grant.ErrBusy) || took > 4*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		group.Wait()
	})
}

func TestNoRefreshBeginsWhenTheProcessIsToldToStopAndOneUnderWayHasSixSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := sleeping(t)
		time.Sleep(62 * 24 * time.Hour * 365)
		k := b.sleeper()
		stopping, stop := context.WithCancel(t.Context())
		k.Stopping = stopping
		b.revento.answers = append(b.revento.answers, lost)
		b.revento.meanwhile = func(ctx context.Context) {
			stop()
			begun := time.Now()
			<-ctx.Done()
			if took := time.Since(begun); took != 6*time.Second {
				t.Errorf("it was cut off after %s", took)
			}
		}
		if access, err := k.Token(t.Context(), b.ours); err == nil {
			t.Errorf("it got %v", access)
		}
		b.wantSent("1: 200")
		b.revento.meanwhile = nil
		time.Sleep(time.Minute)
		access, err := k.Token(t.Context(), b.ours)
		b.wantFailure(access, err, fault.Transient, "too_little_time_for_a_refresh")
		b.wantSent("1: 200")
	})
}
