package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

// hold holds what came of a run to the promises.
func (w *world) hold() {
	if w.isOver() {
		w.fail("stuck: it never came to rest")
	}
	shown, unknown := w.shows(), map[string]bool{}
	if w.blind {
		unknown = w.unknown()
		shown = w.holdRepetitions(shown, unknown)
	}
	if !slices.ContainsFunc(w.want, func(want []string) bool { return slices.Equal(sorted(want), shown) }) {
		w.fail("a person sees\n  %s\nand should see one of\n  %q", strings.Join(shown, "\n  "), w.want)
	}
	for _, name := range queues {
		if parked := w.parked(name); parked > 0 && (name != queue.Slack || parked > len(unknown)) {
			w.fail("%d messages are parked in %s", parked, name.DeadLetter())
		}
	}
	holdRecords(w.fail, w.engine, len(unknown))
}

// unknown are the lines of the alerts that wait for a person, since nobody can look what became of a second attempt.
func (w *world) unknown() map[string]bool {
	lines := map[string]bool{}
	for {
		letter, ok, err := w.queues.Receive(context.Background(), queue.Slack.DeadLetter(), time.Hour)
		if err != nil {
			w.Errorf("look at the dead letters: %v", err)
		}
		if !ok {
			return lines
		}
		message, err := handoff.Decode(letter.Body)
		if err != nil {
			w.Errorf("read a dead letter: %v", err)
		}
		event, err := message.Open()
		if err != nil || letter.Attributes[queue.AttributeReason] != alert.ReasonOutcomeUnknown {
			w.fail("a dead letter has the reason %q: %v", letter.Attributes[queue.AttributeReason], err)
		}
		lines[lineOf(event.Content(display))] = true
	}
}

// holdRepetitions returns the lines without what is marked as possibly repeated and is, and with what waits for a person. An alert
// is repeated once at the most, and each repetition needs an answer that was lost.
func (w *world) holdRepetitions(shown []string, unknown map[string]bool) []string {
	for _, line := range shown {
		if copies := count(shown, line); strings.HasSuffix(line, possiblyRepeated) && copies > 1 {
			w.fail("%d messages say %q", copies, line)
		}
	}
	shown, w.repetitions = understood(shown)
	for line := range unknown {
		if !slices.Contains(shown, line) {
			shown = append(shown, line)
		}
	}
	wrong := 0
	for _, times := range w.wrong {
		wrong += times
	}
	if w.repetitions > wrong {
		w.fail("%d messages are repeated, and only %d calls went wrong", w.repetitions, wrong)
	}
	return sorted(shown)
}

func count(lines []string, line string) (copies int) {
	for _, other := range lines {
		if other == line {
			copies++
		}
	}
	return copies
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

// holdRecords looks for what is left in the middle of something, but for the alerts that wait for a person, and for what should be
// deleted.
func holdRecords(fail func(format string, arguments ...any), e engine, waiting int) {
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
				if !isDone(fail, stored) {
					waiting--
				}
				if ofConnections && !cutoff.IsZero() && !stored.OccurredAt.After(cutoff) {
					fail("%s is kept though its connection was deleted", stored.Key.Sort())
				}
			}
		}
	}
	if waiting < 0 {
		fail("the records of %d alerts stay in the middle", -waiting)
	}
}

// isDone says whether a record is of no alert that is still to be sent.
func isDone(fail func(format string, arguments ...any), stored record.Record) bool {
	if stored.Pending != "" {
		fail("%s waits in the list %s", stored.Key.Sort(), stored.Pending)
	}
	if stored.Key.Kind != record.Alert {
		return true
	}
	kept, err := record.Decode[alert.Record](stored)
	if err != nil {
		fail("read an alert's record: %v", err)
	}
	return kept.Value.State.IsFinal()
}
