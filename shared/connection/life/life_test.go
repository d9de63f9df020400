package life_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/life"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
)

var noon = time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)

// ours is the connection of most tests, theirs the same event's of another organization.
var (
	ours   = record.Connection{EventID: "evt_1", OrganizationID: "org_1"}
	theirs = record.Connection{EventID: "evt_1", OrganizationID: "org_2"}
)

type store interface {
	connection.Records
	record.Purger
}

// bench is the rules on a store, with the real registry and the real keeper of tokens.
type bench struct {
	*testing.T
	*life.Lives
	keeper    *grant.Keeper
	records   store
	deletions record.Store
	clock     time.Time
}

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) (records store, deletions record.Store){
	"memory": func(*testing.T) (store, record.Store) {
		records := memory.NewRecords()
		return records, records.Deletions
	},
	"SQLite": func(t *testing.T) (store, record.Store) {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = engine.Close() })
		return engine.Records, engine.Deletions
	},
}

func onEngines(t *testing.T, test func(b *bench)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			records, deletions := open(t)
			test(newBench(t, records, deletions))
		})
	}
}

func newBench(t *testing.T, records store, deletions record.Store) *bench {
	b := &bench{T: t, records: records, deletions: deletions, clock: noon}
	now := func() time.Time { return b.clock }
	ring := secret.Static(strings.Repeat("k", 43))
	b.keeper = &grant.Keeper{
		Records: records, Deletions: deletions, Rings: secret.NewHolder(ring, seal.Parse, time.Hour, now), Now: now,
	}
	b.Lives = &life.Lives{Registry: &connection.Registry{Records: records, Deletions: deletions}, Tokens: b.keeper, Now: now}
	return b
}

func tokensOf(of record.Connection) revento.Tokens {
	return revento.Tokens{
		Access: secret.Hide("rev_install_canary"), Refresh: secret.Hide("rev_refresh_canary"), AccessLife: time.Hour,
		EventID: of.EventID, OrganizationID: of.OrganizationID,
	}
}

func (b *bench) given(of record.Connection) consent.Given {
	return consent.Given{EventID: of.EventID, OrganizationID: of.OrganizationID, Scope: "event.read", At: b.clock, LinkedBy: "link"}
}

func (b *bench) connects(of record.Connection) {
	b.Helper()
	if err := b.Connect(b.Context(), b.given(of), tokensOf(of)); err != nil {
		b.Fatal(err)
	}
}

// wants checks how a connection stands, and whether its tokens are there.
func (b *bench) wants(of record.Connection, state connection.State, reason connection.Reason, serves bool) connection.Standing {
	b.Helper()
	standing, err := b.Registry.Read(b.Context(), of)
	if err != nil {
		b.Fatal(err)
	}
	if standing.State != state || standing.Reason != reason || standing.Serves() != serves {
		b.Errorf("the connection is %+v, want %s (%s), serving: %t", standing.Info, state, reason, serves)
	}
	if _, err := b.keeper.Token(b.Context(), of); (err == nil) != serves {
		b.Errorf("its token: %v", err)
	}
	return standing
}

func TestAConsentMakesAConnectionThatServesAtOnce(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects(ours)
		standing := b.wants(ours, connection.Active, "", true)
		if !standing.Due.Equal(noon) || standing.LinkedBy != "link" || standing.Scope != "event.read" {
			b.Errorf("%+v", standing.Info)
		}
		if got, err := b.Organization(b.Context(), "evt_1"); err != nil || got != "org_1" {
			b.Errorf("the event's organization is %q, %v", got, err)
		}
	})
}

// What the registry says and the tokens are written together: a connection that cannot be used is never shown as active.
func TestTokensOfAnotherEventConnectNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		err := b.Connect(b.Context(), b.given(ours), tokensOf(record.Connection{EventID: "evt_2", OrganizationID: "org_1"}))
		if !errors.Is(err, grant.ErrForeign) {
			b.Errorf("connected: %v", err)
		}
		b.wants(ours, "", "", false)
	})
}

func TestWhoDisconnectsErasesTheTokensAtOnce(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects(ours)
		for range 2 { // again is no error
			if err := b.End(b.Context(), ours, b.clock, connection.Disconnected); err != nil {
				b.Fatal(err)
			}
		}
		b.wants(ours, connection.Ended, connection.Disconnected, false)
		for rec := range b.all() {
			if strings.Contains(rec, "sealed") {
				b.Errorf("something sealed is left: %s", rec)
			}
		}
		b.clock = b.clock.Add(time.Hour)
		b.connects(ours)
		b.wants(ours, connection.Active, "", true)
	})
}

// all ranges over the content of what is kept of the connection.
func (b *bench) all() func(func(string) bool) {
	return func(yield func(string) bool) {
		for after := ""; ; {
			page, err := b.records.Query(b.Context(), ours, after)
			if err != nil {
				b.Fatal(err)
			}
			if len(page) == 0 {
				return
			}
			for _, rec := range page {
				if !yield(string(rec.Data)) {
					return
				}
			}
			after = page[len(page)-1].Key.Sort()
		}
	}
}

func TestEndingWhatWasNeverConnectedMakesNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		if err := b.End(b.Context(), ours, b.clock, connection.Deletion); err != nil {
			b.Fatal(err)
		}
		for rec := range b.all() {
			b.Errorf("kept: %s", rec)
		}
	})
}

// A request of yesterday says nothing of what was consented to today.
func TestAConsentThatIsNewerThanTheCutoffStays(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects(ours)
		if err := b.End(b.Context(), ours, b.clock.Add(-time.Second), connection.Deletion); err != nil {
			b.Fatal(err)
		}
		b.wants(ours, connection.Active, "", true)
	})
}

// A deletion stops first and erases then: the tombstone must not be in the way.
func TestAConnectionUnderATombstoneLosesItsTokens(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.connects(ours)
		b.clock = b.clock.Add(time.Hour)
		if err := b.requireDeletion(); err != nil {
			b.Fatal(err)
		}
		if err := b.End(b.Context(), ours, b.clock, connection.Deletion); err != nil {
			b.Fatal(err)
		}
		standing, err := b.Registry.Read(b.Context(), ours)
		if err != nil || !standing.IsEnded() {
			b.Errorf("%+v, %v", standing, err)
		}
		if held, err := b.keeper.Standing(b.Context(), ours); err != nil || held.State != connection.Ended {
			b.Errorf("the tokens: %+v, %v", held, err)
		}
		b.clock = b.clock.Add(time.Hour)
		life := standing.Life
		b.connects(ours)
		if again := b.wants(ours, connection.Active, "", true); again.Life == life {
			b.Error("the consent after the deletion goes on with the life before it")
		}
	})
}

func (b *bench) requireDeletion() error {
	_, err := connection.Require(b.Context(), b.deletions, ours, connection.Stop{Case: "case", Cutoff: b.clock}, b.clock.Add(1000*time.Hour))
	return err
}

func TestLessScopeThanAskedForNeedsAnotherConsent(t *testing.T) {
	onEngines(t, func(b *bench) {
		if err := b.DeclineScope(b.Context(), b.given(ours)); err != nil {
			b.Fatal(err)
		}
		b.wants(ours, connection.NeedsConsent, connection.DeclinedScope, false)
		b.clock = b.clock.Add(time.Minute)
		b.connects(ours)
		b.wants(ours, connection.Active, "", true)
		b.clock = b.clock.Add(time.Minute)
		if err := b.DeclineScope(b.Context(), b.given(ours)); err != nil {
			b.Fatal(err)
		}
		b.wants(ours, connection.Active, "", true) // its own tokens tell whether they still work
	})
}

func TestAnEventIsTheOrganizationsWhoseConnectionIsNotOver(t *testing.T) {
	onEngines(t, func(b *bench) {
		if got, err := b.Organization(b.Context(), "evt_1"); err != nil || got != "" {
			b.Errorf("of an unknown event: %q, %v", got, err)
		}
		b.connects(ours)
		if err := b.End(b.Context(), ours, b.clock, connection.Disconnected); err != nil {
			b.Fatal(err)
		}
		b.clock = b.clock.Add(time.Minute)
		b.connects(theirs)
		if got, err := b.Organization(b.Context(), "evt_1"); err != nil || got != "org_2" {
			b.Errorf("%q, %v; want org_2", got, err)
		}
	})
}

func TestAStoreThatFailsConnectsNothing(t *testing.T) {
	onEngines(t, func(b *bench) {
		ctx, cancel := context.WithCancel(b.Context())
		cancel()
		if err := b.Connect(ctx, b.given(ours), tokensOf(ours)); !errors.Is(err, context.Canceled) {
			b.Errorf("connected: %v", err)
		}
	})
}
