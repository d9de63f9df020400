package grant_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/revento"
)

// calls makes a call that is refused with the codes given, one after the other, and then succeeds; it returns the tokens' generations.
func (b *bench) calls(k *grant.Keeper, codes ...string) (used []string, err error) {
	b.Helper()
	err = k.Call(b.Context(), b.ours, func(_ context.Context, access grant.Access) error {
		token := access.Bearer().Show()
		used = append(used, token[strings.LastIndex(token, "_")+1:])
		if len(codes) == 0 {
			return nil
		}
		code := codes[0]
		codes = codes[1:]
		return refusal(401, code)
	})
	if err != nil && strings.Contains(err.Error(), canary) {
		b.Errorf("the error holds a secret: %v", err)
	}
	return used, err
}

func (b *bench) wantUsed(used []string, want ...string) {
	b.Helper()
	if !slices.Equal(used, want) {
		b.Errorf("it called with the generations %v, want %v", used, want)
	}
}

// refreshedByAnother stores another generation that the keeper given does not know of.
func (b *bench) refreshedByAnother() {
	b.Helper()
	other := b.copy(nil)
	if _, err := b.calls(other, revento.CodeTokenExpired); err != nil {
		b.Fatal(err)
	}
}

func TestACallThatSucceedsIsMadeOnce(t *testing.T) {
	b := newBench(t)
	used, err := b.calls(b.keeper)
	if err != nil {
		t.Fatal(err)
	}
	b.wantUsed(used, "1")
	b.wantSent()
}

func TestATokenThatExpiredIsRefreshedOnceAndTheCallRepeatedOnce(t *testing.T) {
	b := newBench(t)
	used, err := b.calls(b.keeper, revento.CodeTokenExpired)
	if err != nil {
		t.Fatal(err)
	}
	b.wantUsed(used, "1", "2")
	used, err = b.calls(b.keeper, revento.CodeTokenExpired, revento.CodeTokenExpired)
	b.wantFailure(grant.Access{}, err, fault.Transient, "token_refused_again")
	b.wantUsed(used, "2", "3")
	b.wantSent("1: 200", "2: 200")
}

func TestARefusedTokenThatIsNotTheNewestIsReplacedWithoutARefresh(t *testing.T) {
	for _, code := range []string{revento.CodeTokenExpired, revento.CodeInvalidToken, revento.CodeTokenRevoked} {
		t.Run(code, func(t *testing.T) {
			b := newBench(t)
			var used []string
			err := b.keeper.Call(t.Context(), b.ours, func(_ context.Context, access grant.Access) error {
				used = append(used, access.Bearer().Show())
				if len(used) == 1 {
					b.refreshedByAnother()
					return refusal(401, code)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			b.wantUsed(used, b.revento.accessToken(1), b.revento.accessToken(2))
			b.wantSent("1: 200")
			b.wantStanding(connection.Active, "", 2)
		})
	}
}

func TestARevokedTokenEndsAllWork(t *testing.T) {
	b := newBench(t)
	used, err := b.calls(b.keeper, revento.CodeTokenRevoked)
	b.wantFailure(grant.Access{}, err, fault.Permanent, "revoked")
	b.wantUsed(used, "1")
	b.wantStanding(connection.Revoked, connection.TakenBack, 1)
	b.tokenIsOver()
	b.fails(b.keeper, fault.Permanent, "revoked")
	b.wantSent()
}

func TestATokenThatIsRevokedRightAfterItsRefreshEndsAllWork(t *testing.T) {
	b := newBench(t)
	_, err := b.calls(b.keeper, revento.CodeTokenExpired, revento.CodeTokenRevoked)
	b.wantFailure(grant.Access{}, err, fault.Permanent, "revoked")
	b.wantStanding(connection.Revoked, connection.TakenBack, 2)
}

func TestAnUnknownTokenIsPermanentAndLeavesTheConnectionActive(t *testing.T) {
	b := newBench(t)
	used, err := b.calls(b.keeper, revento.CodeInvalidToken)
	b.wantFailure(grant.Access{}, err, fault.Permanent, "invalid_token")
	if !errors.Is(err, grant.ErrToken) {
		t.Errorf("it is no ErrToken: %v", err)
	}
	b.wantUsed(used, "1")
	b.wantSent()
	b.wantStanding(connection.Active, "", 1)
}

func TestOtherRefusalsAreTheCallers(t *testing.T) {
	for _, code := range []string{"event_not_authorized", "installation_token_required", revento.CodeRateLimitExceeded, ""} {
		b := newBench(t)
		used, err := b.calls(b.keeper, code)
		if revento.CodeOf(err) != code {
			t.Errorf("%q: %v", code, err)
		}
		b.wantUsed(used, "1")
		b.wantStanding(connection.Active, "", 1)
	}
}

func TestNothingIsUsedOrRefreshedWithoutAConsent(t *testing.T) {
	b := newBench(t)
	for name, of := range map[string]record.Connection{
		"another connection":                  {EventID: "evt_other", OrganizationID: "org_1"},
		"the integration's own events":        {},
		"one that is known by its partition":  record.ConnectionOfPartition(b.ours.Partition()),
		"the same event, of another customer": {EventID: b.ours.EventID, OrganizationID: "org_2"},
	} {
		access, err := b.keeper.Token(t.Context(), of)
		if why, ok := errors.AsType[*grant.Inactive](err); !ok || why.State != "" {
			t.Errorf("%s: %v, %v", name, access, err)
		}
	}
}

// stops puts a cutoff in the connection's way, or moves the one there is.
func (b *bench) stops(cutoff time.Time) {
	b.Helper()
	stone, err := record.Load[struct{}](b.Context(), b.deletions, record.TombstoneKey(b.ours))
	if err != nil {
		b.Fatal(err)
	}
	stone.OccurredAt = cutoff
	if _, err := record.Save(b.Context(), b.deletions, stone); err != nil {
		b.Fatal(err)
	}
}

func TestWhatIsStoppedIsNeitherUsedNorRefreshedAndServesAgainWhereTheStopIsClosed(t *testing.T) {
	b := newBench(t)
	b.stops(b.Now())
	for range 2 {
		err := b.fails(b.keeper, fault.Permanent, "connection_is_stopped")
		if !errors.Is(err, grant.ErrStopped) {
			t.Errorf("it is no ErrStopped: %v", err)
		}
		b.tokenIsOver()
	}
	b.wantSent()
	b.stops(time.Time{})
	b.gets(b.keeper, 2)
}

func TestAConsentAfterTheCutoffServes(t *testing.T) {
	b := newBench(t)
	b.stops(b.Now())
	b.passes(time.Second)
	b.revento.grant = "b"
	if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
		t.Fatal(err)
	}
	b.gets(b.keeper, 1)
}

func TestAConsentOfBeforeTheCutoffLeavesNoTokens(t *testing.T) {
	b := newBench(t)
	at := b.Now()
	b.stops(at.Add(time.Second))
	if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), at); !errors.Is(err, record.ErrDeleted) {
		t.Errorf("the consent: %v", err)
	}
	b.wantStanding(connection.Ended, connection.Deletion, 1)
	if left := b.stored().Value.Sealed; left != "" {
		t.Error("its tokens are still there")
	}
}

func TestEndingErasesTheTokensAtOnceAndOnlyAConsentLeadsOut(t *testing.T) {
	b := newBench(t)
	for range 2 {
		if err := b.keeper.End(t.Context(), b.ours, b.clock.Now(), connection.Disconnected); err != nil {
			t.Fatal(err)
		}
	}
	b.wantStanding(connection.Ended, connection.Disconnected, 1)
	if left := b.stored().Value; left.Sealed != "" {
		t.Errorf("what is left: %+v", left)
	}
	b.fails(b.keeper, fault.Permanent, "ended")
	b.revento.grant = "b"
	if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
		t.Fatal(err)
	}
	b.gets(b.keeper, 1)
	if err := b.keeper.End(t.Context(), record.Connection{EventID: "evt_other"}, b.clock.Now(), connection.Disconnected); err != nil {
		t.Errorf("where nothing is: %v", err)
	}
}

func TestConsentAgainBeginsAGrantOfItsOwn(t *testing.T) {
	b := newBench(t)
	first := b.standing()
	b.passes(24 * time.Hour)
	b.revento.grant = "b"
	if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
		t.Fatal(err)
	}
	second := b.standing()
	if second.Grant == first.Grant || second.Generation != 1 || !second.Consented.Equal(b.Now()) || !second.FirstIssued.Equal(b.Now()) {
		t.Errorf("the second consent: %+v, the first: %+v", second, first)
	}
	b.gets(b.keeper, 1)
}

func TestAConsentToSomethingElseIsRefused(t *testing.T) {
	b := newBench(t)
	for name, change := range map[string]func(*revento.Tokens){
		"another event":        func(tokens *revento.Tokens) { tokens.EventID = "evt_other" },
		"another organization": func(tokens *revento.Tokens) { tokens.OrganizationID = "org_2" },
		"no event":             func(tokens *revento.Tokens) { tokens.EventID = "" },
	} {
		tokens := b.revento.tokens()
		change(&tokens)
		if err := b.keeper.Consent(t.Context(), b.ours, tokens, b.Now()); !errors.Is(err, grant.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
