package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"revento-alerts/shared/alert"
	"revento-alerts/shared/deletion"
	"revento-alerts/shared/queue"
	"revento-alerts/shared/record"
)

// hold holds what came of a run to the promises.
func (w *world) hold() {
	if w.isOver() {
		w.fail("stuck: it never came to rest")
	}
	shown := w.shows()
	if w.blind {
		shown = w.holdRepetitions(shown)
	}
	if !slices.ContainsFunc(w.want, func(want []string) bool { return slices.Equal(sorted(want), shown) }) {
		w.fail("a person sees\n  %s\nand should see one of\n  %q", strings.Join(shown, "\n  "), w.want)
	}
	for _, name := range queue.Names {
		if parked := w.parked(name); parked > 0 {
			w.fail("%d messages are parked in %s", parked, name.DeadLetter())
		}
	}
	holdRecords(w.fail, w.engine)
}

// holdRepetitions returns the lines without what is marked as possibly repeated and is. Each needs an answer that was lost.
func (w *world) holdRepetitions(shown []string) []string {
	shown, w.repetitions = understood(shown)
	wrong := 0
	for _, times := range w.wrong {
		wrong += times
	}
	if w.repetitions > wrong {
		w.fail("%d messages are repeated, and only %d calls went wrong", w.repetitions, wrong)
	}
	return sorted(shown)
}

// fail tells what is wrong, once, with all that happened.
func (w *world) fail(format string, arguments ...any) {
	w.Helper()
	if !w.Failed() {
		w.Log(strings.Join(w.trace, "\n"))
	}
	w.Errorf(format, arguments...)
}

// shows is all that a person sees in the end, sorted.
func (w *world) shows() []string {
	lines := slices.Concat(w.slack.shows(), w.pager.shows())
	if events := w.slack.digested(); events > 0 {
		lines = append(lines, fmt.Sprintf("digests of %d events", events))
	}
	cases, err := (&deletion.Operator{Deletions: w.deletions}).All(context.Background())
	if err != nil {
		w.Errorf("list the deletions: %v", err)
	}
	for _, entry := range cases {
		lines = append(lines, "deletion "+string(entry.Value.State))
	}
	return sorted(lines)
}

func sorted(lines []string) []string {
	ordered := slices.Clone(lines)
	slices.Sort(ordered)
	return ordered
}

// holdRecords looks for what is left in the middle of something, and for what should be deleted.
func holdRecords(fail func(format string, arguments ...any), e engine) {
	ctx := context.Background()
	cutoff, err := record.Cutoff(ctx, e.deletions, connection)
	if err != nil {
		fail("read the cutoff: %v", err)
	}
	kept := map[bool]record.Lister{true: e.records, false: e.deletions}
	for ofConnections, store := range kept {
		for _, kind := range []record.Kind{record.Alert, record.Incident, record.Thread, record.Digest, record.DigestRun} {
			listed, err := store.List(ctx, kind)
			if err != nil {
				fail("list what is kept: %v", err)
			}
			for _, stored := range listed {
				holdRecord(fail, stored)
				if ofConnections && !cutoff.IsZero() && !stored.OccurredAt.After(cutoff) {
					fail("%s is kept though its connection was deleted", stored.Key.Sort())
				}
			}
		}
	}
}

func holdRecord(fail func(format string, arguments ...any), stored record.Record) {
	if stored.Pending != "" {
		fail("%s waits in the list %s", stored.Key.Sort(), stored.Pending)
	}
	if stored.Key.Kind != record.Alert {
		return
	}
	kept, err := record.Decode[alert.Record](stored)
	if err != nil {
		fail("read an alert's record: %v", err)
	}
	if !kept.Value.State.IsFinal() {
		fail("the record of an alert about %s stays %s", kept.Value.Type, kept.Value.State)
	}
}
