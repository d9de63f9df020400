//go:build emulators

package pipeline

import (
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/revento/sandbox"
)

// late is how long ago happened what a pass finds, longer than Revento's own repeats of a webhook are waited for.
const late = 41 * time.Minute

// counts fails unless the participants of the event are so many by status.
func (c *connected) counts(rows ...string) {
	c.Helper()
	c.says(0, "participants count --event "+asked+" --csv", rows...)
}

// readsAll has all be read that Revento knows of the event, and what that finds be told.
func (c *connected) readsAll() {
	c.Helper()
	c.sees(0, "connections sync "+asked, asked)
}

// hears has a webhook come, and be applied.
func (c *connected) hears(commands ...sandbox.Command) {
	c.Helper()
	c.happens(commands...)
	c.await(queue.Mirror, c.mirror)
	c.drain()
}

// keepsPeopleOutOfLogs fails where a log of what works on participants names one.
func (c *connected) keepsPeopleOutOfLogs() {
	c.Helper()
	for _, f := range []*function{c.ingest, c.sync, c.mirror, c.purge} {
		for _, personal := range []string{"ptp_sandbox", "usr_sandbox", "@example.org", "canary"} {
			if log := f.log.String(); strings.Contains(log, personal) {
				c.Errorf("%s holds %s:\n%s", f.binary, personal, log)
			}
		}
	}
}

// The built functions: the function sync reads in a pass who takes part, and the function mirror judges it. A webhook that did not come is
// found by the next pass and pages once, also where it comes after all. Webhooks change who takes part, and the data goes with the connection.
func TestTheBuiltFunctionsMirrorWhatReventoKnows(t *testing.T) {
	c := connectsToTheSandbox(t, "ConnectScopes=event.read participants.read")
	c.fill("webhook-secrets", secret)
	// Revento's clock is set back, so that what happens soon was a while ago once it is set right.
	c.happens(sandbox.Command{Action: "move_clock", For: (-late - time.Minute).String()})
	c.consents()
	c.readsAll()
	c.counts("registered,12", "approved,6", "pending,6", "rejected,6", "revision_requested,6")
	c.shows(0, 0, 0)

	c.happens(
		sandbox.Command{Action: "move_clock", For: time.Minute.String()},
		sandbox.Command{Action: "webhooks", Kind: string(sandbox.Delayed), For: (late + time.Minute).String()},
		sandbox.Command{Action: "flag", EventID: asked, ParticipantID: "ptp_sandbox_1_007"},
		sandbox.Command{Action: "move_clock", For: late.String()},
	)
	c.readsAll()
	c.counts("registered,11", "revision_requested,7")
	c.shows(1, 1, 1)
	c.readsAll()
	c.hears(sandbox.Command{Action: "move_clock", For: (2 * time.Minute).String()})
	c.shows(1, 1, 1)
	if log := c.mirror.log.await(`"missed_webhook":1`); strings.Count(log, `"missed_webhook":1`) != 1 {
		t.Errorf("not one missed webhook is counted:\n%s", log)
	}

	c.hears(sandbox.Command{Action: "apply", EventID: asked})
	c.counts("pending,7", "approved,6")
	c.hears(sandbox.Command{Action: "approve", EventID: asked, ParticipantID: "ptp_sandbox_1_005"})
	c.counts("pending,6", "approved,7")

	if c.items("SEEDS_TABLE") != 1 {
		t.Errorf("%d seeds, want the connection's", c.items("SEEDS_TABLE"))
	}
	c.happens(sandbox.Command{Action: "require_deletion", EventID: asked})
	c.await(queue.Deletion, c.deletion)
	c.drain()
	c.fire()
	c.await(queue.Purge, c.purge)
	const flows = 1 // the consent that was begun belongs to no connection, says nothing of one, and expires by itself
	if seeds, records := c.items("SEEDS_TABLE"), c.items("RECORDS_TABLE"); seeds != 0 || records != flows {
		t.Errorf("%d seeds and %d records are left, want 0 and %d\n%s", seeds, records, flows, c.purge.log.String())
	}
	c.keepsPeopleOutOfLogs()
}
