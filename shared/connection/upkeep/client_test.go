package upkeep_test

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/connection"
)

func TestAClientSecretThatReventoDoesNotTakeIsToldOnceForAll(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		for _, event := range sandboxEvents {
			a.consents(event)
		}
		a.passes(time.Hour)
		a.wantsTold("")
		if err := a.sandbox.AddClient(registered(canary + "_new")); err != nil {
			t.Fatal(err)
		}
		a.passes(4 * time.Hour) // that nobody can look is told as what it is
		a.wantsTold("broken client_secret_refused")
		if a.delivered != 1 {
			t.Errorf("sent %d times", a.delivered)
		}
		if told := a.told[0]; told.Connection.EventID != "" || !strings.Contains(told.Fields["what_to_do"], "Rotate the client secret") {
			t.Errorf("told %+v", told)
		}
		a.secrets = canary + "_new, " + canary + "_old"
		a.passes(3 * time.Hour)
		a.wantsTold("broken client_secret_refused, restored client_secret_taken")
		if begun, ended := a.told[0], a.told[1]; begun.ResourceID != ended.ResourceID || ended.Number <= begun.Number {
			t.Errorf("they are %+v and %+v", begun, ended)
		}
		for _, event := range sandboxEvents {
			for s, err := range a.registry.OfEvent(a.Context(), event) {
				if state, _, resultErr := a.Result(a.Context(), s.Connection, 0); err != nil || resultErr != nil || state.Status != "healthy" {
					t.Errorf("%s is %+v", event, state)
				}
			}
		}
	})
}

// While the old secret is valid too, nobody hears of a rotation, in whatever order its steps are taken.
func TestAClientSecretThatIsRotatedBesideTheOldOneIsNotTold(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		a.consents("evt_sandbox_1")
		for _, step := range []func() error{
			func() error { return a.sandbox.AddClient(registered(canary+"_old", canary+"_new")) },
			func() error { a.secrets = canary + "_new, " + canary + "_old"; return nil },
			func() error { return a.sandbox.AddClient(registered(canary + "_new")) },
			func() error { a.secrets = canary + "_new"; return nil },
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
			a.passes(3 * time.Hour)
		}
		a.wantsTold("")
	})
}

// The connection that was refused last is gone: nobody is refused any more, and nobody looks at it.
func TestAClientSecretThatNobodyNeedsAnyMoreIsNotTroubleForever(t *testing.T) {
	onEngines(t, func(b *bench) {
		a := b.asksTheSandbox()
		s := a.consents("evt_sandbox_1")
		if err := a.sandbox.AddClient(registered(canary + "_new")); err != nil {
			t.Fatal(err)
		}
		a.passes(3 * time.Hour)
		a.wantsTold("broken client_secret_refused")
		if err := a.lives.End(a.Context(), s.Connection, a.clock, connection.Disconnected); err != nil {
			t.Fatal(err)
		}
		a.passes(time.Hour)
		a.wantsTold("broken client_secret_refused, restored client_secret_taken")
	})
}
