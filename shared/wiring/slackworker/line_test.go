package slackworker_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/alerting/thread"
	"revento-alerts/shared/alerting/worker"
	"revento-alerts/shared/ground/fault"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/local/sqlite"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/testkit/memory"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/slackworker"
)

// slack takes what is posted, each in its time, and says when.
type slack struct {
	took time.Duration
	// answer is what the first, second, ... post into a channel comes to once it took that long, or nil.
	answer func(ctx context.Context, channel string, calls int) error
	blind  bool // nobody may look
	takes  bool // also what it does not answer

	mu     sync.Mutex
	calls  map[string]int // by channel
	posted []post
}

type post struct {
	channel, alertKey, ts string
	repeated              bool
	at                    time.Time
}

func (s *slack) Post(ctx context.Context, channel, _ string, message thread.Message) (string, error) {
	time.Sleep(s.took)
	calls := s.call(channel)
	var err error
	if s.answer != nil {
		err = s.answer(ctx, channel, calls)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ts := fmt.Sprintf("%d.%06d", time.Now().Unix(), calls)
	if err == nil || s.takes {
		s.posted = append(s.posted, post{channel, message.AlertKey, ts, message.PossiblyRepeated, time.Now()})
	}
	return ts, err
}

func (s *slack) call(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[channel]++
	return s.calls[channel]
}

func (s *slack) Update(context.Context, string, string, thread.Message) error { return nil }

func (s *slack) Find(_ context.Context, search thread.Search) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blind {
		return "", thread.ErrCannotLook
	}
	for _, p := range s.posted {
		if p.alertKey == search.AlertKey {
			return p.ts, nil
		}
	}
	return "", nil
}

func (s *slack) called(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[channel]
}

// in lists what was posted in a channel; "" for all.
func (s *slack) in(channel string) (posted []post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.posted {
		if channel == "" || p.channel == channel {
			posted = append(posted, p)
		}
	}
	return posted
}

// bench is the slack worker as it is wired, with all that it touches, and as many copies at work as on AWS and one machine.
type bench struct {
	*testing.T
	wiring.Engine
	slack  *slack
	log    bytes.Buffer
	worker *worker.Worker
	// long is how many alerts a long line has: as many as the engine deals with in a moment.
	long int
}

// onEngines runs a test on each engine that needs no service, in its own time. The worker is at work until it ends.
func onEngines(t *testing.T, made func() *slack, test func(b *bench)) {
	play := func(t *testing.T, engine wiring.Engine, long int) {
		b := newBench(t, engine, made())
		b.long = long
		defer b.begin()()
		test(b)
	}
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			records := memory.NewRecords()
			play(t, wiring.Engine{Records: records, Deletions: records.Deletions, Queues: memory.NewQueues(time.Now)}, 1000)
		})
	})
	t.Run("SQLite", func(t *testing.T) {
		folder := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			kept, err := sqlite.Open(context.Background(), folder, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := kept.Close(); err != nil {
					t.Error(err)
				}
			}()
			play(t, wiring.Engine{Records: kept.Records, Deletions: kept.Deletions, Queues: kept.Queues}, 40)
		})
	})
}

const pause, maxAlertAge = time.Second, time.Hour

func newBench(t *testing.T, engine wiring.Engine, slack *slack) *bench {
	b := &bench{T: t, Engine: engine, slack: slack}
	b.Log, b.Now = telemetry.New(&b.log, telemetry.Options{}), time.Now
	b.worker = slackworker.New(b.Engine, settings.Slack{Worker: settings.Worker{MaxAlertAge: maxAlertAge}, PostInterval: pause}, slack)
	return b
}

// begin sets the copies to work, until the function that it returns is called.
func (b *bench) begin() (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var copies sync.WaitGroup
	for range queue.Slack.Entry().Concurrency {
		copies.Go(func() {
			for ctx.Err() == nil {
				b.work()
			}
		})
	}
	return func() {
		stop()
		copies.Wait()
	}
}

// work is an invocation of the function.
func (b *bench) work() {
	const idle = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), queue.Slack.Entry().Timeout)
	defer cancel()
	received, ok, err := b.Queues.Receive(ctx, queue.Slack, queue.Slack.Entry().Visibility())
	if err != nil {
		b.Errorf("receive: %v", err)
	}
	if !ok {
		time.Sleep(idle)
		return
	}
	if b.worker.Handle(ctx, received) {
		if err := b.Queues.Delete(ctx, queue.Slack, received.Handle); err != nil {
			b.Errorf("delete: %v", err)
		}
	}
}

// alerts queues a number of alerts in a channel, each of a resource of its own.
func (b *bench) alerts(channel string, count int) {
	b.Helper()
	for i := range count {
		body := fmt.Appendf(nil, `{"type":"application.submitted","occurred_at":"1999-12-31T23:59:50Z","event_id":"evt_1","data":{"id":"%s_%d"}}`, channel, i)
		envelope, err := revento.ParseEnvelope(body)
		if err != nil {
			b.Fatal(err)
		}
		delivery := handoff.Delivery{
			ID: "delivery", Envelope: envelope, Identity: envelope.Identity(body), SignedAt: time.Now(), ReceivedAt: time.Now(), Body: body,
		}
		message, err := handoff.New("prod", delivery, route.Destination{Kind: route.Slack, Channel: channel, Severity: route.Info}, time.Now()).Encode()
		if err != nil {
			b.Fatal(err)
		}
		if err := b.Queues.Send(b.Context(), queue.Slack, message); err != nil {
			b.Fatal(err)
		}
	}
}

// parked lists the reasons of the dead letters.
func (b *bench) parked() (reasons []string) {
	b.Helper()
	for {
		letter, ok, err := b.Queues.Receive(context.Background(), queue.Slack.DeadLetter(), queue.MaxVisibility)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return reasons
		}
		reasons = append(reasons, letter.Attributes[queue.AttributeReason])
	}
}

// busy queues alerts in many channels.
func (b *bench) busy(channels, count int) {
	var wait sync.WaitGroup
	for i := range channels {
		wait.Go(func() { b.alerts(fmt.Sprintf("CBUSY%03d", i), count) })
	}
	wait.Wait()
}

// A channel that waits for its pause occupies no worker, and busy channels take turns: a quiet one's alert goes out within the time
// in which each busy channel posts once.
func TestBusyChannelsDoNotDelayAQuietOne(t *testing.T) {
	const took = 200 * time.Millisecond
	for _, tt := range []struct{ channels, alerts int }{{4, 20}, {200, 3}} {
		t.Run(fmt.Sprintf("%d busy channels", tt.channels), func(t *testing.T) {
			onEngines(t, func() *slack { return &slack{took: took} }, func(b *bench) {
				b.busy(tt.channels, tt.alerts)
				time.Sleep(3 * time.Second)
				asked := time.Now()
				b.alerts("CQUIET", 1)
				for len(b.slack.in("CQUIET")) == 0 && time.Since(asked) < time.Hour {
					time.Sleep(10 * time.Millisecond)
				}
				round := took * time.Duration(tt.channels) / time.Duration(queue.Slack.Entry().Concurrency)
				if waited := time.Since(asked); waited > round+time.Second {
					b.Errorf("it waited for %s, and a round takes %s", waited, round)
				}
				if through := len(b.slack.in("")); through == tt.channels*tt.alerts+1 {
					b.Error("the busy channels were through before, so that this shows nothing")
				}
				b.wantPaced()
			})
		})
	}
}

// wantPaced wants the posts of each channel to be a pause apart.
func (b *bench) wantPaced() {
	b.Helper()
	last := map[string]time.Time{}
	for _, p := range b.slack.in("") {
		if before, known := last[p.channel]; known && p.at.Sub(before) < pause {
			b.Errorf("%s has posts %s apart", p.channel, p.at.Sub(before))
		}
		last[p.channel] = p.at
	}
}

// A pause that Slack asks for is no failure, however long it is, and all of the channel keeps it: nothing is called meanwhile, and
// nothing is parked for its age.
func TestAPauseThatSlackAsksForIsKeptByTheWholeLine(t *testing.T) {
	const asked = 2 * maxAlertAge
	made := func() *slack {
		throttles := func(_ context.Context, channel string, calls int) error {
			if channel == "CQUIET" || calls > 1 {
				return nil
			}
			return &fault.Error{Class: fault.Throttled, Op: "post to Slack", Reason: "http_429", RetryAfter: asked}
		}
		return &slack{answer: throttles}
	}
	onEngines(t, made, func(b *bench) {
		b.alerts("C0111", b.long)
		b.alerts("CQUIET", 1)
		time.Sleep(time.Minute)
		if len(b.slack.in("CQUIET")) != 1 {
			b.Error("the pause is another channel's too")
		}
		time.Sleep(asked - time.Minute - time.Second)
		if posted := b.slack.in("C0111"); len(posted) > 0 || b.slack.called("C0111") != 1 {
			b.Errorf("within the pause %d posts, %d calls", len(posted), b.slack.called("C0111"))
		}
		time.Sleep(2 * time.Duration(b.long) * pause)
		if posted := b.slack.in("C0111"); len(posted) != b.long {
			b.Errorf("after the pause %d of %d are posted", len(posted), b.long)
		}
		b.wantPaced()
		if parked := b.parked(); parked != nil {
			b.Errorf("parked: %q", parked)
		}
	})
}

// A past fault: Slack takes a post and answers too late, and nobody may look: the same alert was posted again at every receipt, 361
// times in an hour, and not counted.
func TestAnAlertIsRepeatedOnceAtTheMost(t *testing.T) {
	late := func(ctx context.Context, _ string, _ int) error {
		<-ctx.Done()
		return &fault.Error{Class: fault.Unknown, Op: "post to Slack", Reason: "timeout"}
	}
	for _, tt := range []struct {
		name         string
		takes, blind bool
		posted       []bool // whether each is marked as possibly repeated
		attempts     int
		repeats      int // as they are counted
		parked       []string
	}{
		{"taken, and nobody may look", true, true, []bool{false, true}, 2, 1, []string{"outcome_unknown"}},
		{"not taken, and nobody may look", false, true, nil, 2, 1, []string{"outcome_unknown"}},
		{"taken, and one may look", true, false, []bool{false}, 1, 0, nil},
		{"not taken, and one may look", false, false, nil, 2, 0, []string{"outcome_unknown"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEngines(t, func() *slack { return &slack{answer: late, takes: tt.takes, blind: tt.blind} }, func(b *bench) {
				b.alerts("C0111", 1)
				time.Sleep(time.Hour)
				var marked []bool
				for _, p := range b.slack.in("C0111") {
					marked = append(marked, p.repeated)
				}
				if diff := cmp.Diff(tt.posted, marked); diff != "" || b.slack.called("C0111") != tt.attempts {
					b.Errorf("%d attempts; posted, and marked:\n%s", b.slack.called("C0111"), diff)
				}
				if diff := cmp.Diff(tt.parked, b.parked()); diff != "" {
					b.Error(diff)
				}
				if counted := strings.Count(b.log.String(), `"alert_possibly_repeated":1`); counted != tt.repeats {
					b.Errorf("counted %d times", counted)
				}
			})
		})
	}
}
