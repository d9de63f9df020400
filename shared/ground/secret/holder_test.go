package secret_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/ground/secret"
)

const maxAge = 5 * time.Minute

var errDown = errors.New("down")

// vault is where a secret is kept; it counts the looks at it.
type vault struct {
	mu    sync.Mutex
	text  string
	err   error
	looks int
}

func (v *vault) fetch(context.Context) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.looks++
	return v.text, v.err
}

func (v *vault) holder() *secret.Holder[secret.Token] {
	return secret.NewHolder(v.fetch, secret.ParseToken, maxAge, time.Now)
}

// wantGet and wantLooks state what is expected at this moment.
func wantGet(t *testing.T, holder *secret.Holder[secret.Token], want secret.Token) {
	t.Helper()
	if got, err := holder.Get(t.Context()); err != nil || got != want {
		t.Errorf("Get = %q, %v, want %q", got, err, want)
	}
}

func wantLooks(t *testing.T, v *vault, want int) {
	t.Helper()
	if v.looks != want {
		t.Errorf("%d looks, want %d", v.looks, want)
	}
}

func TestAHolderFetchesAnewAtTheMaximumAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: "old"}
		holder := v.holder()
		wantGet(t, holder, "old")
		v.text = "new"
		time.Sleep(maxAge - time.Nanosecond)
		wantGet(t, holder, "old")
		wantLooks(t, v, 1)
		time.Sleep(time.Nanosecond)
		wantGet(t, holder, "new")
		wantLooks(t, v, 2)
	})
}

func TestTheOldValueServesOnWhileRefetchingFails(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*vault)
	}{
		{"the fetch fails", func(v *vault) { v.err = errDown }},
		{"what is fetched is not a secret", func(v *vault) { v.text = "{" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &vault{text: "old"}
				holder := v.holder()
				wantGet(t, holder, "old")
				test.damage(v)
				time.Sleep(maxAge)
				for range 10 {
					wantGet(t, holder, "old")
				}
				wantLooks(t, v, 2)
				v.text, v.err = "new", nil
				time.Sleep(secret.LookInterval)
				wantGet(t, holder, "new")
				wantLooks(t, v, 3)
			})
		})
	}
}

func TestASecretThatWasNeverHadIsAnErrorAndOneLookAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{err: errDown}
		holder := v.holder()
		for range 10 {
			if _, err := holder.Get(t.Context()); !errors.Is(err, errDown) {
				t.Fatalf("Get: %v", err)
			}
		}
		wantLooks(t, v, 1)
		v.text, v.err = "late", nil
		time.Sleep(secret.LookInterval)
		wantGet(t, holder, "late")
	})
}

func TestAFloodOfForgeriesCostsOneLookAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: "secret"}
		holder := v.holder()
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			wantGet(t, holder, "secret")
			if _, _, err := holder.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		wantLooks(t, v, 10)
	})
}

func TestWaitIsUntilOneMayLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: "old"}
		holder := v.holder()
		wantGet(t, holder, "old")
		time.Sleep(20 * time.Second)
		wait := holder.Wait(t.Context())
		if wait != 40*time.Second {
			t.Errorf("twenty seconds after a look it is %s", wait)
		}
		time.Sleep(wait)
		v.text = "new"
		if got, fresh, err := holder.Refresh(t.Context()); got != "new" || !fresh || err != nil {
			t.Errorf("after the wait: %q, fresh %v, %v", got, fresh, err)
		}
	})
}

func TestRefreshFindsARotatedSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{text: "old"}
		holder := v.holder()
		wantGet(t, holder, "old")
		v.text = "new"
		if got, fresh, err := holder.Refresh(t.Context()); got != "old" || fresh || err != nil {
			t.Errorf("within the minute: %q, fresh %v, %v", got, fresh, err)
		}
		time.Sleep(secret.LookInterval)
		if got, fresh, err := holder.Refresh(t.Context()); got != "new" || !fresh || err != nil {
			t.Errorf("after the minute: %q, fresh %v, %v", got, fresh, err)
		}
		wantGet(t, holder, "new")
		time.Sleep(secret.LookInterval)
		v.err = errDown
		if _, fresh, err := holder.Refresh(t.Context()); fresh || !errors.Is(err, errDown) {
			t.Errorf("a failing look: fresh %v, %v", fresh, err)
		}
		wantGet(t, holder, "new")
	})
}

// hang is a fetch that does not answer before its context ends.
func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestAHangingFetchHoldsNobodyPastTheirOwnContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		holder := secret.NewHolder(hang, secret.ParseToken, maxAge, time.Now)
		start := time.Now()
		var wait sync.WaitGroup
		for i := range 5 {
			wait.Go(func() {
				patience := time.Duration(i+1) * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, err := holder.Get(ctx); err == nil {
					t.Error("a hanging fetch gave a secret")
				}
				if waited := time.Since(start); waited > patience {
					t.Errorf("waited %s instead of %s", waited, patience)
				}
			})
		}
		wait.Wait()
	})
}

func TestAContextThatIsOverStillGetsWhatIsKnown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	holder := secret.NewHolder(secret.Static("known"), secret.ParseToken, maxAge, time.Now)
	wantGet(t, holder, "known")
	cancel()
	for range 100 { // a select would choose at random
		if got, err := holder.Get(ctx); err != nil || got != "known" {
			t.Fatalf("Get = %q, %v", got, err)
		}
	}
}

func TestAHolderIsSafeForConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		fetch := func(context.Context) (string, error) {
			looks.Add(1)
			time.Sleep(10 * time.Millisecond)
			return "secret", nil
		}
		holder := secret.NewHolder(fetch, secret.ParseToken, maxAge, time.Now)
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				wantGet(t, holder, "secret")
				if got, _, err := holder.Refresh(t.Context()); got != "secret" || err != nil {
					t.Errorf("Refresh = %q, %v", got, err)
				}
			})
		}
		wait.Wait()
		if looks.Load() != 1 {
			t.Errorf("%d looks, want 1", looks.Load())
		}
	})
}
