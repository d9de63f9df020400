package digest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/alert"
	"revento-alerts/shared/alerting/record"
)

// attends knows of evt_1 who attends it, nothing of evt_2, and of evt_3 not even that.
func (b *bench) attends(asked *int) {
	b.Task.Attends = func(_ context.Context, of record.Connection) (alert.Attendance, bool, error) {
		*asked++
		if of.EventID == "evt_3" {
			return alert.Attendance{}, false, errors.New("storage does not answer")
		}
		return alert.Attendance{Name: "Summer Camp", Registered: 212, CancelledToday: 3}, of.EventID != "evt_2", nil
	}
}

func TestADigestSaysWhoAttendsWhereThatIsKnown(t *testing.T) {
	b := newBench(t, nil)
	asked := 0
	b.attends(&asked)
	b.take(early()...)
	b.runAt(first)
	b.tell()
	want := map[string][]alert.Attendance{
		channel: {{EventID: "evt_1", Name: "Summer Camp", Registered: 212, CancelledToday: 3}},
		other:   {{EventID: "evt_1", Name: "Summer Camp", Registered: 212, CancelledToday: 3}},
	}
	for _, p := range b.slack.posts {
		if diff := cmp.Diff(want[p.channel], p.Content.Digest.Attendance); diff != "" {
			t.Errorf("%s: %s", p.channel, diff)
		}
	}
	if asked != 4 { // two connections for each channel, once each
		t.Errorf("asked %d times", asked)
	}
}

func TestADigestDoesNotSayWhoAttendsWhatIsDeletedMeanwhile(t *testing.T) {
	b := newBench(t, nil)
	asked := 0
	b.attends(&asked)
	b.take(submitted("app_1", "evt_1", channel, noon.Add(time.Minute)), submitted("app_2", "evt_4", channel, noon.Add(time.Minute)))
	b.runAt(first)
	b.stop(early()[0].connection(), b.clock)
	b.tell()
	for _, p := range b.slack.posts {
		if told := p.Content.Digest.Attendance; len(told) != 1 || told[0].EventID != "evt_4" {
			t.Errorf("%+v", told)
		}
	}
}

func TestADigestAsksForTenEventsAtTheMost(t *testing.T) {
	b := newBench(t, nil)
	asked := 0
	b.attends(&asked)
	for i := range 30 {
		b.take(submitted(fmt.Sprint("app_", i), fmt.Sprint("evt_9", i), channel, noon.Add(time.Minute)))
	}
	b.runAt(first)
	b.tell()
	if asked != 10 || len(b.slack.posts[0].Content.Digest.Attendance) != 10 {
		t.Errorf("asked %d times: %+v", asked, b.slack.posts[0].Content.Digest.Attendance)
	}
}
