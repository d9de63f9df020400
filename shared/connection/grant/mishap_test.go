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

// A refresh token is lost only where the reply was lost, or the process died with it, and Revento refuses the one before.
func TestNoMishapLosesARefreshToken(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		for _, reuse := range []reuse{refuses, samePair, newPair, revokes} {
			t.Run(string(reuse), func(t *testing.T) {
				mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
					b := newBenchOn(t, records, deletions)
					b.revento.reuse = reuse
					b.tokenIsOver()
					_, err := b.run(plan)
					isLost := b.refusals() > 0 // a request was repeated, after a lost reply or by who came after the death
					switch {
					case err == nil:
						b.goesOn()
					case !isLost || reuse == samePair || reuse == newPair:
						t.Errorf("the token is lost: %v, %v", err, b.revento.sent)
					default:
						b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
					}
					if b.refusals() > 1 {
						t.Errorf("a refused token was sent again: %v", b.revento.sent)
					}
					// No request is repeated because of a store that failed: only a lost reply or a death does that.
					if got := len(b.revento.sent); got > 3 {
						t.Errorf("%d requests: %v", got, b.revento.sent)
					}
				})
			})
		}
	})
}

// The same holds while the client's secret is changed, or the ring of sealing keys.
func TestNoMishapLosesARefreshTokenWhileASecretChanges(t *testing.T) {
	for name, change := range map[string]func(b *bench){
		"the client's secret": func(b *bench) { b.secrets = canary + "_stale," + canary + "_secret" },
		"the ring":            func(b *bench) { b.ring = strings.Repeat(canary, 9) + "\n" + b.ring },
	} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, records, deletions record.Store) {
				mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
					b := newBenchOn(t, records, deletions)
					change(b)
					b.tokenIsOver()
					if _, err := b.run(plan); err == nil {
						b.goesOn()
						return
					}
					b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
					if b.refusals() != 1 {
						t.Errorf("the token is lost: %v", b.revento.sent)
					}
				})
			})
		})
	}
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

// Whatever goes wrong, a token that Revento says was revoked ends all work, and no refresh is tried.
func TestNoMishapOutlivesARevocation(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
			b := newBenchOn(t, records, deletions)
			k := b.copy(plan)
			for range 3 {
				mishap.Died(func() {
					_ = k.Call(t.Context(), b.ours, func(context.Context, grant.Access) error { return refusal(401, revento.CodeTokenRevoked) })
				})
			}
			b.wantStanding(connection.Revoked, connection.TakenBack, 1)
			b.wantSent()
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

func TestNoMishapSendsARefusedTokenAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
			b := newBenchOn(t, records, deletions)
			b.revento.revoked = true
			b.tokenIsOver()
			died, err := b.run(plan)
			if _, ok := errors.AsType[*grant.Inactive](err); !ok {
				t.Fatalf("it ends with %v", err)
			}
			// Who died with the reply cannot have told, nor who lost it.
			wantRefusals := 1
			if died || strings.Contains(t.Name(), "fails_after") {
				wantRefusals = 2
			}
			if got := b.refusals(); got > wantRefusals {
				t.Errorf("%d refusals, want %d: %v", got, wantRefusals, b.revento.sent)
			}
			before := len(b.revento.sent)
			b.passes(24 * time.Hour)
			b.fails(b.copy(nil), fault.Permanent, "needs_consent")
			if len(b.revento.sent) > before {
				t.Error("it is sent again later")
			}
		})
	})
}

func TestALostRotationIsToldAsSuchWhateverGoesWrong(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
			b := newBenchOn(t, records, deletions)
			b.revento.answers = append(b.revento.answers, lost)
			b.tokenIsOver()
			_, _ = b.run(plan)
			if standing := b.standing(); standing.State == connection.Active {
				b.goesOn() // the first request did not come to it, and the lost reply was the refusal's
				return
			}
			b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
		})
	})
}

// Whenever another copy runs while one is in the middle, which may have been frozen for a minute, nothing is lost.
func TestTwoCopiesInAnyOrderLoseNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		for _, reuse := range []reuse{refuses, samePair, newPair, revokes} {
			for _, before := range []bool{true, false} {
				for at, reached := 1, true; reached; at++ {
					reached = false // and stays so where it fails
					t.Run(fmt.Sprintf("%s, at call %d, before %t", reuse, at, before), func(t *testing.T) {
						reached = interleave(t, newBenchOn(t, records, deletions), reuse, at, before)
					})
				}
			}
		}
	})
}

func interleave(t *testing.T, b *bench, reuse reuse, at int, before bool) (reached bool) {
	b.revento.reuse = reuse
	b.tokenIsOver()
	calls, isOther, within := 0, false, ""
	other := b.copy(nil)
	plan := mishap.Through(func(operation string, call func() error) error {
		if isOther {
			return call()
		}
		if calls++; calls != at {
			return call()
		}
		within = operation
		var err error
		if !before {
			err = call()
		}
		isOther = true
		_, _ = other.Token(b.Context(), b.ours)
		isOther = false
		if before {
			err = call()
		}
		return err
	})
	b.revento.plan = plan
	_, err := b.copy(plan).Token(b.Context(), b.ours)
	b.revento.plan = nil
	// Who is frozen for longer than its lease, with the request or its reply in its hands: another sends the same token. Where Revento
	// punishes that with the end of all, nothing helps.
	if reuse == revokes && b.revento.revoked && (within == "endpoint.Refresh" || at == 5 && before) {
		return calls >= at
	}
	if err != nil && !errors.Is(err, grant.ErrBusy) {
		t.Errorf("at %s: %v, %v", within, err, b.revento.sent)
	}
	b.wantState(connection.Active)
	b.goesOn()
	if b.refusals() > 1 {
		t.Errorf("a refused token was sent again: %v", b.revento.sent)
	}
	return calls >= at
}

func (b *bench) wantState(want connection.State) {
	b.Helper()
	if got := b.standing(); got.State != want {
		b.Errorf("it stands at %s %q, want %s: %v", got.State, got.Reason, want, b.revento.sent)
	}
}

// inTheMiddle runs a refresh once for each of its calls, with something that happens before or after that call, and then looks.
func inTheMiddle(t *testing.T, happens func(b *bench), look func(b *bench, err error)) {
	onEngines(t, func(t *testing.T, records, deletions record.Store) {
		for _, before := range []bool{true, false} {
			for at, reached := 1, true; reached; at++ {
				reached = false // and stays so where it fails
				t.Run(fmt.Sprintf("at call %d, before %t", at, before), func(t *testing.T) {
					b := newBenchOn(t, records, deletions)
					b.tokenIsOver()
					calls := 0
					plan := mishap.Through(func(_ string, call func() error) (err error) {
						calls++
						if calls == at && before {
							happens(b)
						}
						err = call()
						if calls == at && !before {
							happens(b)
						}
						return err
					})
					b.revento.plan = plan
					_, err := b.copy(plan).Token(t.Context(), b.ours)
					b.revento.plan = nil
					if reached = calls >= at; reached {
						look(b, err)
					}
				})
			}
		}
	})
}

func TestAConsentInTheMiddleOfARefreshWins(t *testing.T) {
	consents := func(b *bench) {
		b.revento.mu.Lock()
		b.revento.grant, b.revento.generation = "b", 1
		tokens := b.revento.tokens()
		b.revento.mu.Unlock()
		if err := b.copy(nil).Consent(b.Context(), b.ours, tokens, b.Now()); err != nil {
			b.Fatal(err)
		}
	}
	inTheMiddle(t, consents, func(b *bench, err error) {
		if err != nil {
			b.Errorf("who refreshed: %v", err)
		}
		b.wantStanding(connection.Active, "", 1)
		b.gets(b.keeper, 1)
		b.goesOn()
	})
}

func TestAnEndInTheMiddleOfARefreshWins(t *testing.T) {
	ends := func(b *bench) {
		if err := b.copy(nil).End(b.Context(), b.ours, b.Now(), connection.Deletion); err != nil {
			b.Fatal(err)
		}
	}
	inTheMiddle(t, ends, func(b *bench, _ error) {
		b.wantState(connection.Ended)
		if left := b.stored().Value; left.Sealed != "" {
			b.Errorf("what is left: %+v", left)
		}
		b.fails(b.keeper, fault.Permanent, "ended")
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
