package checkup_test

import (
	"errors"
	"testing"

	"revento-alerts/shared/fault"
	"revento-alerts/shared/queue"
)

func TestTables(t *testing.T) {
	tableIs := func(table fakeTable) spoil { return func(s *site) { s.tables["demo-records"] = table } }
	wantFound(t, "table demo-records", map[string]row{
		"well":      {tableIs(fakeTable{status: "ACTIVE", usable: true}), ok("ACTIVE")},
		"not there": {tableIs(fakeTable{}), failed("there is no such table", "restore it from a backup, or deploy the stack anew")},
		"not ready": {
			tableIs(fakeTable{status: "CREATING"}),
			failed("it cannot be used: CREATING", "wait until it is ready, then check again"),
		},
		"no permission": {
			tableIs(fakeTable{err: failure(fault.Transient, "AccessDeniedException", nil)}),
			failed("ask: failed: AccessDeniedException", seeAccess),
		},
	})
}

func TestQueues(t *testing.T) {
	queueIs := func(name queue.Name, d depth) spoil { return func(s *site) { s.queues[name] = d } }
	wantFound(t, "queue slack", map[string]row{
		"busy": {queueIs(queue.Slack, depth{waiting: 7, inFlight: 2}), ok("7 waiting, 2 in flight")},
		"out of reach": {
			queueIs(queue.Slack, depth{err: failure(fault.Transient, "no_connection", nil)}),
			failed("ask: failed: no_connection", seeAccess),
		},
	})
	const list = "revento-alerts dead-letters list --stack demo"
	wantFound(t, "dead letters of slack", map[string]row{
		"none":      {queueIs(queue.Slack, depth{waiting: 7}), ok("none")},
		"one":       {queueIs(queue.Slack.DeadLetter(), depth{waiting: 1}), warned("1 dead letter", list)},
		"in flight": {queueIs(queue.Slack.DeadLetter(), depth{waiting: 1, inFlight: 2}), warned("3 dead letters", list)},
		"no answer": {
			queueIs(queue.Slack.DeadLetter(), depth{err: errors.New("no URL is configured")}),
			failed("no URL is configured", seeAccess),
		},
	})
}
