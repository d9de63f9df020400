// Package scale simulates thousands of connections: whether what looks after them fits into its intervals, and what that costs.
package scale

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/connection/budget"
	"revento-alerts/shared/connection/grant"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/connection/upkeep"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

var simulated = flag.Int("connections", 500, "how many connections are simulated; what they take is told of ten thousand")

const (
	many = 10_000
	// copies are those of the function tick.
	copies = connection.Shards
	// tickTime is the time-out of the function tick, probeInterval the default.
	tickTime      = 60 * time.Second
	probeInterval = 30 * time.Minute
	// callTime is what a call of Revento's API is assumed to take.
	callTime = 150 * time.Millisecond
)

// installation is all that looks after connections, in a bubble's time.
type installation struct {
	*testing.T
	*upkeep.Upkeep
	store *far

	mu       sync.Mutex
	messages []queue.Message
	sends    int
	refreshes,
	calls int
}

func newInstallation(t *testing.T) *installation {
	i := &installation{T: t, store: newFar()}
	rings := secret.NewHolder(secret.Static(strings.Repeat("k", 43)), seal.Parse, time.Hour, time.Now)
	keeper := &grant.Keeper{
		Records: i.store, Deletions: tombstones{i.store}, Rings: rings, Endpoint: i, Now: time.Now, Wait: grant.Wait,
		Secrets: secret.NewHolder(secret.Static("secret"), secret.ParseClient, time.Hour, time.Now),
		Log:     telemetry.New(io.Discard, telemetry.Options{Now: time.Now}),
	}
	registry := &connection.Registry{Records: i.store, Deletions: tombstones{i.store}}
	i.Upkeep = &upkeep.Upkeep{
		Registry: registry, Records: i.store, Queues: i, Outbox: i, ProbeInterval: probeInterval, Copies: copies, Now: time.Now,
		Random: func() float64 { return 0 }, // the worst: all are due together
		Prober: &upkeep.EventProber{Tokens: keeper, Budget: &budget.Budget{Records: i.store, Now: time.Now, Jitter: budget.Random}, Event: i.event},
	}
	for n := range *simulated {
		of := record.Connection{EventID: fmt.Sprintf("evt_%05d", n), OrganizationID: fmt.Sprintf("org_%03d", n%100)}
		_, err := registry.Change(t.Context(), of, func(s connection.Standing) (connection.Info, []record.Record, error) {
			next, err := s.Consented(connection.Consent{At: time.Now()})
			if err != nil {
				return next, nil, err
			}
			next.Due = time.Now()
			begun, err := keeper.Begin(t.Context(), of, i.tokens(of.EventID, of.OrganizationID), time.Now())
			return next, []record.Record{begun}, err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	i.store.isNear = false
	return i
}

func (*installation) tokens(event, organization string) revento.Tokens {
	return revento.Tokens{
		Access: secret.Hide("rev_install_" + event), Refresh: secret.Hide("rev_refresh_" + event),
		AccessLife: revento.AccessLife, RefreshLife: revento.RefreshLife, EventID: event, OrganizationID: organization,
	}
}

// Refresh implements grant.Endpoint.
func (i *installation) Refresh(_ context.Context, _, token secret.Hidden) (revento.Tokens, error) {
	time.Sleep(callTime)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refreshes++
	return i.tokens(strings.TrimPrefix(token.Show(), "rev_refresh_"), ""), nil
}

func (i *installation) event(context.Context, record.Connection, revento.Access) (revento.Allowance, error) {
	time.Sleep(callTime)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls++
	return revento.Allowance{}, nil
}

// Send implements queue.Sender.
func (i *installation) Send(_ context.Context, _ queue.Name, message queue.Message) error {
	time.Sleep(latency)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sends++
	i.messages = append(i.messages, message)
	return nil
}

// Deliver implements upkeep.Outbox.
func (i *installation) Deliver(_ context.Context, own handoff.Own) error {
	i.Errorf("told %+v", own)
	return nil
}

func (i *installation) next() (message queue.Message, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.messages) == 0 {
		return message, false
	}
	message, i.messages = i.messages[0], i.messages[1:]
	return message, true
}

// round is a tick at which all are due, and the probes that follow of it.
type round struct {
	tick, probes     time.Duration
	ticks, looks     usage
	sends            int
	refreshes, calls int
}

func (i *installation) round() round {
	i.Helper()
	var r round
	begun := time.Now()
	sent, err := i.Tick(i.Context())
	if err != nil || sent != *simulated {
		i.Fatalf("%d messages, %v", sent, err)
	}
	r.tick, r.ticks = time.Since(begun), i.store.counted()
	begun = time.Now()
	var group sync.WaitGroup
	for range queue.Sync.Entry().Concurrency {
		group.Go(func() {
			line := telemetry.New(io.Discard, telemetry.Options{}).Begin("sync")
			for message, ok := i.next(); ok; message, ok = i.next() {
				job, err := i.Open(message, line)
				if err == nil {
					_, err = job.Do(i.Context(), line)
				}
				if err != nil {
					i.Error(err)
				}
			}
		})
	}
	group.Wait()
	r.probes, r.looks = time.Since(begun), i.store.counted()
	r.sends, r.refreshes, r.calls = i.sends, i.refreshes, i.calls
	i.sends, i.refreshes, i.calls = 0, 0, 0
	return r
}

// ofMany is how long ten thousand take where those simulated take d: all that is done is done for each.
func ofMany(d time.Duration) time.Duration { return d * many / time.Duration(*simulated) }

func TestTenThousandConnectionsFitIntoTheirIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstallation(t)
		time.Sleep(time.Minute)
		fresh := i.round() // with tokens that are good
		time.Sleep(time.Hour)
		stale := i.round() // with a refresh each, as every second one is
		for name, r := range map[string]round{"tokens that are good": fresh, "a refresh for each": stale} {
			t.Logf("%s: the tick takes %s, the probes %s", name, ofMany(r.tick), ofMany(r.probes))
			if ofMany(r.tick) > tickTime {
				t.Errorf("%s: the tick takes longer than the function may", name)
			}
		}
		if mean := ofMany(fresh.probes+stale.probes) / 2; mean > probeInterval { // every second look refreshes
			t.Errorf("the probes take %s, which is longer than their interval", mean)
		}
		tick, good, refreshed := fresh.ticks.each(), fresh.looks.each(), stale.looks.each()
		t.Logf("each: in the tick %+v, in a look %+v, with a refresh %+v", tick, good, refreshed)
		cost := monthly(tick, good, refreshed)
		t.Logf("a connection costs %.4f USD a month, ten thousand %.0f", cost, many*cost)
		if diff := cost - told; diff > told/10 || diff < -told/10 {
			t.Errorf("docs/costs.md tells %g USD a month, which is a tenth off", told)
		}
		if fresh.sends != *simulated+1 || fresh.calls != *simulated || stale.calls != *simulated || stale.refreshes != *simulated {
			t.Errorf("%d messages, %d and %d calls, %d refreshes", fresh.sends, fresh.calls, stale.calls, stale.refreshes)
		}
	})
}

// told is what docs/costs.md tells of a connection's month, in USD.
const told = 0.024

// each is the usage of one connection. What is read for all of them, the shards and the telling, goes down in it.
func (u usage) each() usage {
	return usage{
		gets: u.gets / *simulated, queries: u.queries / *simulated, puts: u.puts / *simulated,
		transactions: u.transactions / *simulated, actions: u.actions / *simulated,
	}
}

// Prices are those of test/pipeline, in USD.
const (
	perWrite    = 0.625e-6
	perRead     = 0.125e-6
	perFIFO     = 0.50e-6
	perCall     = 0.20e-6
	perGBSecond = 0.0000133334
	perLogByte  = 0.50 / 1e9

	syncGB      = 0.25
	lookSeconds = 0.3
	lookLogged  = 1200 // bytes: the worker's line, and at every second look the refresh's
)

// units are DynamoDB's: a record has less than a kilobyte, a transaction bills twice and looks at the tombstone, and two of its writes go to
// the index. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
func (u usage) units() (reads, writes float64) {
	return float64(u.gets + u.queries), float64(u.puts + u.transactions*(2+2) + 2*u.actions)
}

// monthly is what a connection costs that does well: a look at every interval and a twentieth, which is the jitter's mean.
func monthly(tick, good, refreshed usage) float64 {
	looks := (30 * 24 * time.Hour).Minutes() / (probeInterval.Minutes() * 1.05)
	each := 3*perFIFO + perCall + syncGB*lookSeconds*perGBSecond + lookLogged*perLogByte
	for _, part := range []usage{tick, good, {puts: (refreshed.puts - good.puts) / 2}} {
		reads, writes := part.units()
		each += reads*perRead + writes*perWrite
	}
	return looks * each
}
