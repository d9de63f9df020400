package connection_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/testkit/mishap"
)

func (b *bench) wantNames(what string, got []string, want ...string) {
	b.Helper()
	slices.Sort(got)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAConsentMakesAConnectionThatIsFoundOnEveryWay(t *testing.T) {
	onEngines(t, func(b *bench) {
		made := b.consents(ours, after(1), after(31))
		b.consents(of("evt_1", "org_2"), after(2), time.Time{})
		b.consents(of("evt_2", "org_1"), after(3), time.Time{})
		want := connection.Info{
			EventID: "evt_1", OrganizationID: "org_1", State: connection.Active, Since: after(1), Life: "2026-05-09T12:01:00.000000000Z",
			ConnectedAt: after(1), LinkedBy: "link-1", Scope: "event.read", Due: after(31),
		}
		if diff := cmp.Diff(want, made); diff != "" {
			b.Errorf("the connection (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, b.stands().Info); diff != "" || !b.stands().Serves() {
			b.Errorf("the connection as it is read (-want +got):\n%s", diff)
		}
		b.wantNames("all", b.names(b.registry.All(b.Context())), "evt_1 org_1", "evt_1 org_2", "evt_2 org_1")
		b.wantNames("of an event", b.names(b.registry.OfEvent(b.Context(), "evt_1")), "evt_1 org_1", "evt_1 org_2")
		b.wantNames("of an organization", b.names(b.registry.OfOrganization(b.Context(), "org_1")), "evt_1 org_1", "evt_2 org_1")
		b.wantNames("of an event that nobody connected", b.names(b.registry.OfEvent(b.Context(), "evt_3")))
		b.wantNames("due", b.due(after(31)), "evt_1 org_1")
	})
}

func TestAConnectionThatIsNotThereIsNotKnown(t *testing.T) {
	onEngines(t, func(b *bench) {
		if s := b.stands(); s.IsKnown() || s.Serves() || s.IsEnded() || s.IsStopped() {
			b.Errorf("it stands as %+v", s)
		}
	})
}

func TestIDsOfAnyLengthAreFound(t *testing.T) {
	onEngines(t, func(b *bench) {
		long := of(strings.Repeat("é", 2000), strings.Repeat("#/", 2000))
		b.consents(long, noon, noon)
		want := long.EventID + " " + long.OrganizationID
		b.wantNames("of its event", b.names(b.registry.OfEvent(b.Context(), long.EventID)), want)
		b.wantNames("of its organization", b.names(b.registry.OfOrganization(b.Context(), long.OrganizationID)), want)
		b.wantNames("due", b.due(noon), want)
	})
}

func TestWhatIsDueIsFoundFromThenOnUntilItIsMoved(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, after(10))
		b.wantNames("a moment before", b.due(after(10).Add(-1)))
		b.wantNames("then", b.due(after(10)), "evt_1 org_1")
		b.isDue(after(20))
		b.wantNames("after it was moved", b.due(after(10)))
		b.wantNames("when it is due anew", b.due(after(20)), "evt_1 org_1")
		b.isDue(after(5))
		b.wantNames("after it was moved to before", b.due(after(5)), "evt_1 org_1")
		b.isDue(time.Time{})
		b.wantNames("where nothing is due", b.due(after(1000)))
		found, err := b.records.QueryKind(b.Context(), ours, record.Finder, "")
		if err != nil || len(found) != 3 {
			b.Errorf("%d ways are left to find it, %v; want those by event and organization, and that of all", len(found), err)
		}
	})
}

// The order is the list's: what is due first is looked at first, whatever there is.
func TestWhatIsDueFirstComesFirst(t *testing.T) {
	onEngines(t, func(b *bench) {
		const number = 200
		for n := range number {
			b.consents(of(fmt.Sprint("evt_", n), "org_1"), noon, after(number-n))
		}
		seen := 0
		for shard := range connection.Shards {
			var times []time.Time
			for s, err := range b.registry.Due(b.Context(), shard, after(number/2)) {
				b.must("find what is due", err)
				times = append(times, s.Due)
			}
			if !slices.IsSortedFunc(times, time.Time.Compare) {
				b.Errorf("shard %d is not in order: %v", shard, times)
			}
			seen += len(times)
			if len(times) == 0 || len(times) > number/4 {
				b.Errorf("shard %d has %d of what is due, which is far from a share", shard, len(times))
			}
		}
		if seen != number/2 {
			b.Errorf("%d are due, want %d", seen, number/2)
		}
	})
}

func TestARangeThatIsEndedReadsNoMore(t *testing.T) {
	onEngines(t, func(b *bench) {
		for n := range 40 {
			b.consents(of(fmt.Sprint("evt_", n), "org_1"), noon, time.Time{})
		}
		var reads atomic.Int64
		b.registry.Records = counting{b.records, &reads}
		for _, err := range b.registry.All(b.Context()) {
			b.must("find", err)
			break
		}
		if reads.Load() > 16 {
			b.Errorf("%d connections were read for one, want no more than are read at the same time", reads.Load())
		}
	})
}

// counting counts what is read of single records.
type counting struct {
	store
	reads *atomic.Int64
}

func (c counting) Get(ctx context.Context, key record.Key) (record.Record, error) {
	if key.Kind == record.Registration {
		c.reads.Add(1)
	}
	return c.store.Get(ctx, key)
}

// The index shows a former state for a while: what is found is read again.
func TestWhatTheIndexShowsIsNotBelieved(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, after(10))
		b.registry.Records = lagging{b.records, former(b)}
		b.isDue(after(20))
		b.wantNames("due before", b.due(after(10)))
		b.wantNames("due since", b.due(after(20)), "evt_1 org_1")
		b.purges(noon)
		b.wantNames("all, after a purge", b.names(b.registry.All(b.Context())))
		b.wantNames("of its event, after a purge", b.names(b.registry.OfEvent(b.Context(), "evt_1")))
		b.wantNames("due, after a purge", b.due(after(20)))
	})
}

// lagging is a store whose index shows for ever what it showed once.
type lagging struct {
	store
	shown map[string][]record.Record
}

func (l lagging) Pending(_ context.Context, list string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for _, rec := range l.shown[list] {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func former(b *bench) map[string][]record.Record {
	b.Helper()
	shown := map[string][]record.Record{}
	found, err := b.records.QueryKind(b.Context(), ours, record.Finder, "")
	b.must("read the ways", err)
	for _, rec := range found {
		rec.Key.Connection = record.Connection{}
		shown[rec.Pending] = append(shown[rec.Pending], rec)
	}
	return shown
}

func TestAnIndexThatFailsEndsTheRange(t *testing.T) {
	records := memory.NewRecords()
	b := newBench(t, records, records.Deletions)
	b.consents(ours, noon, noon)
	b.registry.Records = lagging{b.records, map[string][]record.Record{"connection": {{Data: []byte("no JSON")}}}}
	for _, err := range b.registry.All(t.Context()) {
		if err == nil {
			t.Error("something was found")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.registry.Records = records
	for _, err := range b.registry.All(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v, want %v", err, context.Canceled)
		}
	}
}

func TestEachStateLeadsWhereItIsDrawn(t *testing.T) {
	all := []connection.State{connection.Active, connection.NeedsConsent, connection.Revoked, connection.Ended}
	leads := map[connection.State]string{
		connection.Active:       "active needs_consent revoked ended",
		connection.NeedsConsent: "active needs_consent revoked ended",
		connection.Revoked:      "revoked ended",
		connection.Ended:        "ended",
		"":                      "",
	}
	for from, want := range leads {
		var got []string
		for _, to := range all {
			before := connection.Info{State: from, Reason: "first", Since: noon, Due: after(1)}
			moved, ok := before.Moved(to, "second", after(5))
			switch {
			case !ok || to == from:
				if moved != before {
					t.Errorf("%q became %+v on its way to %s, want no change", from, moved, to)
				}
			case moved.State != to || moved.Reason != "second" || !moved.Since.Equal(after(5)):
				t.Errorf("%q became %+v, want %s", from, moved, to)
			case moved.Due.IsZero() != (to == connection.Revoked || to == connection.Ended):
				t.Errorf("%q became %s, with %s due", from, to, moved.Due)
			}
			if ok {
				got = append(got, string(to))
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q leads to %q, want %q", from, text, want)
		}
	}
}

func TestAConsentLeadsOutOfEveryStateAndStaysInItsLife(t *testing.T) {
	for _, state := range []connection.State{connection.NeedsConsent, connection.Revoked, connection.Ended, connection.Active} {
		t.Run(string(state), func(t *testing.T) {
			onEngines(t, func(b *bench) {
				first := b.consents(ours, noon, after(1))
				b.becomes(state, connection.LostRotation, after(2))
				again := b.consents(ours, after(3), after(4))
				if again.State != connection.Active || again.Reason != "" || !again.Since.Equal(after(3)) || !again.ConnectedAt.Equal(after(3)) {
					b.Errorf("it became %+v, want active since the consent", again)
				}
				if again.Life != first.Life {
					b.Errorf("its life is %s, want %s: nothing was deleted between", again.Life, first.Life)
				}
				b.wantNames("all", b.names(b.registry.All(b.Context())), "evt_1 org_1")
			})
		})
	}
}

func TestAConsentByAClockThatIsBehindMovesNoMomentBack(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, after(5), time.Time{})
		if again := b.consents(ours, after(3), time.Time{}); !again.ConnectedAt.Equal(after(5)) {
			b.Errorf("it stands on a consent of %s, want the latest", again.ConnectedAt)
		}
	})
}

func TestAConsentAfterADeletionBeginsANewLife(t *testing.T) {
	for name, purged := range map[string]bool{"before the purge": false, "after the purge": true} {
		t.Run(name, func(t *testing.T) {
			onEngines(t, func(b *bench) {
				first := b.consents(ours, noon, after(30))
				b.requires(after(10))
				if purged {
					b.purges(after(10))
				}
				for _, at := range []time.Time{after(9), after(10)} {
					if _, err := connect(b.Context(), b.registry, ours, at, time.Time{}); !errors.Is(err, record.ErrDeleted) {
						b.Errorf("a consent of %s: %v, want %v", at, err, record.ErrDeleted)
					}
				}
				second := b.consents(ours, after(11), after(40))
				if second.Life <= first.Life || !first.Life.IsOver(after(10)) || second.Life.IsOver(after(10)) {
					b.Errorf("the second life is %s, the first was %s", second.Life, first.Life)
				}
				b.purges(after(10)) // takes nothing of the new life
				if s := b.stands(); s.Info != second || !s.Serves() {
					b.Errorf("after the purge it is %+v, want %+v", s.Info, second)
				}
				b.wantNames("all", b.names(b.registry.All(b.Context())), "evt_1 org_1")
				b.wantNames("of its event", b.names(b.registry.OfEvent(b.Context(), "evt_1")), "evt_1 org_1")
				b.wantNames("of its organization", b.names(b.registry.OfOrganization(b.Context(), "org_1")), "evt_1 org_1")
				b.wantNames("due", b.due(after(40)), "evt_1 org_1")
			})
		})
	}
}

func TestAStopThatIsHeldBarsAndOneThatIsRequiredEnds(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, after(5))
		held := connection.Stop{Case: "held", Cutoff: after(10)}
		b.must("hold", connection.Hold(b.Context(), b.deletions, ours, held))
		if s := b.stands(); !s.IsStopped() || s.Serves() || s.IsEnded() {
			b.Errorf("held: stopped %t, serves %t, ended %t; want stopped only", s.IsStopped(), s.Serves(), s.IsEnded())
		}
		b.wantNames("due while it is held", b.due(after(20)))
		if _, err := b.registry.Change(b.Context(), ours, dueAt(after(15))); !errors.Is(err, record.ErrDeleted) {
			b.Errorf("made due while it is held: %v, want %v", err, record.ErrDeleted)
		}
		b.must("release", connection.Release(b.Context(), b.deletions, ours, "held", after(1000)))
		if s := b.stands(); s.IsStopped() || !s.Serves() {
			b.Error("it does not serve again after the request was closed")
		}
		b.wantNames("due after the request was closed", b.due(after(20)), "evt_1 org_1")
		b.must("hold again", connection.Hold(b.Context(), b.deletions, ours, held))
		_, err := connection.Require(b.Context(), b.deletions, ours, held, after(1000))
		b.must("confirm", err)
		if s := b.stands(); !s.IsStopped() || s.Serves() || !s.IsEnded() {
			b.Errorf("confirmed: stopped %t, serves %t, ended %t; want stopped and ended", s.IsStopped(), s.Serves(), s.IsEnded())
		}
		b.becomes(connection.Ended, connection.Deletion, after(11))
		b.wantNames("all, until the purge", b.names(b.registry.All(b.Context())), "evt_1 org_1")
		b.purges(after(10))
		b.wantNames("all, after the purge", b.names(b.registry.All(b.Context())))
		if left, err := b.records.Query(b.Context(), ours, ""); err != nil || len(left) > 0 {
			b.Errorf("%v is left, %v", left, err)
		}
	})
}

func TestAStopOfBeforeTheConsentIsInNobodysWay(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.requires(noon)
		b.consents(ours, after(1), after(2))
		if s := b.stands(); s.IsStopped() || s.IsEnded() || !s.Serves() {
			b.Error("a connection of after the cutoff is stopped")
		}
	})
}

func TestNothingIsWrittenWhereNothingChanges(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, after(1))
		b.isDue(after(1))
		found, err := b.records.Query(b.Context(), ours, "")
		b.must("query", err)
		for _, rec := range found {
			if rec.Version != 1 {
				b.Errorf("%s has version %d", rec.Key.Sort(), rec.Version)
			}
		}
	})
}

func TestChangesAtTheSameTimeAreAllKept(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, noon)
		const writers = 8
		failures := make(chan error, writers)
		for range writers {
			go func() {
				_, err := b.registry.Change(context.WithoutCancel(b.Context()), ours, func(s connection.Standing) (connection.Info, []record.Record, error) {
					s.Due = s.Due.Add(time.Minute)
					return s.Info, nil, nil
				})
				failures <- err
			}()
		}
		for range writers {
			b.must("change", <-failures)
		}
		if got := b.stands().Due; !got.Equal(after(writers)) {
			b.Errorf("it is due at %s, want %s", got, after(writers))
		}
		b.wantNames("due", b.due(after(writers)), "evt_1 org_1")
	})
}

func TestAChangeThatIsAlwaysTooLateEnds(t *testing.T) {
	onEngines(t, func(b *bench) {
		b.consents(ours, noon, time.Time{})
		gone := record.Record{Key: record.Key{Connection: ours, Kind: record.Alert}, Version: 1, OccurredAt: noon, Data: []byte(`{}`)}
		decided := 0
		_, err := b.registry.Change(b.Context(), ours, func(s connection.Standing) (connection.Info, []record.Record, error) {
			decided++
			return s.Info, []record.Record{gone}, nil
		})
		if !errors.Is(err, record.ErrChanged) || decided != 20 {
			b.Errorf("%v after it was decided %d times", err, decided)
		}
	})
}

// A state and what is put together with it are there both, or neither; and so are the ways on which it is found.
func TestWhateverGoesWrongAChangeIsWholeOrNotThere(t *testing.T) {
	note := record.Record{Key: record.Key{Connection: ours, Kind: record.Alert, ID: "notice"}, OccurredAt: noon, Data: []byte(`{}`)}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			mishap.Each(t, func(t *testing.T, plan *mishap.Plan) { changesWhole(open(t), plan, note) })
		})
	}
}

func changesWhole(b *bench, plan *mishap.Plan, note record.Record) {
	b.consents(ours, noon, after(1))
	move := func(registry *connection.Registry) error {
		_, err := registry.Change(b.Context(), ours, func(s connection.Standing) (connection.Info, []record.Record, error) {
			next, _ := s.Moved(connection.NeedsConsent, connection.LostRotation, after(1))
			if next == s.Info {
				return next, nil, nil
			}
			next.Due = after(9)
			return next, []record.Record{note}, nil
		})
		return err
	}
	mishap.Died(func() { _ = move(b.planned(plan)) })
	_, err := b.records.Get(b.Context(), note.Key)
	if isThere, moved := err == nil, b.stands().State == connection.NeedsConsent; isThere != moved {
		b.Errorf("the state is written: %t, the notice: %t", moved, isThere)
	}
	b.must("move again", move(b.registry))
	b.wantNames("due before", b.due(after(8)))
	b.wantNames("due", b.due(after(9)), "evt_1 org_1")
	b.wantNames("all", b.names(b.registry.All(b.Context())), "evt_1 org_1")
}

// planned is the registry on the same stores, whose calls go by the plan.
func (b *bench) planned(plan *mishap.Plan) *connection.Registry {
	records := planned{mishap.Records{Store: b.records, Plan: plan}, mishap.Purger{Purger: b.records, Plan: plan}, b.records}
	return &connection.Registry{Records: records, Deletions: mishap.Records{Store: b.deletions, Plan: plan}}
}

// planned is a store of which each part can go wrong.
type planned struct {
	mishap.Records
	mishap.Purger
	record.Index
}

// A purge may come between any two calls of a consent of after its cutoff: what was found of before is gone then, and the consent stands.
func TestAConsentDuringThePurgeIsWhole(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			turn := 1
			for purgedAt(open(t), turn) {
				turn++
			}
			if turn < 4 {
				t.Errorf("a consent makes %d calls, which are too few to come between", turn-1)
			}
		})
	}
}

// purgedAt has the purge come before a call of a consent, and says whether there is such a call.
func purgedAt(b *bench, turn int) bool {
	b.Helper()
	b.consents(ours, noon, after(5))
	b.requires(after(10))
	calls := 0
	plan := mishap.Through(func(_ string, call func() error) error {
		if calls++; calls == turn {
			b.purges(after(10))
		}
		return call()
	})
	_, err := connect(b.Context(), b.planned(plan), ours, after(11), after(20))
	b.must("connect", err)
	b.purges(after(10))
	if !b.stands().Serves() {
		b.Errorf("purged at call %d: it does not serve", turn)
	}
	b.wantNames("all", b.names(b.registry.All(b.Context())), "evt_1 org_1")
	b.wantNames("of its event", b.names(b.registry.OfEvent(b.Context(), "evt_1")), "evt_1 org_1")
	b.wantNames("of its organization", b.names(b.registry.OfOrganization(b.Context(), "org_1")), "evt_1 org_1")
	b.wantNames("due", b.due(after(20)), "evt_1 org_1")
	b.wantNames("due of before", b.due(after(19)))
	return calls >= turn
}
