package checkup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/ground/fault"
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

func TestTheDataFolder(t *testing.T) {
	probes := func(err error) spoil {
		return func(s *site) { s.Probe = func(context.Context) error { return err } }
	}
	full := &fault.Error{Class: fault.Transient, Op: "use the data folder", Reason: "storage_full", Err: errors.New("/data: its disk is full: make room on the disk")}
	wantFound(t, "data folder", map[string]row{
		"well": {probes(nil), ok("what is written there is kept")},
		"a full disk": {probes(full), failed("every delivery is answered 503: use the data folder: failed: storage_full: "+
			"/data: its disk is full: make room on the disk", seeAccess)},
	})
}

// shelf shows messages that were sent so long ago and received so often.
type shelf []queue.Seen

func (s shelf) Browse(_ context.Context, name queue.Name, _ int, _ string) ([]queue.Seen, string, error) {
	if name != queue.PagerDuty {
		return nil, "", nil
	}
	return s, "", nil
}

func sentAgo(ago time.Duration, receives int) queue.Seen {
	return queue.Seen{SentAt: now.Add(-ago), Receives: receives}
}

// PagerDuty answered 500 to everything, and check said "ok, 3 in flight".
func TestAQueueWhoseMessagesWaitOrComeAgainAndAgain(t *testing.T) {
	const remedy = `the log's lines with "destination":"pagerduty" say what is answered; trace tells a delivery's story`
	shows := func(messages ...queue.Seen) spoil {
		return func(s *site) {
			s.queues[queue.PagerDuty] = depth{waiting: 1, inFlight: 1}
			s.Messages = shelf(messages)
		}
	}
	const says = "1 waiting, 1 in flight"
	wantFound(t, "queue pagerduty", map[string]row{
		"under way":         {shows(sentAgo(time.Minute, 1), sentAgo(0, 0)), ok(says)},
		"paced":             {shows(sentAgo(time.Minute, 2)), ok(says)},
		"tried three times": {shows(sentAgo(time.Minute, 3)), warned(says+"; the oldest waits for 1 min, and one of them was received 3 times", remedy)},
		"late":              {shows(sentAgo(2*time.Hour, 0)), warned(says+"; the oldest waits for 2 h", remedy)},
	})
}

func TestWhenTheNewestDeliveryWasAccepted(t *testing.T) {
	newest := func(at time.Time, err error) spoil {
		return func(s *site) { s.Newest = func(context.Context) (time.Time, error) { return at, err } }
	}
	wantFound(t, "accepted deliveries", map[string]row{
		"just now":      {newest(now.Add(-time.Second), nil), ok("the newest at " + now.Add(-time.Second).Format(time.RFC3339) + ", less than a minute ago")},
		"long ago":      {newest(now.Add(-49*time.Hour), nil), ok("the newest at " + now.Add(-49*time.Hour).Format(time.RFC3339) + ", 2 d 1 h ago")},
		"never":         {newest(time.Time{}, nil), ok("none is known of late: those of routes that are off do not count")},
		"not to be had": {newest(time.Time{}, errors.New("no answer")), failed("no answer", seeAccess)},
	})
}
