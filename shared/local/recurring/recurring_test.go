package recurring_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/ground/schedule"
	"revento-alerts/shared/local/recurring"
)

// latest is how late one machine may be at the most with what is due.
const latest = 30 * time.Second

func TestTheJobsOfOneMachine(t *testing.T) {
	errSweep, errFire := errors.New("sweep"), errors.New("fire")
	digests := schedule.Every(7 * time.Minute)
	jobs := recurring.OnMachine(digests, func(context.Context) error { return errSweep }, func(context.Context) error { return errFire })
	noon := time.Date(2026, 5, 9, 12, 0, 0, 0, time.UTC)
	got := map[string][]string{}
	for _, job := range jobs {
		at := job.Schedule.Next(noon)
		does := "something itself"
		if job.Do == nil {
			does = string(job.Queue) + " " + job.Message(at).Body
		} else if err := job.Do(t.Context()); err != nil {
			does = err.Error()
		}
		start := "waits for its moment"
		if job.AtStart {
			start = "at the start too"
		}
		got[job.Name] = []string{does, start, at.Format(time.RFC3339)}
	}
	want := map[string][]string{
		"digest run":     {"digest " + digest.RunMessage(digests.Next(noon)).Body, "waits for its moment", "2026-05-09T12:05:00Z"},
		"sweep":          {"deletion " + deletion.SweepMessage().Body, "at the start too", "2026-05-10T04:17:00Z"},
		"database sweep": {"sweep", "at the start too", "2026-05-09T12:10:00Z"},
		"due purges":     {"fire", "at the start too", "2026-05-09T12:00:15Z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	due := jobs[len(jobs)-1].Schedule
	if wait := due.Next(due.Next(noon)).Sub(due.Next(noon)); wait > latest {
		t.Errorf("a purge that is due waits up to %s", wait)
	}
}
