package mirror_test

import (
	"context"
	"flag"
	"runtime"
	"testing"
	"time"

	"revento-alerts/shared/connection/health"
	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/connection/pass"
	"revento-alerts/shared/local/sqlite"
)

var participants = flag.Int("participants", 0, "mirror so many participants on SQLite, and print how long it takes and what it needs")

// At Revento's limits, on a clock that is moved: 5,000 participants are mirrored in about eleven minutes, and the connection is probed
// meanwhile, by hand too.
func TestFiveThousandParticipantsAreMirroredInAboutElevenMinutes(t *testing.T) {
	const many = 5000
	if took := mirrorsAll(t, many); took < 10*time.Minute || took > 13*time.Minute {
		t.Errorf("it took %s", took)
	}
}

// By hand: -participants 50000 -v.
func TestHowLongAListTakesAndWhatItNeeds(t *testing.T) {
	if *participants == 0 {
		t.Skip("-participants is not given")
	}
	mirrorsAll(t, *participants)
}

// mirrorsAll has the first pass of a connection read all, on SQLite, and returns how long it took by the clock.
func mirrorsAll(t *testing.T, many int) time.Duration {
	t.Helper()
	began := time.Now()
	var w *world
	engine, err := sqlite.Open(t.Context(), t.TempDir(), func() time.Time {
		if w == nil {
			return start
		}
		return w.clock
	})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	w = newWorld(t, options{participants: many, schedule: "cron(0 4 * * ? *)", records: engine.Records, deletions: engine.Deletions})
	before := heap()
	took := w.primes()
	t.Logf("%d participants: %s at Revento's limits, %d calls; heap %d MiB before, %d MiB after; %s of this machine's time", many,
		took, w.calls, before>>20, heap()>>20, time.Since(began).Round(time.Second))
	return took
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// primes has the first pass read all, and returns how long it took. Every ten minutes somebody asks for a probe.
func (w *world) primes() time.Duration {
	w.Helper()
	asked := w.clock
	var after int64
	w.goes(24*time.Hour, 5*time.Second, func() bool {
		if w.clock.Sub(asked) >= 10*time.Minute {
			if asked = w.clock; after > 0 {
				w.wantsProbed(after)
			}
			var err error
			if after, err = w.upkeep.Ask(w.Context(), w.of); err != nil {
				w.Fatal(err)
			}
		}
		return w.stands().State == pass.Judged
	})
	standing := w.stands()
	if standing.Number != 1 || standing.State != pass.Judged {
		w.Fatalf("it stands so: %+v", standing)
	}
	summary, err := w.mirror.Summary(w.Context(), w.of)
	if err != nil || summary.Present != standing.Seen[mirror.Participant] {
		w.Errorf("%d are there, %d were seen: %v", summary.Present, standing.Seen[mirror.Participant], err)
	}
	if len(w.inOrder) > 0 {
		w.Errorf("the first pass told %+v", w.inOrder[0])
	}
	return standing.EndedAt.Sub(standing.BegunAt)
}

func (w *world) wantsProbed(after int64) {
	w.Helper()
	state, done, err := w.upkeep.Result(context.Background(), w.of, after)
	if err != nil || !done || state.Status != health.Healthy {
		w.Errorf("ten minutes after it was asked for: %t %+v %v", done, state, err)
	}
}
