package sandbox_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sandbox"
)

const theEvent = "/events/" + makersCamp

func TestARefreshRotates(t *testing.T) {
	w := newWorld(t)
	first := w.connect(makersCamp)
	second := w.refreshed(first.RefreshToken)
	if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken || second.EventID != makersCamp ||
		second.OrganizationID != "org_sandbox_1" || second.Scope != first.Scope {
		t.Errorf("%+v", second)
	}
	third := w.refreshed(second.RefreshToken)
	for _, token := range []string{first.AccessToken, second.AccessToken, third.AccessToken} {
		if got := w.get(token, theEvent).status; got != http.StatusOK {
			t.Errorf("an access token before its end: %d", got)
		}
	}
	w.wantCode(w.refresh(first.RefreshToken), 400, "invalid_grant")
}

func TestARefreshNeedsTheClientsOwnTokenAndSecret(t *testing.T) {
	tests := map[string]struct {
		change func(url.Values)
		status int
		code   string
	}{
		"an unknown token": {func(f url.Values) { f.Set("refresh_token", "rev_refresh_wrong") }, 400, "invalid_grant"},
		"a wrong secret":   {func(f url.Values) { f.Set("client_secret", "wrong") }, 401, "invalid_client"},
		"no secret":        {func(f url.Values) { f.Del("client_secret") }, 401, "invalid_client"},
		"another client": {func(f url.Values) {
			f.Set("client_id", "int_2")
			f.Set("client_secret", "s2")
		}, 400, "invalid_grant"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ok(w.AddClient(sandbox.Client{ID: "int_2", Secrets: []string{"s2"}}))
			tokens := w.connect(makersCamp)
			form := refreshForm(tokens.RefreshToken)
			test.change(form)
			w.wantCode(w.post(sandbox.TokenPath, form), test.status, test.code)
			w.refreshed(tokens.RefreshToken)
		})
	}
}

func TestAnAccessTokenIsNoRefreshTokenNorTheReverse(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.wantCode(w.refresh(tokens.AccessToken), 400, "invalid_grant")
	w.wantCode(w.get(tokens.RefreshToken, theEvent), 401, "invalid_token")
}

func TestAnAccessTokenLivesOneHour(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.clock.advance(time.Hour - 1)
	if got := w.get(tokens.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("before its end: %d", got)
	}
	w.clock.advance(1)
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_expired")
	w.refreshed(tokens.RefreshToken)
}

func TestARefreshTokenLivesNinetyDaysAndEachRefreshBeginsThemAnew(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	for range 3 {
		w.clock.advance(revento.RefreshLife - 1)
		tokens = w.refreshed(tokens.RefreshToken)
	}
	w.clock.advance(revento.RefreshLife)
	w.wantCode(w.refresh(tokens.RefreshToken), 400, "invalid_grant")
}

func TestAYearAfterTheFirstIssueConsentIsNeededAgain(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	for range 4 {
		w.clock.advance(80 * 24 * time.Hour)
		tokens = w.refreshed(tokens.RefreshToken)
	}
	if want := 45 * 24 * 3600; tokens.RefreshExpiresIn != want {
		t.Errorf("320 days on it says %d s, want %d", tokens.RefreshExpiresIn, want)
	}
	w.clock.advance(45*24*time.Hour - 1)
	tokens = w.refreshed(tokens.RefreshToken)
	w.clock.advance(1)
	w.wantCode(w.refresh(tokens.RefreshToken), 400, "invalid_grant")
	if got := w.get(tokens.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the access token that was given before: %d", got)
	}
}

func TestWhatASecondRedemptionDoesIsASwitch(t *testing.T) {
	tests := map[sandbox.Reuse]struct {
		again  string // what the second redemption brings: refused, same, new
		firsts int    // the status of a call with what the first redemption gave
	}{
		sandbox.ReuseRefuse:   {"refused", http.StatusOK},
		sandbox.ReuseSamePair: {"same", http.StatusOK},
		sandbox.ReuseNewPair:  {"new", http.StatusOK},
		sandbox.ReuseRevoke:   {"refused", http.StatusUnauthorized},
	}
	for reuse, test := range tests {
		t.Run(string(reuse), func(t *testing.T) {
			w := newWorld(t)
			w.ok(w.SetRule("reuse", string(reuse)))
			tokens := w.connect(makersCamp)
			first := w.refreshed(tokens.RefreshToken)
			a := w.refresh(tokens.RefreshToken)
			got := "refused"
			if a.status == http.StatusOK {
				if got = "new"; w.tokens(a) == first {
					got = "same"
				}
			}
			if got != test.again {
				t.Errorf("it is %s: %d %s", got, a.status, a.body)
			}
			if got := w.get(first.AccessToken, theEvent).status; got != test.firsts {
				t.Errorf("the first pair: %d", got)
			}
		})
	}
}

func TestASecondRedemptionIsTakenOnlyOfTheTokenBeforeAndWithinTheWindow(t *testing.T) {
	for _, reuse := range []sandbox.Reuse{sandbox.ReuseSamePair, sandbox.ReuseNewPair} {
		w := newWorld(t)
		w.ok(w.SetRule("reuse", string(reuse)))
		first := w.connect(makersCamp)
		second := w.refreshed(first.RefreshToken)
		w.refreshed(second.RefreshToken)
		w.wantCode(w.refresh(first.RefreshToken), 400, "invalid_grant")
		w.clock.advance(time.Minute)
		w.wantCode(w.refresh(second.RefreshToken), 400, "invalid_grant")
	}
}

func TestARefreshCanEndTheAccessTokenBefore(t *testing.T) {
	w := newWorld(t)
	w.ok(w.SetRule("refresh_ends_access", "true"))
	first := w.connect(makersCamp)
	second := w.refreshed(first.RefreshToken)
	w.wantCode(w.get(first.AccessToken, theEvent), 401, "token_expired")
	if got := w.get(second.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the new one: %d", got)
	}
}

func TestConsentAgainCanEndTheEarlierOne(t *testing.T) {
	for _, ends := range []bool{false, true} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.ConsentEndsEarlier = ends })
		first, other := w.connect(makersCamp), w.connect(games)
		w.connect(makersCamp)
		if got := w.refresh(first.RefreshToken).status; (got == http.StatusBadRequest) != ends {
			t.Errorf("ends %v: %d", ends, got)
		}
		w.refreshed(other.RefreshToken)
	}
}

func TestARevokedConnection(t *testing.T) {
	w := newWorld(t)
	w.connect(games)
	tokens, other, user := w.connect(makersCamp), w.connect(games), w.signIn(makersCamp, person)
	w.ok(w.Revoke(makersCamp))
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_revoked")
	w.wantCode(w.refresh(tokens.RefreshToken), 400, "invalid_grant")
	for path, token := range map[string]string{"/events/" + games: other.AccessToken, "/me/profile": user.AccessToken} {
		if got := w.get(token, path).status; got != http.StatusOK {
			t.Errorf("another's token at %s: %d", path, got)
		}
	}
	w.clock.advance(2 * time.Hour)
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_revoked")
	w.refreshed(w.connect(makersCamp).RefreshToken)
}

func TestAUserWhoRevokesEndsTheirOwn(t *testing.T) {
	w := newWorld(t)
	installation, other, user := w.connect(makersCamp), w.signIn(makersCamp, "usr_sandbox_002"), w.signIn(makersCamp, person)
	w.ok(w.RevokeUser(makersCamp, person))
	w.wantCode(w.get(user.AccessToken, "/me/profile"), 401, "token_revoked")
	if got := w.get(other.AccessToken, "/me/profile").status; got != http.StatusOK {
		t.Errorf("another user's: %d", got)
	}
	if got := w.get(installation.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the organizer's: %d", got)
	}
}

func TestTokensCanBeMadeToExpire(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.ok(w.ExpireAccess(makersCamp))
	w.wantCode(w.get(tokens.AccessToken, theEvent), 401, "token_expired")
	tokens = w.refreshed(tokens.RefreshToken)
	w.ok(w.ExpireRefresh(makersCamp))
	w.wantCode(w.refresh(tokens.RefreshToken), 400, "invalid_grant")
	if got := w.get(tokens.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the access token: %d", got)
	}
}

func TestTheRevokeEndpointIsASwitch(t *testing.T) {
	for _, there := range []bool{false, true} {
		w := newWorld(t)
		w.SetRules(func(r *sandbox.Rules) { r.RevokeEndpoint = there })
		tokens := w.connect(makersCamp)
		form := url.Values{"token": {tokens.RefreshToken}, "client_id": {clientID}, "client_secret": {clientSecret}}
		if got := w.post("/oauth/revoke", form).status; (got == http.StatusOK) != there {
			t.Errorf("there %v: %d", there, got)
		}
		if got := w.get(tokens.AccessToken, theEvent).status; (got == http.StatusUnauthorized) != there {
			t.Errorf("there %v, afterwards: %d", there, got)
		}
	}
}

// What is kept of one connection is bounded, however long it lives.
func TestManyRefreshesForgetTheOldestTokens(t *testing.T) {
	w := newWorld(t)
	first := w.connect(makersCamp)
	tokens := first
	for range 60 {
		tokens = w.refreshed(tokens.RefreshToken)
	}
	w.wantCode(w.get(first.AccessToken, theEvent), 401, "invalid_token")
	if got := w.get(tokens.AccessToken, theEvent).status; got != http.StatusOK {
		t.Errorf("the newest: %d", got)
	}
}

func TestTheClockIsReventosOwn(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.MoveClock(time.Hour)
	a := w.get(tokens.AccessToken, theEvent)
	w.wantCode(a, 401, "token_expired")
	if want := start.Add(time.Hour).Format(http.TimeFormat); a.header.Get("Date") != want || !w.Now().Equal(start.Add(time.Hour)) {
		t.Errorf("Date %q, want %q", a.header.Get("Date"), want)
	}
}

// A reply without a refresh token leaves the old one good, however often that happens.
func TestARefreshTokenThatIsKeptStaysGood(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	w.ok(w.Break(sandbox.Fault{Kind: sandbox.FaultKeepRefresh, At: sandbox.PlaceToken, Times: 120}))
	for range 120 {
		w.refreshed(tokens.RefreshToken)
	}
	if got := w.refreshed(tokens.RefreshToken); got.RefreshToken == "" {
		t.Errorf("%+v", got)
	}
}

func TestOfManyRedemptionsAtOnceOneSucceeds(t *testing.T) {
	w := newWorld(t)
	tokens := w.connect(makersCamp)
	const copies = 20
	statuses := make(chan int, copies)
	for range copies {
		r := w.formRequest(sandbox.TokenPath, refreshForm(tokens.RefreshToken))
		go func() {
			a, err := w.do(r)
			if err != nil {
				t.Error(err)
			}
			statuses <- a.status
		}()
	}
	succeeded := 0
	for range copies {
		if <-statuses == http.StatusOK {
			succeeded++
		}
	}
	if succeeded != 1 {
		t.Errorf("%d succeeded", succeeded)
	}
}
