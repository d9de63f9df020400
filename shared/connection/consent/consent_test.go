package consent_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

func TestAConsentConnectsTheEventThatWasAskedFor(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		got := b.consents()
		b.want("consented", got, consent.Connected, "", false)
		if got.EventID != event || got.Err != nil {
			t.Errorf("%+v", got)
		}
		b.wantGiven(b.connections.connected, strings.Join(scopes, " "))
		if len(b.connections.tokens) != 1 || b.connections.tokens[0].Refresh.Show() != "rev_refresh_canary" {
			t.Errorf("with the tokens %v", b.connections.tokens)
		}
		if want := []string{code + " " + b.revento.verifier}; !slices.Equal(b.revento.redeemed, want) {
			t.Errorf("redeemed %q, want %q", b.revento.redeemed, want)
		}
	})
}

// wantGiven wants one consent, of the link that the flow was begun with.
func (b *bench) wantGiven(got []consent.Given, scope string) {
	b.t.Helper()
	if len(got) != 1 {
		b.t.Fatalf("given: %+v", got)
	}
	linkedBy := got[0].LinkedBy
	want := consent.Given{EventID: event, OrganizationID: organization, Scope: scope, At: b.clock, LinkedBy: linkedBy}
	if got[0] != want || linkedBy == "" || strings.Contains(b.link(), linkedBy) {
		b.t.Errorf("given: %+v", got[0])
	}
}

// RFC 7636 wants a verifier of 43 to 128 characters that cannot be guessed, RFC 9700 a state of one use.
func TestEachFlowHasAStateAndAVerifierOfItsOwn(t *testing.T) {
	b := memoryBench(t)
	seen := map[string]bool{}
	for range 10 {
		for _, random := range []string{b.begins(), b.revento.verifier} {
			if len(random) != 43 || seen[random] {
				t.Errorf("%q", random)
			}
			seen[random] = true
		}
	}
}

// outcomes are what comes of a callback that is the first of its flow, in its browser, in time.
var outcomes = []struct {
	name     string
	change   func(*bench)
	callback consent.Callback
	kind     consent.Kind
	reason   consent.Reason
	retry    bool
}{
	{"declined", nil, consent.Callback{Error: "access_denied"}, consent.Declined, "", true},
	{"declined, with a code beside", nil, consent.Callback{Error: "access_denied", Code: code}, consent.Declined, "", true},
	{"Revento is out of order", nil, consent.Callback{Error: "server_error"}, consent.Unavailable, "", true},
	{"Revento is busy", nil, consent.Callback{Error: "temporarily_unavailable"}, consent.Unavailable, "", true},
	{"a scope that is not declared", nil, consent.Callback{Error: "invalid_scope"}, consent.Failed, consent.RequestRefused, true},
	{"an error that nobody knows", nil, consent.Callback{Error: "canary"}, consent.Failed, consent.RequestRefused, true},
	{"neither code nor error", nil, consent.Callback{}, consent.Failed, consent.NoCode, true},
	{"a code too long", nil, consent.Callback{Code: strings.Repeat("x", 2049)}, consent.Failed, consent.NoCode, true},
	{"a code with a line break", nil, consent.Callback{Code: "a\nb"}, consent.Failed, consent.NoCode, true},
	{"the code is refused", func(b *bench) { b.revento.err = &revento.Refusal{Status: 400, Code: revento.CodeInvalidGrant} },
		consent.Callback{Code: code}, consent.Failed, consent.CodeRefused, true},
	{"the client's secret is wrong", func(b *bench) {
		b.revento.err = &fault.Error{Class: fault.Permanent, Op: "x", Reason: "y", Err: &revento.Refusal{Status: 401, Code: revento.CodeInvalidClient}}
	}, consent.Callback{Code: code}, consent.Unavailable, "", true},
	{"the exchange is refused for good", func(b *bench) { b.revento.err = &fault.Error{Class: fault.Permanent, Op: "x", Reason: "y"} },
		consent.Callback{Code: code}, consent.Failed, consent.RequestRefused, true},
	{"the exchange takes too long", func(b *bench) { b.revento.err = context.DeadlineExceeded },
		consent.Callback{Code: code}, consent.Unavailable, "", true},
	{"no refresh token", func(b *bench) { b.revento.tokens.Refresh = secret.Hidden{} },
		consent.Callback{Code: code}, consent.Failed, consent.Incomplete, true},
	{"no access token", func(b *bench) { b.revento.tokens.Access = secret.Hidden{} },
		consent.Callback{Code: code}, consent.Failed, consent.Incomplete, true},
	{"no event", func(b *bench) { b.revento.tokens.EventID = "" },
		consent.Callback{Code: code}, consent.Failed, consent.Incomplete, true},
	{"no organization", func(b *bench) { b.revento.tokens.OrganizationID = "" },
		consent.Callback{Code: code}, consent.Failed, consent.Incomplete, true},
	{"another event", func(b *bench) { b.revento.tokens.EventID = "evt_other" },
		consent.Callback{Code: code}, consent.OtherEvent, "", true},
	{"another organization than is known", func(b *bench) { b.connections.organization = "org_other" },
		consent.Callback{Code: code}, consent.OtherOrganization, "", false},
	{"another organization came first", func(b *bench) { b.connections.err = consent.ErrOtherOrganization },
		consent.Callback{Code: code}, consent.OtherOrganization, "", false},
	{"another organization, and less than was asked for", func(b *bench) {
		b.connections.organization, b.revento.tokens.Scope = "org_other", "event.read"
	}, consent.Callback{Code: code}, consent.OtherOrganization, "", false},
	{"the same organization again", func(b *bench) { b.connections.organization = organization },
		consent.Callback{Code: code}, consent.Connected, "", false},
	{"it cannot be stored", func(b *bench) { b.connections.err = errors.New("no table") },
		consent.Callback{Code: code}, consent.Unavailable, "", true},
	{"less than was asked for", func(b *bench) { b.revento.tokens.Scope = "event.read" },
		consent.Callback{Code: code}, consent.LessScope, "", true},
	{"more than was asked for", func(b *bench) { b.revento.tokens.Scope += " more.read" },
		consent.Callback{Code: code}, consent.Connected, "", false},
	{"the answer names no scope", func(b *bench) { b.revento.tokens.Scope = "" },
		consent.Callback{Code: code}, consent.Connected, "", false},
}

func TestWhatCameOfACallbackAndWhatASecondOneIsTold(t *testing.T) {
	for _, test := range outcomes {
		t.Run(test.name, func(t *testing.T) {
			onBothEngines(t, func(t *testing.T, b *bench) {
				if test.change != nil {
					test.change(b)
				}
				test.callback.State = b.begins()
				first := b.comesBack(test.callback)
				b.want("first", first, test.kind, test.reason, false)
				if first.EventID != event || first.CanRetry() != test.retry || first.Link == "" {
					t.Errorf("%+v; can be tried again: %v", first, first.CanRetry())
				}
				if connected := len(b.connections.connected) > 0; connected != (test.kind == consent.Connected) {
					t.Errorf("connected: %v", connected)
				}
				redeemed := len(b.revento.redeemed)
				again := b.comesBack(consent.Callback{State: test.callback.State, Code: code})
				b.want("second", again, test.kind, test.reason, true)
				if len(b.revento.redeemed) != redeemed || !slices.Equal(again.Missing, first.Missing) {
					t.Errorf("redeemed again: %q; missing %q, then %q", b.revento.redeemed, first.Missing, again.Missing)
				}
			})
		})
	}
}

// The tokens of a consent to less are dropped: nothing is kept that could do less than is needed.
func TestWhatWasNotGrantedIsNamedAndKept(t *testing.T) {
	b := memoryBench(t)
	b.revento.tokens.Scope = "program.read"
	got := b.consents()
	if want := []string{"event.read", "participants.read"}; !slices.Equal(got.Missing, want) {
		t.Errorf("missing %q, want %q", got.Missing, want)
	}
	b.wantGiven(b.connections.declinedScope, "program.read")
}

func TestACallbackCountsOnlyInTheBrowserThatBegan(t *testing.T) {
	b := memoryBench(t)
	state := b.begins()
	other := b.begins()
	flows := []string{}
	for _, sealed := range b.cookies {
		flows = append(flows, sealed)
	}
	foreign := newBench(t, memory.NewRecords())
	foreign.begins()
	var foreignFlow string
	for _, sealed := range foreign.cookies {
		foreignFlow = sealed
	}
	for _, test := range []struct {
		name, state string
		cookie      func(string) string
	}{
		{"no cookie", state, func(string) string { return "" }},
		{"another flow's cookie under this one's name", other, func(id string) string {
			return flows[slices.IndexFunc(flows, func(flow string) bool { return flow != b.cookies[id] })]
		}},
		{"a cookie that was changed", state, func(id string) string { return b.cookies[id][:len(b.cookies[id])-2] + "AA" }},
		{"a cookie that is none", state, func(string) string { return "canary" }},
		{"a cookie of another installation", state, func(string) string { return foreignFlow }},
		{"no state", "", func(id string) string { return b.cookies[id] }},
		{"a state of another form", "canary", func(string) string { return flows[0] }},
		{"a state that nobody made", strings.Repeat("A", 43), func(string) string { return flows[0] }},
	} {
		got := b.Finish(t.Context(), consent.Callback{State: test.state, Code: code}, test.cookie)
		b.want(test.name, got, consent.OtherFlow, "", false)
		if got.EventID != "" || got.CanRetry() || len(b.revento.redeemed) > 0 {
			t.Errorf("%s: %+v, redeemed %q", test.name, got, b.revento.redeemed)
		}
	}
	b.want("its own", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", false)
	b.want("the other tab's", b.comesBack(consent.Callback{State: other, Code: code}), consent.Connected, "", false)
}

func TestAFlowLastsTenMinutes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		state := b.begins()
		b.clock = b.clock.Add(consent.FlowLife)
		got := b.comesBack(consent.Callback{State: state, Code: code})
		b.want("at its end", got, consent.Expired, "", false)
		if len(b.revento.redeemed) > 0 || got.EventID != event || !got.CanRetry() {
			t.Errorf("redeemed %q, outcome %+v", b.revento.redeemed, got)
		}
		b.want("again", b.comesBack(consent.Callback{State: state, Code: code}), consent.Expired, "", false)

		state = b.begins()
		b.clock = b.clock.Add(consent.FlowLife - time.Second)
		b.want("just in time", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", false)
		b.clock = b.clock.Add(time.Minute)
		b.want("seen again when it is over", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", true)
	})
}

// Two tabs, or a page that is loaded again while the first answer is on its way.
func TestASecondCallbackWhileTheFirstIsUnderWayRedeemsNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		state := b.begins()
		var meanwhile consent.Outcome
		b.revento.meanwhile = func(context.Context) { meanwhile = b.comesBack(consent.Callback{State: state, Code: code}) }
		first := b.comesBack(consent.Callback{State: state, Code: code})
		b.want("first", first, consent.Connected, "", false)
		b.want("meanwhile", meanwhile, consent.UnderWay, "", true)
		if len(b.revento.redeemed) != 1 {
			t.Errorf("redeemed %q", b.revento.redeemed)
		}
	})
}

func TestAnAttemptThatNobodyEndedIsToldAsInterrupted(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		state := b.begins()
		b.revento.meanwhile = func(context.Context) { panic("killed") }
		func() {
			defer func() { _ = recover() }()
			b.comesBack(consent.Callback{State: state, Code: code})
		}()
		b.clock = b.clock.Add(29 * time.Second)
		b.want("soon", b.comesBack(consent.Callback{State: state, Code: code}), consent.UnderWay, "", true)
		b.clock = b.clock.Add(time.Second)
		b.want("later", b.comesBack(consent.Callback{State: state, Code: code}), consent.Failed, consent.Interrupted, true)
		if len(b.revento.redeemed) != 1 {
			t.Errorf("redeemed %q", b.revento.redeemed)
		}
	})
}

// A browser that hangs up must not cut off what Revento has redeemed already.
func TestWhoHangsUpIsConnectedAllTheSame(t *testing.T) {
	onBothEngines(t, func(t *testing.T, b *bench) {
		state := b.begins()
		ctx, hangUp := context.WithCancel(t.Context())
		b.revento.meanwhile = func(ctx context.Context) {
			hangUp()
			if _, bounded := ctx.Deadline(); ctx.Err() != nil || !bounded {
				t.Errorf("the exchange ends with the browser (%v), or is without a deadline: %v", ctx.Err(), !bounded)
			}
		}
		b.want("first", b.Finish(ctx, consent.Callback{State: state, Code: code}, func(id string) string { return b.cookies[id] }),
			consent.Connected, "", false)
		b.want("second", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", true)
	})
}

// faulty is a store that fails, or loses the answer to a write that was done and then writes again, as an SDK does.
type faulty struct {
	record.Store
	fails func(record.Record) bool
	loses func(record.Record) bool
}

func (f *faulty) Put(ctx context.Context, rec record.Record) error {
	if f.fails != nil && f.fails(rec) {
		return errors.New("no table")
	}
	err := f.Store.Put(ctx, rec)
	if err == nil && f.loses != nil && f.loses(rec) {
		return f.Store.Put(ctx, rec)
	}
	return err
}

func (f *faulty) Get(ctx context.Context, key record.Key) (record.Record, error) {
	if f.fails != nil && f.fails(record.Record{Key: key, Version: -1}) {
		return record.Record{}, errors.New("no table")
	}
	return f.Store.Get(ctx, key)
}

func TestNothingIsRedeemedWhereTheStateCannotBeUsedUp(t *testing.T) {
	b := memoryBench(t)
	state := b.begins()
	store := &faulty{Store: b.Attempts, fails: func(record.Record) bool { return true }}
	b.Attempts = store
	got := b.comesBack(consent.Callback{State: state, Code: code})
	b.want("the store is out of order", got, consent.Unavailable, "", false)
	if len(b.revento.redeemed) > 0 || got.Err == nil || !got.CanRetry() {
		t.Errorf("redeemed %q, outcome %+v", b.revento.redeemed, got)
	}
	store.fails = nil
	b.want("the same again", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", false)
}

func TestAWriteThatWasDoneTwiceIsTheFirstOnesOwn(t *testing.T) {
	b := memoryBench(t)
	b.Attempts = &faulty{Store: b.Attempts, loses: func(rec record.Record) bool { return rec.Version == 0 }}
	b.want("the answer was lost", b.consents(), consent.Connected, "", false)
}

func TestWhatCannotBeKeptIsToldAllTheSame(t *testing.T) {
	b := memoryBench(t)
	b.Attempts = &faulty{Store: b.Attempts, fails: func(rec record.Record) bool { return rec.Version == 1 }}
	got := b.consents()
	b.want("connected", got, consent.Connected, "", false)
	if got.Err == nil {
		t.Error("nobody is told")
	}
}

func TestWithoutAKeyRingNothingBeginsAndNothingEnds(t *testing.T) {
	b := memoryBench(t)
	state, link := b.begins(), b.link()
	b.ring.err = errors.New("no such secret")
	_, begun := b.Begin(t.Context(), event, link)
	b.want("a link", begun, consent.Unavailable, "", false)
	b.want("a callback", b.comesBack(consent.Callback{State: state, Code: code}), consent.Unavailable, "", false)
	b.ring.err = nil
	b.ring.ring = seal.Ring{}
	_, begun = b.Begin(t.Context(), event, link)
	b.want("a link, without keys", begun, consent.LinkWrong, "", false)
	b.Open = true
	_, begun = b.Begin(t.Context(), event, link)
	b.want("for anybody, without keys", begun, consent.Unavailable, "", false)
}

// A new key begins to seal while flows are under way and links are about: both go on as long as the ring has the older one.
func TestAKeyThatRotatesEndsNoFlowAndNoLink(t *testing.T) {
	b := memoryBench(t)
	state, link := b.begins(), b.link()
	b.ring.ring = b.ring.ring.Add()
	b.want("a flow", b.comesBack(consent.Callback{State: state, Code: code}), consent.Connected, "", false)
	_, begun := b.Begin(t.Context(), event, link)
	b.want("a link", begun, consent.Asked, "", false)
}

// Neither what a browser gets nor what may be logged tells a token, a code or a verifier.
func TestNothingSecretIsToldOfAFlow(t *testing.T) {
	for _, test := range outcomes {
		b := memoryBench(t)
		if test.change != nil {
			test.change(b)
		}
		state := b.begins()
		test.callback.State = state
		got := b.comesBack(test.callback)
		told := fmt.Sprintf("%+v %#v", got, got)
		for _, sealed := range b.cookies {
			told += sealed
		}
		for name := range b.cookies {
			told += name
		}
		for _, canary := range []string{"canary", b.revento.verifier, state} {
			if strings.Contains(told, canary) {
				t.Errorf("%s: %q is told in %s", test.name, canary, told)
			}
		}
	}
}

func TestWhatRevenstosPageSaysIsHandedOnOnceAndIsNoError(t *testing.T) {
	b := memoryBench(t)
	callback := consent.Callback{State: b.begins(), Error: "invalid_scope", Description: "canary"}
	first, second := b.comesBack(callback), b.comesBack(callback)
	if first.Said != "canary" || second.Said != "" || strings.Contains(first.Err.Error(), "canary") {
		t.Errorf("%+v, then %+v", first, second)
	}
}
