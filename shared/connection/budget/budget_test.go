package budget_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

// consented is far enough ahead that no engine takes a record for expired.
var consented = time.Date(2036, 3, 1, 9, 0, 0, 0, time.UTC)

func of(limits budget.Limits) budget.Of {
	return budget.Of{
		Connection: record.Connection{EventID: "evt_1", OrganizationID: "org_1"}, Grant: "grant_1", Consented: consented, Limits: limits,
	}
}

// bench is a budget with a clock of its own.
type bench struct {
	*testing.T
	budget.Budget
	now time.Time
}

func newBench(t *testing.T, store record.Store) *bench {
	b := &bench{T: t, now: consented}
	b.Budget = budget.Budget{
		Records: store, Now: func() time.Time { return b.now }, Jitter: func(upTo time.Duration) time.Duration { return upTo / 2 },
	}
	return b
}

func free(context.Context) (revento.Allowance, error) { return revento.Allowance{}, nil }

func (b *bench) takes(class budget.Class, count int) {
	b.Helper()
	for i := range count {
		if err := b.Do(b.Context(), of(budget.Installation), class, free); err != nil {
			b.Fatalf("call %d of %d: %v", i+1, count, err)
		}
	}
}

func (b *bench) waits(class budget.Class, reason string, want time.Duration) {
	b.Helper()
	err := b.Do(b.Context(), of(budget.Installation), class, func(context.Context) (revento.Allowance, error) {
		b.Error("the call is made")
		return revento.Allowance{}, nil
	})
	failure := fault.Of(err)
	if !errors.Is(err, budget.ErrWait) || failure.Class != fault.Transient || failure.Reason != reason || failure.RetryAfter != want {
		b.Errorf("%v for %s, want %s for %s", err, failure.RetryAfter, reason, want)
	}
}

// engines are those that need nothing; with the emulators there is DynamoDB, too.
var engines = map[string]func(t *testing.T) record.Store{
	"memory": func(*testing.T) record.Store { return memory.NewRecords() },
	"SQLite": func(t *testing.T) record.Store {
		engine, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := engine.Close(); err != nil {
				t.Error(err)
			}
		})
		return engine.Records
	},
}

func onEngines(t *testing.T, test func(t *testing.T, store record.Store)) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func TestABurstAndThenOneEverySoOften(t *testing.T) {
	onEngines(t, func(t *testing.T, store record.Store) {
		b := newBench(t, store)
		b.takes(budget.Foreground, 20)
		b.waits(budget.Foreground, "paced", 7500*time.Millisecond)
		b.now = b.now.Add(7500*time.Millisecond - 1)
		b.waits(budget.Foreground, "paced", 1)
		b.now = b.now.Add(1)
		b.takes(budget.Foreground, 1)
		b.waits(budget.Foreground, "paced", 7500*time.Millisecond)
		b.now = b.now.Add(time.Hour)
		b.takes(budget.Foreground, 20)
		b.waits(budget.Foreground, "paced", 7500*time.Millisecond)
	})
}

func TestBackgroundWorkLeavesFiveToOthers(t *testing.T) {
	b := newBench(t, memory.NewRecords())
	b.takes(budget.Background, 15)
	b.waits(budget.Background, "paced", 7500*time.Millisecond)
	b.takes(budget.Foreground, 5)
	b.waits(budget.Foreground, "paced", 7500*time.Millisecond)
	b.waits(budget.Background, "paced", 6*7500*time.Millisecond)
}

func TestEveryGrantHasABudgetOfItsOwn(t *testing.T) {
	b := newBench(t, memory.NewRecords())
	b.takes(budget.Foreground, 20)
	other := of(budget.Installation)
	other.Grant = "grant_2"
	if err := b.Do(t.Context(), other, budget.Foreground, free); err != nil {
		t.Error(err)
	}
}

func TestFourCallsAreInFlightAtTheMostAndOneThatDiedEnds(t *testing.T) {
	b := newBench(t, memory.NewRecords())
	var nested func(depth int) func(context.Context) (revento.Allowance, error)
	nested = func(depth int) func(context.Context) (revento.Allowance, error) {
		return func(ctx context.Context) (revento.Allowance, error) {
			if depth == 4 {
				b.waits(budget.Foreground, "calls_in_flight", time.Second)
				return revento.Allowance{}, nil
			}
			return revento.Allowance{}, b.Do(ctx, of(budget.Installation), budget.Foreground, nested(depth+1))
		}
	}
	if err := b.Do(t.Context(), of(budget.Installation), budget.Foreground, nested(1)); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		mishap.Died(func() {
			_ = b.Do(t.Context(), of(budget.Installation), budget.Foreground, func(context.Context) (revento.Allowance, error) {
				return revento.Allowance{}, mishap.Die()
			})
		})
	}
	b.now = b.now.Add(15*time.Second - 1)
	b.waits(budget.Foreground, "calls_in_flight", time.Second)
	b.now = b.now.Add(1)
	b.takes(budget.Foreground, 1)
}

func TestACallersEndGivesTheSlotBackAllTheSame(t *testing.T) {
	b := newBench(t, memory.NewRecords())
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		err := b.Do(ctx, of(budget.Installation), budget.Foreground, func(context.Context) (revento.Allowance, error) {
			cancel()
			return revento.Allowance{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func throttled(code string, wait time.Duration) error {
	return &fault.Error{Class: fault.Throttled, Op: "call", Reason: code, RetryAfter: wait, Err: &revento.Refusal{Status: 429, Code: code}}
}

func TestWhatRepliesTellIsHeeded(t *testing.T) {
	for name, test := range map[string]struct {
		allowance revento.Allowance
		err       error
		told      time.Duration // what the caller is told to wait
		pushed    time.Duration // how long nobody calls
	}{
		"something is left":         {revento.Allowance{Known: true, Remaining: 1, ResetIn: time.Hour}, nil, 0, 0},
		"nothing is left":           {revento.Allowance{Known: true, ResetIn: 10 * time.Minute}, nil, 0, 10 * time.Minute},
		"nothing is told":           {revento.Allowance{ResetIn: 10 * time.Minute}, nil, 0, 0},
		"429 with a time":           {revento.Allowance{}, throttled(revento.CodeRateLimitExceeded, 90*time.Second), 90 * time.Second, 90 * time.Second},
		"429 without":               {revento.Allowance{}, throttled(revento.CodeRateLimitExceeded, 0), time.Minute, time.Minute},
		"429 of nobody":             {revento.Allowance{}, throttled("", 0), time.Minute, time.Minute},
		"429 for calls in flight":   {revento.Allowance{}, throttled(revento.CodeConcurrentLimitExceeded, 0), 2 * time.Second, 0},
		"another refusal":           {revento.Allowance{}, &fault.Error{Class: fault.Permanent, Reason: "not_found"}, 0, 0},
		"nothing left, and refused": {revento.Allowance{Known: true, ResetIn: time.Minute}, errors.New("odd"), 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, memory.NewRecords())
			err := b.Do(t.Context(), of(budget.Installation), budget.Foreground, func(context.Context) (revento.Allowance, error) {
				return test.allowance, test.err
			})
			if (err == nil) != (test.err == nil) || err != nil && fault.Of(err).RetryAfter != test.told || revento.CodeOf(err) != revento.CodeOf(test.err) {
				t.Errorf("the caller gets %v, %s", err, fault.Of(err).RetryAfter)
			}
			if test.pushed == 0 {
				b.takes(budget.Foreground, 19)
				return
			}
			b.waits(budget.Foreground, "paced", test.pushed)
			b.now = b.now.Add(test.pushed)
			b.takes(budget.Foreground, 1)
			b.waits(budget.Foreground, "paced", 7500*time.Millisecond)
		})
	}
}

func TestADeletedConnectionHasNoBudget(t *testing.T) {
	kept := memory.NewRecords()
	stone := record.Record{Key: record.TombstoneKey(of(budget.Installation).Connection), OccurredAt: consented}
	if err := kept.Deletions.Put(t.Context(), stone); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, kept)
	if err := b.Do(t.Context(), of(budget.Installation), budget.Foreground, free); !errors.Is(err, record.ErrDeleted) {
		t.Errorf("the call: %v", err)
	}
}

// Whatever goes wrong, what was called is in the cell, and what was taken in vain ends by itself.
func TestNoMishapGivesACallAway(t *testing.T) {
	onEngines(t, func(t *testing.T, store record.Store) {
		mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
			b := newBench(t, store)
			mine := of(budget.Installation)
			mine.Grant = t.Name()
			calls := 0
			call := func(context.Context) (revento.Allowance, error) {
				calls++
				return revento.Allowance{}, nil
			}
			b.Records = mishap.Records{Store: store, Plan: plan}
			for range 3 {
				mishap.Died(func() { _ = b.Do(t.Context(), mine, budget.Foreground, call) })
			}
			b.Records = store
			for {
				if err := b.Do(t.Context(), mine, budget.Foreground, call); err != nil {
					break
				}
			}
			if calls > 20 || calls < 20-3 {
				t.Errorf("%d calls at once, want 20 but for those that went wrong", calls)
			}
			b.now = b.now.Add(20 * 7500 * time.Millisecond)
			if err := b.Do(t.Context(), mine, budget.Foreground, call); err != nil {
				t.Errorf("later: %v", err)
			}
		})
	})
}

// limiter counts as Revento may: any window of a minute or an hour, and what is in flight.
type limiter struct {
	mu       sync.Mutex
	arrived  []time.Time
	inFlight int
	most     int
}

func (l *limiter) begins() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived = append(l.arrived, time.Now())
	l.inFlight++
	l.most = max(l.most, l.inFlight)
}

func (l *limiter) ends() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
}

// inAny is the most calls in any window of a length.
func (l *limiter) inAny(length time.Duration) (most int) {
	slices.SortFunc(l.arrived, time.Time.Compare)
	first := 0
	for last, at := range l.arrived {
		for at.Sub(l.arrived[first]) > length {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Four processes, whose clocks differ by seconds, call as greedily as they can; a call takes up to nine seconds, and up to three to arrive.
func TestFourGreedyProcessesNeverReachALimitOfRevento(t *testing.T) {
	for name, test := range map[string]struct {
		limits          budget.Limits
		perMinute, hour int
	}{
		"installation": {budget.Installation, revento.InstallationPerMinute, revento.InstallationPerHour},
		"user":         {budget.User, revento.UserPerMinute, revento.UserPerHour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				counted, store := new(limiter), memory.NewRecords()
				random := rand.New(rand.NewPCG(1, 2))
				var mu sync.Mutex
				within := func(upTo time.Duration) time.Duration {
					mu.Lock()
					defer mu.Unlock()
					return time.Duration(random.Int64N(int64(upTo)))
				}
				end := time.Now().Add(4 * time.Hour)
				var group sync.WaitGroup
				for process := range 4 {
					skew := time.Duration(process-2) * time.Second
					b := budget.Budget{Records: store, Now: func() time.Time { return time.Now().Add(skew) }, Jitter: within}
					for range 3 {
						group.Go(func() {
							for time.Now().Before(end) {
								err := b.Do(t.Context(), of(test.limits), budget.Foreground, func(context.Context) (revento.Allowance, error) {
									time.Sleep(within(3 * time.Second))
									counted.begins()
									defer counted.ends()
									time.Sleep(within(9 * time.Second))
									return revento.Allowance{}, nil
								})
								if errors.Is(err, budget.ErrWait) {
									time.Sleep(fault.Of(err).RetryAfter)
								} else if err != nil {
									t.Error(err)
								}
							}
						})
					}
				}
				group.Wait()
				if got := counted.inAny(time.Minute); got > test.perMinute {
					t.Errorf("%d calls in a minute, want %d at the most", got, test.perMinute)
				}
				if got := counted.inAny(time.Hour); got > test.hour || got < test.hour*95/100 {
					t.Errorf("%d calls in an hour, want %d at the most, and not many fewer", got, test.hour)
				}
				if counted.most > revento.InFlight {
					t.Errorf("%d calls in flight, want %d at the most", counted.most, revento.InFlight)
				}
			})
		})
	}
}
