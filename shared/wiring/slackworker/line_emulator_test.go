//go:build emulators

package slackworker_test

import (
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/sqs"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/wiring"
	"revento-alerts/test/emulators"
)

// On SQS, too, a channel that waits for its pause occupies no worker. Which group comes next is SQS' own affair.
func TestBusyChannelsDoNotDelayAQuietOneOnSQS(t *testing.T) {
	const channels, alerts, patience = 20, 10, time.Minute
	records := memory.NewRecords()
	b := newBench(t, wiring.Engine{
		Records: records, Deletions: records.Deletions,
		Queues: sqs.New(emulators.Patient(t), emulators.Queues(t, queue.MaxReceives, queue.Slack, queue.Deletion)),
	}, &slack{took: 10 * time.Millisecond})
	b.busy(channels, alerts)
	defer b.begin()()
	time.Sleep(3 * time.Second)
	asked := time.Now()
	b.alerts("CQUIET", 1)
	for len(b.slack.in("CQUIET")) == 0 && time.Since(asked) < patience {
		time.Sleep(10 * time.Millisecond)
	}
	quiet, all := b.slack.in("CQUIET"), b.slack.in("")
	t.Logf("the quiet channel waited for %s, and %d posts came before", time.Since(asked), len(all)-len(quiet))
	if len(quiet) == 0 || len(all) == channels*alerts+1 {
		t.Errorf("it was posted %d times, of %d posts", len(quiet), len(all))
	}
	b.wantPaced()
}
