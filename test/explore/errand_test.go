package explore

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"revento-alerts/shared/alerting/incident"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/recorder"
	slackapi "revento-alerts/shared/provider/slack"
	"revento-alerts/shared/testkit/mishap"
)

// journey is a scenario for engines outside of the process, in real time: each delivery comes when the one before is dealt with.
type journey struct {
	name       string
	deliveries []delivery
	// want is what a person sees in the end.
	want outcome
}

// outcome is what a person sees, as the recorder shows it.
type outcome struct {
	// Posted counts the Slack messages, Deleted those of them that were deleted again, Repeated those beyond the first of an alert.
	Posted, Deleted, Repeated int
	// Open and Resolved count incidents.
	Open, Resolved int
}

var journeys = []journey{
	{"new", []delivery{revision}, outcome{Posted: 1, Open: 1}},
	{"trigger, then resolve", []delivery{revision, event(approved, "app_1", 2)}, outcome{Posted: 2, Resolved: 1}},
	{"trigger and resolve of one second", []delivery{revision, event(approved, "app_1", 1)}, outcome{Posted: 2, Open: 1}},
	{"resolve and trigger of one second", []delivery{event(approved, "app_1", 1), revision}, outcome{Posted: 1, Open: 1}},
	{"replay under a new id", []delivery{revision, revision.under("replayed")}, outcome{Posted: 1, Open: 1}},
	// The alert, and two notices of the deletion; the alert's message is deleted.
	{"deletion, from request to finish", []delivery{revision, event(required, "", 10)}, outcome{Posted: 3, Deleted: 1, Resolved: 2}},
}

var every = flag.Int("every", 21, "on real engines, every which point is tried at which a process can end: odd, to come after calls too")

// strikeEverywhere has every journey travelled undisturbed, which tells how many calls it has, and then with a death before and
// after them. The flag says how many are passed over.
func strikeEverywhere(t *testing.T, travel func(t *testing.T, number int, at int64, after bool) (calls int64)) {
	for number, j := range journeys {
		t.Run(strings.ReplaceAll(j.name, ",", ""), func(t *testing.T) {
			t.Parallel()
			calls, tried := travel(t, number, 0, false), 0
			for point := int64(0); point < 2*calls; point += int64(*every) {
				travel(t, number, 1+point/2, point%2 == 1)
				tried++
			}
			t.Logf("%d calls, %d deaths", calls, tried)
		})
	}
}

// strike is the call at which a process ends.
type strike struct {
	at    int64 // counted from 1; 0 means none
	after bool  // once the call has had its effect
	// kill ends the process and does not return; nil where the process dies as far as others can see: no call of it has an
	// effect any more.
	kill  func() error
	calls atomic.Int64
	died  atomic.Bool
}

func (s *strike) plan() *mishap.Plan { return mishap.Through(s.do) }

func (s *strike) do(_ string, effect func() error) error {
	if s.died.Load() {
		return errDead
	}
	if s.calls.Add(1) != s.at {
		return effect()
	}
	if s.after {
		_ = effect() // nobody is left to see how it went
	}
	s.died.Store(true)
	if s.kill != nil {
		return s.kill()
	}
	return errDead
}

// errand is a process that takes deliveries in and works on the queues, one message after another.
type errand struct {
	functions
	begun      time.Time // second 0 of the deliveries
	visibility time.Duration
	// pass lets time pass where nothing else is to be done.
	pass   func(time.Duration)
	struck *strike
}

// run works on what is left of another process, and then deals with deliveries. It tells which it acknowledged: Revento does not
// send those again. It returns errDead where it died.
func (e *errand) run(ctx context.Context, deliveries []delivery, acknowledged func(delivery)) error {
	err := e.workOff(ctx)
	for _, d := range deliveries {
		if err == nil {
			err = e.take(d)
		}
		if err == nil {
			acknowledged(d)
			err = e.workOff(ctx)
		}
	}
	return err
}

// providersOf are the real clients of a recorder at a URL, with a plan for their calls.
func providersOf(url string, plan *mishap.Plan, now func() time.Time) (slackAPI, incident.Pager) {
	token := secret.NewHolder(secret.Static("xoxb-explore"), secret.ParseToken, time.Hour, now)
	keys := secret.NewHolder(secret.Static("explore000000000explore000000000"), secret.ParseRoutingKeys, time.Hour, now)
	return plannedSlack{slackapi.New(url+"/api/", token), plan}, plannedPager{pagerduty.New(url, keys), plan}
}

// plannedSlack is Slack's client, whose calls go through the plan.
type plannedSlack struct {
	slackAPI
	plan *mishap.Plan
}

func (s plannedSlack) Post(ctx context.Context, channel, under string, message thread.Message) (ts string, err error) {
	err = s.plan.Do("slack.Post", func() error {
		ts, err = s.slackAPI.Post(ctx, channel, under, message)
		return err
	})
	return ts, err
}

func (s plannedSlack) Update(ctx context.Context, channel, ts string, message thread.Message) error {
	return s.plan.Do("slack.Update", func() error { return s.slackAPI.Update(ctx, channel, ts, message) })
}

func (s plannedSlack) Find(ctx context.Context, search thread.Search) (ts string, err error) {
	err = s.plan.Do("slack.Find", func() error {
		ts, err = s.slackAPI.Find(ctx, search)
		return err
	})
	return ts, err
}

func (s plannedSlack) Delete(ctx context.Context, channel, ts string) error {
	return s.plan.Do("slack.Delete", func() error { return s.slackAPI.Delete(ctx, channel, ts) })
}

// plannedPager is PagerDuty's client, whose calls go through the plan.
type plannedPager struct {
	incident.Pager
	plan *mishap.Plan
}

func (p plannedPager) Enqueue(ctx context.Context, page incident.Page) error {
	return p.plan.Do("pager.Enqueue", func() error { return p.Pager.Enqueue(ctx, page) })
}

// take has ingest take a delivery in, again and again until it does.
func (e *errand) take(d delivery) error {
	const tries = 10
	for range tries {
		ctx, cancel := invocation(ingest.FunctionTimeout)
		signed, err := d.signed(e.begun, e.now())
		if err != nil {
			cancel()
			return err
		}
		event := awslambda.GatewayEvent(http.MethodPost, ingest.Path, signed.Header, signed.Body, uuid.NewString(), e.now())
		response, err := e.ingest()(ctx, event)
		cancel()
		switch {
		case e.struck.died.Load():
			return errDead
		case err == nil && response.StatusCode == http.StatusOK:
			return nil
		case err == nil && response.StatusCode != http.StatusServiceUnavailable:
			return fmt.Errorf("%s was answered %d %s", d.id, response.StatusCode, response.Body)
		}
		e.pass(ingest.Lease)
	}
	return fmt.Errorf("%s was never acknowledged", d.id)
}

// workOff works on the queues until they are empty.
func (e *errand) workOff(ctx context.Context) error {
	const rounds = 1000
	for range rounds {
		worked, err := e.round(ctx)
		if err != nil {
			return err
		}
		left, err := e.left(ctx)
		if err != nil || left == 0 {
			return err
		}
		if !worked {
			e.pass(time.Second)
		}
	}
	return errors.New("the queues are never empty")
}

// round works on a message of each queue that has one.
func (e *errand) round(ctx context.Context) (worked bool, err error) {
	for _, name := range queues {
		waiting, _, err := e.queues.Depth(ctx, name)
		if err != nil {
			return false, err
		}
		if waiting == 0 { // SQS would wait for a message to come
			continue
		}
		received, ok, err := e.queues.Receive(ctx, name, e.visibility)
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		worked = true
		if err := e.work(name, received); err != nil {
			return false, err
		}
	}
	return worked, nil
}

func (e *errand) work(name queue.Name, received queue.Received) error {
	ctx, cancel := invocation(name.Entry().Timeout)
	defer cancel()
	response, err := e.worker(name)(ctx, awslambda.EventOf(received))
	switch {
	case e.struck.died.Load():
		return errDead
	case err != nil || len(response.BatchItemFailures) > 0:
		return err
	}
	return e.plan.Do("mapping.Delete "+string(name), func() error { return e.queues.Delete(ctx, name, received.Handle) })
}

func (e *errand) left(ctx context.Context) (messages int, err error) {
	for _, name := range queues {
		waiting, inFlight, err := e.queues.Depth(ctx, name)
		if err != nil {
			return 0, err
		}
		messages += waiting + inFlight
	}
	return messages, nil
}

// seen is what a person sees in the recorder.
func seen(r *recorder.Recorder) outcome {
	var o outcome
	keys := map[string]bool{}
	for _, m := range r.Messages() {
		o.Posted++
		if m.Deleted {
			o.Deleted++
		}
		if keys[string(m.Metadata)] {
			o.Repeated++
		}
		keys[string(m.Metadata)] = true
	}
	for _, i := range r.Incidents() {
		if i.Resolved {
			o.Resolved++
		} else {
			o.Open++
		}
	}
	return o
}

// holdJourney holds what came of a journey to the promises.
func holdJourney(t *testing.T, j journey, r *recorder.Recorder, e engine) {
	t.Helper()
	if diff := cmp.Diff(j.want, seen(r)); diff != "" {
		t.Errorf("a person sees something else (-want +got):\n%s", diff)
	}
	for _, name := range queues {
		waiting, inFlight, err := e.queues.Depth(t.Context(), name.DeadLetter())
		if err != nil || waiting+inFlight > 0 {
			t.Errorf("%d messages are parked in %s: %v", waiting+inFlight, name.DeadLetter(), err)
		}
	}
	holdRecords(t.Errorf, e, 0)
}
