package deletion_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/connection/deletion"
)

// The titles that people see.
const (
	flagged   = "Application flagged for revision"
	approved  = "Application approved"
	requested = "Data deletion required: the connection is stopped"
	held      = "Data deletion required: a person has to look"
	returned  = "The connection is back: it sends data again"
	overdue   = "Data deletion is overdue"
	deleted   = "Data deleted"
	closed    = "Data deletion closed by a person"
)

func TestFromTheRequestToTheProof(t *testing.T) {
	b := newBench(t, nil)
	b.happens(ours, "flag@1", "flag app_2@2", "approve app_2@3")
	b.happens(others[0], "flag@1")
	b.run()
	wantLines(t, "paged", b.pager.shows(), flagged, flagged)

	received := b.clock
	b.requires(ours, 10)
	b.run()
	wantLines(t, "open once the connection is stopped", b.pager.shows(), flagged, requested)
	wantLines(t, "Slack once it is stopped", b.slack.shows(), flagged, flagged, "  "+approved, flagged, requested)
	stopped := b.onlyCase().Value
	if stopped.State != deletion.Scheduled || !stopped.Due.Equal(received.Add(grace)) || stopped.Resolved != 1 {
		t.Errorf("stopped: %+v", stopped)
	}
	if diff := cmp.Diff([]string{"purge-" + b.onlyCase().Value.ID}, b.scheduler.made); diff != "" {
		t.Error(diff)
	}
	b.wantKept(ours, 10, 10, 0)

	b.graceEnds()
	b.wantKept(ours, 10, 0, 0)
	b.wantKept(others[0], 10, 4, 0)
	wantLines(t, "open at the end", b.pager.shows(), flagged)
	wantLines(t, "Slack at the end", b.slack.shows(), flagged, flagged, "  "+approved, flagged, requested, "  "+deleted)
	wantProof(t, b.onlyCase().Value, received)
	b.wantNothingParked()
}

func wantProof(t *testing.T, c deletion.Case, received time.Time) {
	t.Helper()
	if c.State != deletion.Finished || c.StartedAt.Before(c.Due) || c.FinishedAt.Before(c.StartedAt) || !c.RequestedAt.Equal(received) {
		t.Errorf("finished: %+v", c)
	}
	want := map[record.Kind]int{record.Alert: 6, record.Incident: 2, record.Thread: 2}
	if diff := cmp.Diff(want, c.Found); diff != "" {
		t.Errorf("found: %s", diff)
	}
	if c.Kept != 0 || c.SlackMessages != 3 || c.SlackLeft != 3 || len(c.Residual) == 0 {
		t.Errorf("counted: %+v", c)
	}
}
