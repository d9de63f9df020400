package grant_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/mishap"
)

// dangers are what can cost a refresh token, or have one used that is over. Each is played at every call of a refresh, to the store and to
// Revento.
var dangers = []struct {
	name string
	play func(t *testing.T, records, deletions record.Store)
}{
	{"a crash between reply and put, or at any other call", crashes},
	{"two copies at once", twoCopies},
	{"a slow owner, frozen for longer than its lease", slowOwner},
	{"a lost reply", lostReply},
	{"a re-consent in the middle", reconsent},
	{"a revoked access token", revokedAccess},
	{"a revoked refresh token", revokedRefresh},
	{"a changed client secret", changedSecret},
	{"a rotated key ring", rotatedRing},
}

// TestEachDangerOfATokenAtEveryCall prints how often each was played.
func TestEachDangerOfATokenAtEveryCall(t *testing.T) {
	for _, danger := range dangers {
		t.Run(danger.name, func(t *testing.T) {
			onEngines(t, func(t *testing.T, records, deletions record.Store) {
				before := number.Load()
				danger.play(t, records, deletions)
				runs := number.Load() - before
				if t.Logf("%d runs", runs); runs < leastRuns {
					t.Errorf("that is not at every call")
				}
			})
		})
	}
}

// leastRuns is once before and once after each call of the shortest: three.
const leastRuns = 6

// A refresh token is lost only where the reply was lost, or the process died with it, and Revento refuses the one before.
func crashes(t *testing.T, records, deletions record.Store) {
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
}

// inAnyOrder has another copy run while one is in the middle of each of its calls.
func inAnyOrder(t *testing.T, records, deletions record.Store, meanwhile func(b *bench, other *grant.Keeper)) {
	for _, reuse := range []reuse{refuses, samePair, newPair, revokes} {
		for _, before := range []bool{true, false} {
			for at, reached := 1, true; reached; at++ {
				reached = false // and stays so where it fails
				t.Run(fmt.Sprintf("%s, at call %d, before %t", reuse, at, before), func(t *testing.T) {
					reached = interleave(t, newBenchOn(t, records, deletions), reuse, at, before, meanwhile)
				})
			}
		}
	}
}

// twoCopies has the other give up before the one's lease is over.
func twoCopies(t *testing.T, records, deletions record.Store) {
	inAnyOrder(t, records, deletions, func(b *bench, other *grant.Keeper) {
		ctx, cancel := deadline(b.Context(), b.Now().Add(40*time.Second))
		defer cancel()
		if _, err := other.Token(ctx, b.ours); err != nil && !errors.Is(err, grant.ErrBusy) {
			b.Errorf("the other: %v", err)
		}
	})
}

// slowOwner has the other take over once the one's lease is over.
func slowOwner(t *testing.T, records, deletions record.Store) {
	inAnyOrder(t, records, deletions, func(b *bench, other *grant.Keeper) {
		b.passes(time.Minute)
		_, _ = other.Token(b.Context(), b.ours)
	})
}

// deadline returns a context with a deadline of the bench's clock, which the keeper reads; nothing ends it by itself.
func deadline(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	return until{ctx, at}, func() {}
}

type until struct {
	context.Context
	at time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.at, true }

func interleave(
	t *testing.T, b *bench, reuse reuse, at int, before bool, meanwhile func(b *bench, other *grant.Keeper),
) (reached bool) {
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
		meanwhile(b, other)
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

// It is told as such, whatever goes wrong beside.
func lostReply(t *testing.T, records, deletions record.Store) {
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
}

// reconsent expects the new grant to win.
func reconsent(t *testing.T, records, deletions record.Store) {
	consents := func(b *bench) {
		b.revento.mu.Lock()
		b.revento.grant, b.revento.generation = "b", 1
		tokens := b.revento.tokens()
		b.revento.mu.Unlock()
		if err := b.copy(nil).Consent(b.Context(), b.ours, tokens, b.Now()); err != nil {
			b.Fatal(err)
		}
	}
	inTheMiddle(t, records, deletions, consents, func(b *bench, err error) {
		if err != nil {
			b.Errorf("who refreshed: %v", err)
		}
		b.wantStanding(connection.Active, "", 1)
		b.gets(b.keeper, 1)
		b.goesOn()
	})
}

// inTheMiddle runs a refresh once for each of its calls, with something that happens before or after that call, and then looks.
func inTheMiddle(
	t *testing.T, records, deletions record.Store, happens func(b *bench), look func(b *bench, err error),
) {
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
}

// Whatever goes wrong, a token that Revento says was revoked ends all work, and no refresh is tried.
func revokedAccess(t *testing.T, records, deletions record.Store) {
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
}

// What Revento refuses is not sent again.
func revokedRefresh(t *testing.T, records, deletions record.Store) {
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
}

// changes plays every mishap while something that is looked up has changed.
func changes(t *testing.T, records, deletions record.Store, change func(b *bench)) {
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
}

func changedSecret(t *testing.T, records, deletions record.Store) {
	changes(t, records, deletions, func(b *bench) { b.secrets = canary + "_stale," + canary + "_secret" })
}

func rotatedRing(t *testing.T, records, deletions record.Store) {
	changes(t, records, deletions, func(b *bench) { b.ring = strings.Repeat(canary, 9) + "\n" + b.ring })
}
