package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/testkit/memory"
)

// What serve's engine lacks, its workers would do without: a scrub, above all.
func TestServesEngineLacksNothing(t *testing.T) {
	kept, err := sqlite.Open(t.Context(), t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	engine := reflect.ValueOf(engineOn(kept, t.TempDir(), telemetry.New(io.Discard, telemetry.Options{})))
	for i := range engine.NumField() {
		if engine.Field(i).IsZero() {
			t.Errorf("it has no %s", engine.Type().Field(i).Name)
		}
	}
}

// A machine that starts does what was due while it was off. The look at deletions is another job of the same table.
func TestWhatWasDueWhileTheMachineWasOffIsDoneAtTheStart(t *testing.T) {
	dir := t.TempDir()
	expired := record.Key{Connection: record.Connection{EventID: "evt_1"}, Kind: record.Alert, ID: "expired"}
	kept, err := sqlite.Open(t.Context(), dir, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Scheduler.Schedule(t.Context(), "purge-1", time.Now().Add(-time.Hour), "no purge's message"); err != nil {
		t.Fatal(err)
	}
	long := record.Record{Key: expired, OccurredAt: time.Now().Add(-2 * time.Hour), Expires: time.Now().Add(-time.Hour), Data: []byte("{}")}
	if err := kept.Records.Put(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}

	none := func(string) (string, bool) { return "", false }
	machine, err := Start(t.Context(), Options{
		Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: none, Log: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := machine.Close(); err != nil {
			t.Error(err)
		}
	}()
	awaits(t, "the message that was due is queued, and parked since it is none of a purge", func() bool {
		waiting, _, err := machine.engine.Queues.Depth(t.Context(), queue.Purge.DeadLetter())
		return err == nil && waiting == 1
	})
	awaits(t, "what has expired is removed", func() bool {
		_, err := machine.engine.Records.Get(t.Context(), expired)
		return errors.Is(err, record.ErrNotFound)
	})
}

func awaits(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !isSo() {
		if ctx.Err() != nil {
			t.Fatalf("never: %s", what)
		}
		pause(ctx, 10*time.Millisecond)
	}
}

// failing is an engine whose calls fail, one of the two kinds at a time. Who asks too often is stopped, and never pauses.
type failing struct {
	*memory.Queues
	receives, waits int
	waiting         bool
	stop            func()
}

var errEngine = errors.New("the engine fails")

func (f *failing) Receive(ctx context.Context, name queue.Name, visibility time.Duration) (queue.Received, bool, error) {
	f.receives++
	if f.receives > 2*failingTries {
		f.stop()
	}
	if f.waiting {
		return queue.Received{}, false, nil
	}
	return queue.Received{}, false, errEngine
}

func (f *failing) Wait(context.Context, queue.Name) error {
	f.waits++
	return errEngine
}

const failingTries = 10

func TestAPollerPausesWhenItsEngineFails(t *testing.T) {
	for name, waiting := range map[string]bool{"to receive": false, "to wait": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				engine := &failing{Queues: memory.NewQueues(time.Now), waiting: waiting, stop: stop}
				go (&poller{inbox: engine, queue: alone(time.Second), log: slog.New(slog.DiscardHandler)}).run(ctx)
				time.Sleep(failingTries*pauseAfterFailure - pauseAfterFailure/2)
				stop()
				synctest.Wait()
				if engine.receives != failingTries {
					t.Errorf("it asked %d times in %s, want %d", engine.receives, failingTries*pauseAfterFailure, failingTries)
				}
			})
		})
	}
}
