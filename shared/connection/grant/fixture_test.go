package grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// canary is in every secret: keys, tokens, client secrets.
const canary = "CANARY"

// number makes a connection of its own for each bench, so that they can share a store.
var number atomic.Int64

// clock is a clock that waiting moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) passes(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.passes(d)
	return ctx.Err()
}

// reuse is what the stand-in does with a refresh token that was redeemed before. Revento's guide does not say.
type reuse string

const (
	refuses  reuse = "refuses a token that was redeemed"
	samePair reuse = "answers with the same pair"
	newPair  reuse = "gives a new pair"
	revokes  reuse = "revokes what came of it"
)

// issuer stands in for Revento's token endpoint.
type issuer struct {
	of      record.Connection
	plan    *mishap.Plan
	reuse   reuse
	secrets []string

	mu         sync.Mutex
	grant      string
	generation int
	revoked    bool
	// sent are the requests that reached it, as "generation: outcome".
	sent []string
	// answers replace its own, each once; nil is its own.
	answers []func(issued revento.Tokens, err error) (revento.Tokens, error)
	// meanwhile runs while a request is under way, before it is worked on.
	meanwhile func(ctx context.Context)
}

func refusal(status int, code string) error {
	return &fault.Error{Class: fault.Permanent, Op: "refresh", Reason: code, Err: &revento.Refusal{Status: status, Code: code}}
}

var (
	errLost   = &fault.Error{Class: fault.Unknown, Op: "refresh", Reason: "timeout"}
	errUnsent = &fault.Error{Class: fault.Transient, Op: "refresh", Reason: "no_connection"}
)

// lost is the answer that does not arrive.
func lost(revento.Tokens, error) (revento.Tokens, error) { return revento.Tokens{}, errLost }

// Refresh implements grant.Endpoint.
func (i *issuer) Refresh(ctx context.Context, clientSecret, refreshToken secret.Hidden) (tokens revento.Tokens, err error) {
	if i.meanwhile != nil {
		i.meanwhile(ctx)
	}
	err = i.plan.Do("endpoint.Refresh", func() error {
		tokens, err = i.answer(clientSecret.Show(), refreshToken.Show())
		return err
	})
	switch {
	case errors.Is(err, mishap.ErrRefused):
		return revento.Tokens{}, errUnsent
	case errors.Is(err, mishap.ErrLost):
		return revento.Tokens{}, errLost
	case err != nil:
		return revento.Tokens{}, err
	}
	return tokens, nil
}

func (i *issuer) answer(clientSecret, refreshToken string) (revento.Tokens, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	tokens, err := i.redeem(clientSecret, refreshToken)
	outcome := "200"
	if err != nil {
		outcome = revento.CodeOf(err)
	}
	i.sent = append(i.sent, fmt.Sprintf("%s: %s", strings.TrimPrefix(refreshToken, "rev_refresh_"+canary+"_"+i.grant+"_"), outcome))
	if len(i.answers) > 0 {
		instead := i.answers[0]
		i.answers = i.answers[1:]
		if instead != nil {
			return instead(tokens, err)
		}
	}
	return tokens, err
}

func (i *issuer) redeem(clientSecret, refreshToken string) (revento.Tokens, error) {
	isClient := false
	for _, valid := range i.secrets {
		isClient = isClient || valid == clientSecret
	}
	if !isClient {
		return revento.Tokens{}, refusal(401, revento.CodeInvalidClient)
	}
	switch {
	case i.revoked:
	case refreshToken == i.refreshToken(i.generation):
		i.generation++
		return i.tokens(), nil
	case refreshToken == i.refreshToken(i.generation-1) && i.reuse == samePair:
		return i.tokens(), nil
	case refreshToken == i.refreshToken(i.generation-1) && i.reuse == newPair:
		i.generation++
		return i.tokens(), nil
	}
	i.revoked = i.revoked || i.reuse == revokes
	return revento.Tokens{}, refusal(400, revento.CodeInvalidGrant)
}

func (i *issuer) refreshToken(generation int) string {
	return fmt.Sprintf("rev_refresh_%s_%s_%d", canary, i.grant, generation)
}

func (i *issuer) accessToken(generation int) string {
	return fmt.Sprintf("rev_install_%s_%s_%d", canary, i.grant, generation)
}

func (i *issuer) tokens() revento.Tokens {
	return revento.Tokens{
		Access: secret.Hide(i.accessToken(i.generation)), Refresh: secret.Hide(i.refreshToken(i.generation)),
		AccessLife: time.Hour, RefreshLife: revento.RefreshLife, Scope: "event.read", EventID: i.of.EventID, OrganizationID: i.of.OrganizationID,
	}
}

// watched sees that no generation of a grant is stored twice as something else.
type watched struct {
	record.Store
	*testing.T

	mu      sync.Mutex
	brought map[string]string // the attempt that brought a generation
}

func (w *watched) Put(ctx context.Context, rec record.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.Store.Put(ctx, rec); err != nil {
		return err
	}
	var kept struct {
		Value struct {
			Grant, Attempt string
			Generation     int64
		}
	}
	if err := json.Unmarshal(rec.Data, &kept); err != nil {
		w.Error(err)
	}
	generation := fmt.Sprint(kept.Value.Grant, " ", kept.Value.Generation)
	if before, seen := w.brought[generation]; seen && before != kept.Value.Attempt {
		w.Errorf("generation %s was brought by %s and by %s", generation, before, kept.Value.Attempt)
	}
	w.brought[generation] = kept.Value.Attempt
	return nil
}

// bench is a connection that was consented to, with its tokens' first generation.
type bench struct {
	*testing.T
	*clock
	ours      record.Connection
	keeper    *grant.Keeper
	records   record.Store
	deletions record.Store
	revento   *issuer
	// rings and secrets are what is kept in the vault.
	ring    string
	secrets string
	log     *strings.Builder
}

func newBench(t *testing.T) *bench {
	kept := memory.NewRecords()
	return newBenchOn(t, kept, kept.Deletions)
}

func newBenchOn(t *testing.T, records, deletions record.Store) *bench {
	t.Helper()
	ours := record.Connection{EventID: fmt.Sprintf("evt_%d", number.Add(1)), OrganizationID: "org_1"}
	b := &bench{
		T: t, ours: ours, clock: &clock{now: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}, records: &watched{Store: records, T: t, brought: map[string]string{}},
		deletions: deletions,
		ring:      strings.Repeat(canary, 8), secrets: canary + "_secret", log: new(strings.Builder),
	}
	b.revento = &issuer{of: ours, reuse: refuses, secrets: []string{canary + "_secret"}, grant: "a", generation: 1}
	b.keeper = b.copy(nil)
	if err := b.keeper.Consent(t.Context(), b.ours, b.revento.tokens(), b.Now()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if strings.Contains(b.log.String(), canary) {
			t.Errorf("a secret is in the log: %s", b.log)
		}
	})
	return b
}

// copy is another process on the same store, whose calls can go wrong.
func (b *bench) copy(plan *mishap.Plan) *grant.Keeper {
	vault := func(text *string) secret.Fetch {
		return func(context.Context) (string, error) { return *text, nil }
	}
	return &grant.Keeper{
		Records:   mishap.Records{Store: b.records, Plan: plan},
		Deletions: mishap.Records{Store: b.deletions, Plan: plan},
		Rings:     secret.NewHolder(vault(&b.ring), seal.Parse, 5*time.Minute, b.Now),
		Secrets:   secret.NewHolder(vault(&b.secrets), secret.ParseClient, 5*time.Minute, b.Now),
		Endpoint:  b.revento, Now: b.Now, Wait: b.Wait,
		Log: telemetry.New(b.log, telemetry.Options{Now: b.Now, Metrics: true}),
	}
}

// gets expects the access token of a generation.
func (b *bench) gets(k *grant.Keeper, generation int) {
	b.Helper()
	access, err := k.Token(b.Context(), b.ours)
	if err != nil {
		b.Fatalf("get an access token: %v", err)
	}
	b.wantToken(access, generation)
}

func (b *bench) wantToken(access grant.Access, generation int) {
	b.Helper()
	if got, want := access.Bearer().Show(), b.revento.accessToken(generation); got != want || access.EventID() != b.ours.EventID {
		b.Errorf("the access token of %s is %s, want %s", access.EventID(), got, want)
	}
}

// fails expects an error, with the class that a caller acts on, and without a secret.
func (b *bench) fails(k *grant.Keeper, class fault.Class, reason string) error {
	b.Helper()
	access, err := k.Token(b.Context(), b.ours)
	b.wantFailure(access, err, class, reason)
	return err
}

func (b *bench) wantFailure(access grant.Access, err error, class fault.Class, reason string) {
	b.Helper()
	if err == nil {
		b.Fatalf("got %s", access.Bearer().Show())
	}
	if got := fault.Of(err); got.Class != class || got.Reason != reason {
		b.Errorf("the failure is %s %s, want %s %s", got.Class, got.Reason, class, reason)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), canary) {
		b.Errorf("the error holds a secret: %v", err)
	}
}

func (b *bench) wantSent(want ...string) {
	b.Helper()
	if got := strings.Join(b.revento.sent, ", "); got != strings.Join(want, ", ") {
		b.Errorf("what reached Revento: %s, want %s", got, strings.Join(want, ", "))
	}
}

func (b *bench) standing() grant.Standing {
	b.Helper()
	standing, err := b.copy(nil).Standing(b.Context(), b.ours)
	if err != nil {
		b.Fatal(err)
	}
	return standing
}

func (b *bench) wantStanding(state connection.State, reason connection.Reason, generation int64) {
	b.Helper()
	got := b.standing()
	if got.State != state || got.Reason != reason || got.Generation != generation {
		b.Errorf("it stands at %s %q, generation %d, want %s %q, %d", got.State, got.Reason, got.Generation, state, reason, generation)
	}
}

// wantCounted expects a metric in the log.
func (b *bench) wantCounted(metric string) {
	b.Helper()
	if !strings.Contains(b.log.String(), fmt.Sprintf("%q:1", metric)) {
		b.Errorf("%s was not counted: %s", metric, b.log)
	}
}

// tokenIsOld makes the access token one that has to be refreshed.
func (b *bench) tokenIsOld() { b.passes(56 * time.Minute) }

// tokenIsOver makes it one that does not serve any more.
func (b *bench) tokenIsOver() { b.passes(61 * time.Minute) }
