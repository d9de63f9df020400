package grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

// kept is what is stored, as another version would read it.
type kept struct {
	Value struct {
		Generation int64
		Sealed     seal.Sealed
		Lease      struct {
			Owner string
			Ends  time.Time
		}
		Attempts []struct{ ID string }
	}
}

func (b *bench) stored() kept {
	b.Helper()
	found, err := b.records.Get(b.Context(), record.Key{Connection: b.ours, Kind: record.Token})
	if err != nil {
		b.Fatal(err)
	}
	var k kept
	if err := json.Unmarshal(found.Data, &k); err != nil {
		b.Fatal(err)
	}
	return k
}

func TestATokenThatIsGoodForAWhileIsUsedAsItIs(t *testing.T) {
	b := newBench(t)
	b.gets(b.keeper, 1)
	b.passes(55*time.Minute - time.Second)
	b.gets(b.keeper, 1)
	b.wantSent()
	b.passes(time.Second)
	b.gets(b.keeper, 2)
	b.wantSent("1: 200")
}

func TestATokenOfAShortLifeIsUsedUntilAFifthIsLeft(t *testing.T) {
	b := newBench(t)
	b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
		tokens.AccessLife = 5 * time.Minute
		return tokens, err
	})
	b.tokenIsOld()
	b.gets(b.keeper, 2)
	b.passes(4*time.Minute - time.Second)
	b.gets(b.keeper, 2)
	b.passes(time.Second)
	b.gets(b.keeper, 3)
}

func TestTheAttemptAndTheLeaseAreWrittenBeforeTheRequestIsSentAndGoneAfter(t *testing.T) {
	b := newBench(t)
	b.revento.meanwhile = func(context.Context) {
		during := b.stored().Value
		if len(during.Attempts) != 1 || during.Lease.Owner != during.Attempts[0].ID || !during.Lease.Ends.Equal(b.Now().Add(45*time.Second)) {
			t.Errorf("while the request is under way: %+v", during)
		}
	}
	b.tokenIsOld()
	b.gets(b.keeper, 2)
	if after := b.stored().Value; len(after.Attempts) != 0 || after.Lease.Owner != "" || after.Generation != 2 {
		t.Errorf("after it: %+v", after)
	}
}

func TestAStoreThatTakesNoWriteKeepsTheRequestFromBeingSent(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	k := b.copy(mishap.Through(func(operation string, call func() error) error {
		if operation == "records.Put token" {
			return errors.New("down")
		}
		return call()
	}))
	b.fails(k, fault.Transient, "unclassified")
	b.wantSent()
}

func TestALeaseThatIsOldWhenItWasWrittenSendsNothing(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	k := b.copy(mishap.Through(func(operation string, call func() error) error {
		if operation == "records.Put token" {
			b.passes(6 * time.Second)
		}
		return call()
	}))
	err := b.fails(k, fault.Transient, "too_little_time_for_a_refresh")
	if !errors.Is(err, grant.ErrBusy) {
		t.Errorf("it is no ErrBusy: %v", err)
	}
	b.wantSent()
	b.gets(b.keeper, 2)
}

func TestARefreshNeedsTimeAndTheOldTokenServesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.clock.now = time.Now() // the same as the contexts'
		if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
			t.Fatal(err)
		}
		within := func(left time.Duration) (grant.Access, error) {
			ctx, cancel := context.WithDeadline(t.Context(), b.Now().Add(left))
			defer cancel()
			return b.keeper.Token(ctx, b.ours)
		}
		time.Sleep(56 * time.Minute)
		b.tokenIsOld()
		access, err := within(38*time.Second - 1)
		if err != nil {
			t.Fatal(err)
		}
		b.wantToken(access, 1)
		time.Sleep(5 * time.Minute)
		b.passes(5 * time.Minute)
		access, err = within(38*time.Second - 1)
		b.wantFailure(access, err, fault.Transient, "too_little_time_for_a_refresh")
		if !errors.Is(err, grant.ErrBusy) {
			t.Errorf("it is no ErrBusy: %v", err)
		}
		b.wantSent()
		if access, err = within(38 * time.Second); err != nil {
			t.Fatal(err)
		}
		b.wantToken(access, 2)
	})
}

func TestACallerThatGivesUpCutsOffNothing(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	ctx, giveUp := context.WithCancel(t.Context())
	b.revento.meanwhile = func(ctx context.Context) {
		giveUp()
		if ctx.Err() != nil {
			t.Error("the request is cut off")
		}
	}
	if _, err := b.keeper.Token(ctx, b.ours); err != nil {
		t.Errorf("the tokens of the reply: %v", err)
	}
	b.wantStanding(connection.Active, "", 2)
}

func TestARequestEndsAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.tokenIsOver()
		b.revento.meanwhile = func(ctx context.Context) {
			if deadline, has := ctx.Deadline(); !has || time.Until(deadline) != 10*time.Second {
				t.Errorf("the request has %s", time.Until(deadline))
			}
		}
		b.gets(b.keeper, 2)
	})
}

func TestAReplyWithoutARefreshTokenLeavesTheOldOne(t *testing.T) {
	b := newBench(t)
	b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
		b.revento.generation-- // it stays good
		tokens.Refresh, tokens.RefreshLife = secret.Hidden{}, 0
		return tokens, err
	})
	ends := b.standing().RefreshEnds
	b.tokenIsOld()
	b.gets(b.keeper, 2)
	b.wantStanding(connection.Active, "", 2)
	if got := b.standing().RefreshEnds; !got.Equal(ends) {
		t.Errorf("the refresh token that stayed ends at %s, want %s", got, ends)
	}
	b.tokenIsOld()
	b.gets(b.keeper, 2)
	b.wantSent("1: 200", "1: 200")
}

func TestTheRefreshTokenSlidesUpToAYearFromItsFirstIssue(t *testing.T) {
	b := newBench(t)
	first := b.Now()
	for range 10 {
		b.passes(40 * 24 * time.Hour)
		if b.Now().Sub(first) > 360*24*time.Hour {
			break
		}
		if _, err := b.keeper.Token(t.Context(), b.ours); err != nil {
			t.Fatal(err)
		}
		want := b.Now().Add(90 * 24 * time.Hour)
		if limit := first.Add(365 * 24 * time.Hour); want.After(limit) {
			want = limit
		}
		if got := b.standing().RefreshEnds; !got.Equal(want) {
			t.Errorf("it ends at %s, want %s", got, want)
		}
	}
}

func TestALostReplyIsAskedForOnceMoreAtOnce(t *testing.T) {
	b := newBench(t)
	b.revento.reuse = samePair
	b.revento.answers = append(b.revento.answers, lost)
	b.tokenIsOver()
	b.gets(b.keeper, 2)
	b.wantSent("1: 200", "1: 200")
}

func TestTwoLostRepliesAreTransientAndTheAccessTokenServesUntilItEnds(t *testing.T) {
	b := newBench(t)
	b.revento.reuse = samePair
	b.revento.answers = append(b.revento.answers, lost, lost)
	b.tokenIsOld()
	b.gets(b.keeper, 1)
	b.wantSent("1: 200", "1: 200")
	if during := b.stored().Value; len(during.Attempts) != 2 || during.Lease.Owner != "" {
		t.Errorf("what is left of it: %+v", during)
	}
	b.passes(29 * time.Second)
	b.gets(b.keeper, 1)
	b.wantSent("1: 200", "1: 200")
	b.passes(time.Second)
	b.gets(b.keeper, 2)
	b.wantSent("1: 200", "1: 200", "1: 200")
}

func TestTheRestAfterAFailureGrowsAndIsToldToWhoHasNoTokenThatServes(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
		b.revento.answers = append(b.revento.answers, func(revento.Tokens, error) (revento.Tokens, error) { return revento.Tokens{}, errUnsent })
		b.revento.generation = 1
		for range 2 { // the second asks nobody
			err := b.fails(b.keeper, fault.Transient, "no_connection")
			if got := fault.Of(err).RetryAfter; got != want {
				t.Errorf("one is told to wait %s, want %s", got, want)
			}
		}
		b.passes(want)
	}
	if got := len(b.revento.sent); got != 6 {
		t.Errorf("%d requests, want 6", got)
	}
}

func TestARefusalForNowIsNotRepeated(t *testing.T) {
	throttled := &fault.Error{
		Class: fault.Throttled, Reason: "rate_limit_exceeded", RetryAfter: 10 * time.Minute, Err: &revento.Refusal{Status: 429, Code: "rate_limit_exceeded"},
	}
	for name, test := range map[string]struct {
		refusal error
		class   fault.Class
		reason  string
		wait    time.Duration
	}{
		"429":              {throttled, fault.Throttled, "rate_limit_exceeded", 10 * time.Minute},
		"another 4xx":      {refusal(400, "invalid_request"), fault.Transient, "invalid_request", 30 * time.Second},
		"a missing page":   {refusal(404, ""), fault.Transient, "", 30 * time.Second},
		"no connection":    {errUnsent, fault.Transient, "no_connection", 30 * time.Second},
		"an unnamed error": {errors.New("odd"), fault.Transient, "unclassified", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tokenIsOver()
			b.revento.answers = append(b.revento.answers, func(revento.Tokens, error) (revento.Tokens, error) { return revento.Tokens{}, test.refusal })
			err := b.fails(b.keeper, test.class, test.reason)
			if got := fault.Of(err).RetryAfter; got != test.wait {
				t.Errorf("one is told to wait %s, want %s", got, test.wait)
			}
			if len(b.revento.sent) != 1 {
				t.Errorf("%d requests, want 1", len(b.revento.sent))
			}
			if left := b.stored().Value; len(left.Attempts) != 0 || left.Lease.Owner != "" {
				t.Errorf("what is left of it: %+v", left)
			}
			b.wantStanding(connection.Active, "", 1)
		})
	}
}

func TestInvalidGrantWithEveryReplyReadIsARevocation(t *testing.T) {
	b := newBench(t)
	b.tokenIsOld()
	b.revento.revoked = true
	before := b.Now()
	for range 3 {
		err := b.fails(b.keeper, fault.Permanent, "needs_consent")
		if why, ok := errors.AsType[*grant.Inactive](err); !ok || why.Reason != connection.TakenBack {
			t.Errorf("the error is %v", err)
		}
	}
	b.wantSent("1: invalid_grant")
	b.wantStanding(connection.NeedsConsent, connection.TakenBack, 1)
	if waited := b.Now().Sub(before); waited > 0 {
		t.Errorf("it waited %s", waited)
	}
}

func TestInvalidGrantAfterAReplyThatNobodyReadIsALostRotation(t *testing.T) {
	b := newBench(t)
	b.revento.answers = append(b.revento.answers, lost)
	b.tokenIsOld()
	before := b.Now()
	for range 3 {
		err := b.fails(b.keeper, fault.Permanent, "needs_consent")
		if why, ok := errors.AsType[*grant.Inactive](err); !ok || why.Reason != connection.LostRotation {
			t.Errorf("the error is %v", err)
		}
	}
	b.wantSent("1: 200", "1: invalid_grant")
	b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
	if waited := b.Now().Sub(before); waited != 10*time.Second {
		t.Errorf("it waited %s, want 10s", waited)
	}
}

// An attempt of a process that died is one whose reply nobody read.
func TestAnEarlierAttemptIsKeptUntilTheGenerationIsOver(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	dies := b.copy(nil)
	b.revento.meanwhile = func(context.Context) { _ = mishap.Die() }
	if !mishap.Died(func() { _, _ = dies.Token(t.Context(), b.ours) }) {
		t.Fatal("it did not die")
	}
	b.revento.meanwhile = nil
	b.revento.answers = append(b.revento.answers, func(revento.Tokens, error) (revento.Tokens, error) { return revento.Tokens{}, errUnsent })
	b.revento.generation = 1
	b.fails(b.keeper, fault.Transient, "no_connection") // after waiting for the lease's end
	if left := b.stored().Value.Attempts; len(left) != 1 {
		t.Errorf("%d attempts are kept, want that of who died", len(left))
	}
	b.passes(time.Minute)
	b.revento.generation, b.revento.revoked = 1, true
	b.fails(b.keeper, fault.Permanent, "needs_consent")
	b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
}

func TestInvalidGrantWhileAnotherStoredItsReplyIsNothing(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	slow, thawed := b.copy(nil), false
	b.revento.meanwhile = func(context.Context) {
		if thawed {
			return
		}
		thawed = true
		b.passes(time.Minute) // it was frozen; another takes over, redeems and stores
		b.gets(b.copy(nil), 2)
	}
	b.gets(slow, 2)
	b.wantSent("1: 200", "1: invalid_grant")
	b.wantStanding(connection.Active, "", 2)
}

func TestAReplyThatComesLateIsTakenAlthoughItsAbsenceWasConcludedFrom(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	slow := b.copy(nil)
	b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
		b.passes(time.Minute) // its process is frozen with the reply in its hands
		b.revento.mu.Unlock()
		defer b.revento.mu.Lock()
		b.fails(b.keeper, fault.Permanent, "needs_consent")
		b.wantStanding(connection.NeedsConsent, connection.LostRotation, 1)
		return tokens, err
	})
	b.gets(slow, 2)
	b.wantStanding(connection.Active, "", 2)
	b.gets(b.keeper, 2)
}

func TestAReplyThatComesWhenTheTimeIsOverIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.tokenIsOver()
		b.revento.meanwhile = func(context.Context) { time.Sleep(time.Hour) } // frozen with the request
		b.gets(b.keeper, 2)
		b.wantStanding(connection.Active, "", 2)
	})
}

func TestAReplyThatComesLateIsDroppedWhereItMustNotBeTaken(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(b *bench)
		state     connection.State
		reason    connection.Reason
	}{
		"it was ended": {func(b *bench) {
			if err := b.copy(nil).End(b.Context(), b.ours, b.clock.Now(), connection.Disconnected); err != nil {
				b.Fatal(err)
			}
		}, connection.Ended, connection.Disconnected},
		"it was revoked": {func(b *bench) {
			k := b.copy(nil)
			b.clock.now = b.Now().Add(-30 * time.Minute) // a copy with a token that it takes for good
			_ = k.Call(b.Context(), b.ours, func(context.Context, grant.Access) error { return refusal(401, revento.CodeTokenRevoked) })
			b.passes(30 * time.Minute)
		}, connection.Revoked, connection.TakenBack},
		"somebody consented again": {func(b *bench) {
			b.revento.grant, b.revento.generation = "b", 1
			if err := b.copy(nil).Consent(b.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
				b.Fatal(err)
			}
		}, connection.Active, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tokenIsOld()
			b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
				b.revento.mu.Unlock()
				defer b.revento.mu.Lock()
				test.meanwhile(b)
				return tokens, err
			})
			access, err := b.keeper.Token(t.Context(), b.ours)
			if test.state == connection.Active {
				b.wantToken(access, 1)
			} else {
				b.wantFailure(access, err, fault.Permanent, string(test.state))
			}
			b.wantStanding(test.state, test.reason, 1)
			b.wantCounted("token_dropped")
		})
	}
}

// Two replies to one refresh token, where Revento gives a new pair each time: the one that was stored first may not be the last one given.
func TestARefusalOfWhatWonOverAnotherReplyIsALostRotation(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
		b.passes(time.Minute) // frozen with its reply in its hands
		b.revento.generation, b.revento.reuse = 1, refuses
		b.revento.mu.Unlock()
		defer b.revento.mu.Lock()
		b.gets(b.copy(nil), 2)
		b.revento.revoked = true // since the other one was given
		return tokens, err
	})
	b.gets(b.keeper, 2)
	b.wantCounted("token_dropped")
	b.tokenIsOver()
	b.fails(b.keeper, fault.Permanent, "needs_consent")
	b.wantStanding(connection.NeedsConsent, connection.LostRotation, 2)
}

func TestTokensOfAnotherConnectionAreNeitherUsedNorStored(t *testing.T) {
	for name, change := range map[string]func(*revento.Tokens){
		"another event":        func(tokens *revento.Tokens) { tokens.EventID = "evt_2" },
		"another organization": func(tokens *revento.Tokens) { tokens.OrganizationID = "org_2" },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			before := b.stored().Value.Sealed
			b.revento.answers = append(b.revento.answers, func(tokens revento.Tokens, err error) (revento.Tokens, error) {
				change(&tokens)
				return tokens, err
			})
			b.tokenIsOld()
			b.fails(b.keeper, fault.Permanent, "needs_consent")
			b.fails(b.keeper, fault.Permanent, "needs_consent")
			b.wantSent("1: 200")
			b.wantStanding(connection.NeedsConsent, connection.Broken, 1)
			if b.stored().Value.Sealed != before {
				t.Error("they are stored")
			}
			b.wantCounted("token_of_another_connection")
		})
	}
}

func TestAStoreThatFailsForAWhileGetsTheReplyAllTheSame(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	replied, down := false, 8
	b.revento.meanwhile = func(context.Context) { replied = true }
	k := b.copy(mishap.Through(func(_ string, call func() error) error {
		if replied && down > 0 {
			down--
			return errors.New("down")
		}
		return call()
	}))
	b.gets(k, 2)
	b.wantStanding(connection.Active, "", 2)
}

func TestAReplyThatTheStoreNeverTookInTimeIsStoredWhenItDoes(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	isDown := false
	b.revento.meanwhile = func(context.Context) { isDown = true }
	k := b.copy(mishap.Through(func(_ string, call func() error) error {
		if isDown {
			return errors.New("down")
		}
		return call()
	}))
	before := b.Now()
	b.fails(k, fault.Transient, "store_did_not_take_the_tokens")
	if took := b.Now().Sub(before); took > 33*time.Second || took < 30*time.Second {
		t.Errorf("it tried for %s, want until 5 seconds before the end", took)
	}
	b.wantCounted("token_unstored")
	b.fails(k, fault.Transient, "store_did_not_take_the_tokens")
	isDown = false
	b.gets(k, 2)
	b.wantSent("1: 200")
	b.wantStanding(connection.Active, "", 2)
}

func TestTheClientsSecretIsLookedUpAgainAndTheOtherTriedOnce(t *testing.T) {
	const oldOne, newOne = canary + "_secret", canary + "_new"
	for name, test := range map[string]struct {
		valid, vault string
		sent         []string
	}{
		"it was rotated": {newOne, newOne, []string{"1: invalid_client", "1: 200"}},
		"it was rotated, with the old one beside":  {newOne, newOne + "," + oldOne, []string{"1: invalid_client", "1: 200"}},
		"the new one is not valid yet":             {oldOne, newOne + "," + oldOne, []string{"1: 200"}},
		"the new one is not valid yet, looked up ": {canary + "_third", newOne + "," + canary + "_third", []string{"1: invalid_client", "1: invalid_client", "1: 200"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if _, err := b.keeper.Secrets.Get(t.Context()); err != nil { // it knows the old one
				t.Fatal(err)
			}
			b.passes(58 * time.Minute)
			if _, err := b.keeper.Secrets.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.passes(2 * time.Minute)
			b.revento.secrets, b.secrets = []string{test.valid}, test.vault
			b.gets(b.keeper, 2)
			b.wantSent(test.sent...)
			if left := b.stored().Value.Attempts; len(left) != 0 {
				t.Errorf("%d attempts are left", len(left))
			}
		})
	}
}

func TestAClientWhoseSecretsAreRefusedIsTransientAndAboutAll(t *testing.T) {
	b := newBench(t)
	b.tokenIsOver()
	b.revento.secrets, b.secrets = []string{"another"}, canary+"_one,"+canary+"_two"
	err := b.fails(b.keeper, fault.Transient, "invalid_client")
	if !errors.Is(err, grant.ErrClient) {
		t.Errorf("it is no ErrClient: %v", err)
	}
	b.wantSent("1: invalid_client", "1: invalid_client")
	b.wantStanding(connection.Active, "", 1)
	if left := b.stored().Value; len(left.Attempts) != 0 {
		t.Errorf("what is left of it: %+v", left)
	}
}

func TestWhatAnOlderKeySealedIsSealedAnewWhenItIsTouched(t *testing.T) {
	b := newBench(t)
	b.ring = canary + canary + strings8("n") + "\n" + b.ring
	b.passes(10 * time.Minute)
	ring, err := seal.Parse(b.ring)
	if err != nil {
		t.Fatal(err)
	}
	b.gets(b.keeper, 1)
	b.passes(46 * time.Minute)
	b.revento.meanwhile = func(context.Context) {
		if ring.NeedsReseal(b.stored().Value.Sealed) {
			t.Error("the old pair is not sealed anew before the request")
		}
	}
	b.gets(b.keeper, 2)
	if ring.NeedsReseal(b.stored().Value.Sealed) {
		t.Error("the new pair is sealed by an old key")
	}
}

func TestAKeyThatAnotherCopyAddedIsLookedUp(t *testing.T) {
	b := newBench(t)
	b.gets(b.keeper, 1) // it knows the old ring
	b.ring = canary + canary + strings8("n") + "\n" + b.ring
	b.passes(2 * time.Minute)
	other := b.copy(nil)
	if err := other.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
		t.Fatal(err)
	}
	b.gets(b.keeper, 1)
}

func TestTokensThatDoNotOpenArePermanentAndNothingIsSent(t *testing.T) {
	b := newBench(t)
	b.ring = canary + canary + strings8("n")
	b.tokenIsOld()
	err := b.fails(b.copy(nil), fault.Permanent, "sealed_tokens_do_not_open")
	if !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("the error is %v", err)
	}
	b.wantSent()
}

// strings8 makes a key long enough.
func strings8(letter string) string {
	text := ""
	for range 40 {
		text += letter
	}
	return text
}
