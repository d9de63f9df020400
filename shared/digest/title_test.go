package digest_test

import (
	"testing"
	"time"

	"revento-alerts/shared/digest"
)

// The oldest event was received so long before the run.
func TestTitles(t *testing.T) {
	for _, test := range []struct {
		events int
		ago    time.Duration
		want   string
	}{
		{1, 20 * time.Second, "1 event in the last minute"},
		{2, 14*time.Minute + 40*time.Second, "2 events in the last 15 minutes"},
		{2, 119 * time.Minute, "2 events in the last 119 minutes"},
		{2, 3 * time.Hour, "2 events in the last 3 hours"},
		{2, 47 * time.Hour, "2 events in the last 47 hours"},
		{2, 71 * time.Hour, "2 events in the last 3 days"},
	} {
		t.Run(test.want, func(t *testing.T) {
			b := newBench(t, nil)
			b.take(submitted("app_1", "evt_1", channel, noon))
			if test.events > 1 {
				b.take(submitted("app_2", "evt_1", channel, noon.Add(time.Second)))
			}
			b.clock = noon.Add(time.Second + test.ago) // received a second after it happened
			b.mustWork(digest.RunMessage(b.clock))
			b.tell()
			if got := b.slack.posts[0].Content.Title; got != test.want {
				t.Errorf("%q", got)
			}
		})
	}
}
