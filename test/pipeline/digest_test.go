//go:build emulators

package pipeline

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/digest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento/sample"
)

func TestADigestTellsOnceWhatWasGathered(t *testing.T) {
	s := running(t)
	for _, id := range []string{"app_1", "app_2", "app_3"} {
		s.wants(made(t, "application.submitted", secret, sample.Change{ResourceID: id}), http.StatusOK, "accepted")
		s.await(queue.Digest, s.digest)
	}
	s.shows(0, 0, 0)
	window := time.Now()
	for range 2 { // as EventBridge Scheduler may do
		if err := s.queues.Send(t.Context(), queue.Digest, digest.RunMessage(window)); err != nil {
			t.Fatal(err)
		}
		s.await(queue.Digest, s.digest)
		s.drain()
	}
	s.shows(1, 0, 0)
	if text := s.recorder.Messages()[0].Text; !strings.Contains(text, "3") {
		t.Errorf("the digest says %q", text)
	}
	s.checkLogs()
}
