package deletion_test

import (
	"testing"

	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/testkit/mishap"
)

// Whatever goes wrong at whichever call of storage, queues or scheduler, everybody is told the same in the end.
func TestTheStopSurvivesAMishapAtEveryCall(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.happens(ours, "flag@1", "flag app_2@2")
		b.happens(others[0], "flag@1")
		b.run()
		b.breaks(plan)
		b.requires(ours, 10)
		b.run()
		b.breaks(nil)
		wantLines(t, "open", b.pager.shows(), flagged, requested)
		wantLines(t, "Slack", b.slack.shows(), flagged, flagged, flagged, requested)
		c := b.onlyCase().Value
		if c.State != deletion.Scheduled || c.Resolved != 2 || len(b.scheduler.made) != 1 {
			t.Errorf("the case: %+v, schedules %q", c, b.scheduler.made)
		}
		b.graceEnds()
		b.wantKept(ours, 10, 0, 0)
		b.wantKept(others[0], 10, 4, 0)
		b.wantNothingParked()
	})
}

func TestHoldingARequestSurvivesAMishapAtEveryCall(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, plan)
		b.requiresWith(ours, 10, `{"user_id":"usr_1"}`)
		b.run()
		wantLines(t, "states", text(b.states()), "held")
		wantLines(t, "open", b.pager.shows(), held)
		wantLines(t, "Slack", b.slack.shows(), held)
		b.wantNothingParked()
	})
}

func TestTheSweepSurvivesAMishapAtEveryCall(t *testing.T) {
	mishap.Each(t, func(t *testing.T, plan *mishap.Plan) {
		b := newBench(t, nil)
		b.happens(ours, "flag@1")
		b.happens(others[0], "flag@1")
		b.run()
		b.losesItsSchedule(ours)
		b.stuckAsRequested(others[0])
		b.requiresWith(others[1], 10, `{"user_id":"usr_1"}`)
		b.run()
		b.passes(grace + oneDay)
		b.breaks(plan)
		b.sweeps()
		b.wantKept(ours, 10, 0, 0)
		b.wantKept(others[0], 10, 0, 0)
		wantLines(t, "states", text(b.states()), "held", "finished", "finished")
		wantTold(b, overdue, 2)
		wantLines(t, "open", b.pager.shows(), held)
		b.wantNothingParked()
	})
}
