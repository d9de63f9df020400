package explore

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/testkit/memory"
)

const (
	// copies is how many messages of a queue are worked on at the same time.
	copies = 2
	// tick is how far time moves where nothing else does.
	tick = time.Second
	// pauseOfSender is Revento's pause between two tries, which is not known; it is longer than ingest's lease.
	pauseOfSender = 10 * time.Second
	// endless is when a run counts as stuck: nothing here takes so long.
	endless = 24 * time.Hour
)

// world is everything that outlives a process, and the one who decides whose turn it is. It runs in fake time.
type world struct {
	*testing.T
	scenario
	limits
	choose

	engine
	scheduler *scheduler
	slack     *slack
	pager     *pager
	routes    route.Table

	begun time.Time
	mu    sync.Mutex // guards what follows
	// waiting are the calls that wait for their turn, last the process that was on.
	waiting []*call
	last    int
	started int // processes
	live    int // goroutines that may still do something
	busy    map[queue.Name]int
	over    bool

	calls       int
	wrong       map[verdict]int
	repetitions int // of messages, each marked as possibly repeated
	trace       []string
}

// limits are how much of the unusual a run may have.
type limits struct {
	// faults are calls that go wrong, beside those of the scenario.
	faults int
	// deviations are turns given to another process than the one that was on; -1 means any number.
	deviations int
}

// run plays a scenario until nothing is left to do, and holds what came of it to the promises.
func run(t *testing.T, s scenario, l limits, c choose) (played *world) {
	synctest.Test(t, func(t *testing.T) {
		played = newWorld(t, s, l, c)
		played.play()
		played.hold()
	})
	return played
}

func newWorld(t *testing.T, s scenario, l limits, c choose) *world {
	t.Helper()
	records := memory.NewRecords()
	return &world{
		T: t, scenario: s, limits: l, choose: c,
		engine:    engine{memory.NewLedger(), memory.NewQueues(time.Now), records, records.Deletions},
		scheduler: &scheduler{}, slack: &slack{blind: s.blind}, pager: &pager{open: map[string]bool{}, opened: map[string][]string{}},
		routes: routes(t, s.settings), begun: time.Now(), busy: map[queue.Name]int{}, wrong: map[verdict]int{},
	}
}

// play lets one call at a time have its turn, and time pass where none waits.
func (w *world) play() {
	w.begin()
	go func() {
		defer w.end()
		time.Sleep(time.Minute) // all events of the first minute are in the past
		w.happens(w)
	}()
	for {
		synctest.Wait()
		w.deliver()
		synctest.Wait()
		if c := w.next(); c != nil {
			w.calls++
			w.decide(c)
			continue
		}
		if w.isQuiet() {
			return
		}
		if time.Since(w.begun) > endless {
			w.stop()
		}
		time.Sleep(tick)
	}
}

// stop has a run end that never would by itself.
func (w *world) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

func (w *world) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

func (w *world) isQuiet() bool {
	w.mu.Lock()
	live := w.live
	w.mu.Unlock()
	return live == 0 && (w.isOver() || w.isIdle())
}

// isIdle says whether nothing waits in a queue or for its moment.
func (w *world) isIdle() bool { return w.isWorkedOff() && w.scheduler.isEmpty() }

// isWorkedOff says whether the queues are empty, and nothing is in flight.
func (w *world) isWorkedOff() bool {
	for _, name := range queues {
		waiting, inFlight, err := w.queues.Depth(context.Background(), name)
		if err != nil || waiting+inFlight > 0 {
			return false
		}
	}
	return true
}

func (w *world) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live++
}

func (w *world) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live--
}

func (w *world) newProcess(name string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started++
	return &process{world: w, number: w.started, name: name}
}

// deliver is what AWS does between the functions: it fires schedules and invokes functions with what waits for them.
func (w *world) deliver() {
	if w.isOver() {
		return
	}
	for _, body := range w.scheduler.due(time.Now()) {
		w.send(queue.Purge, queue.Message{Body: body})
	}
	for _, name := range queues {
		for w.invoke(name) {
		}
	}
}

// invoke starts a function on a queue's next message, unless all of its copies are at work.
func (w *world) invoke(name queue.Name) bool {
	w.mu.Lock()
	isBusy := w.busy[name] == copies
	w.mu.Unlock()
	if isBusy {
		return false
	}
	received, ok, err := w.queues.Receive(context.Background(), name, name.Entry().Visibility())
	if err != nil || !ok {
		return false
	}
	w.mu.Lock()
	w.busy[name]++
	w.live++
	w.mu.Unlock()
	p := w.newProcess(string(name))
	go func() {
		p.work(name, received)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.busy[name]--
		w.live--
	}()
	return true
}

// work is an invocation of a queue's function. A message whose work was not done comes again.
func (p *process) work(name queue.Name, received queue.Received) {
	ctx, cancel := invocation(name.Entry().Timeout)
	defer cancel()
	response, err := p.functions().worker(name)(ctx, awslambda.EventOf(received))
	if err != nil || len(response.BatchItemFailures) > 0 {
		return
	}
	// Where this fails, the message comes again: it was delivered twice.
	_ = p.do("mapping.Delete "+string(name), func() error {
		return p.queues.Delete(context.Background(), name, received.Handle)
	})
}

// send queues a message as AWS itself does.
func (w *world) send(name queue.Name, message queue.Message) {
	if err := w.queues.Send(context.Background(), name, message); err != nil {
		w.Errorf("send to %s: %v", name, err)
	}
}

// post sends a delivery as Revento does: again, until it is answered.
func (w *world) post(d delivery) { w.postTo(w.newProcess("ingest"), d) }

// postTo sends a delivery to an invocation of ingest first, and then to others.
func (w *world) postTo(p *process, d delivery) {
	for !w.isOver() {
		switch code := p.answer(d); code {
		case http.StatusOK:
			return
		case 0, http.StatusServiceUnavailable:
			time.Sleep(pauseOfSender)
			p = w.newProcess("ingest")
		default:
			w.Errorf("%s was answered %d", d.id, code)
			return
		}
	}
}

// answer is an invocation of the ingest function; 0 stands for no answer.
func (p *process) answer(d delivery) int {
	ctx, cancel := invocation(ingest.FunctionTimeout)
	defer cancel()
	signed, err := d.signed(p.begun, time.Now())
	if err != nil {
		p.Errorf("make a delivery: %v", err)
	}
	event := awslambda.GatewayEvent(http.MethodPost, ingest.Path, signed.Header, signed.Body, uuid.NewString(), time.Now())
	response, err := p.functions().ingest()(ctx, event)
	if err != nil {
		p.Errorf("ingest: %v", err)
	}
	if p.do("gateway.Answer", func() error { return nil }) != nil {
		return 0
	}
	return response.StatusCode
}

// functions are those that the process may be an invocation of.
func (p *process) functions() functions {
	return functions{
		engine: p.engine, plan: p.plan(), slack: slackClient{p.slack, p}, pager: pagerClient{p.pager, p},
		scheduler: schedulerClient{p.world.scheduler, p}, routes: p.routes, connected: p.connected, grace: p.grace, postInterval: time.Second, now: time.Now,
	}
}

// postTogether sends deliveries at the same time. Whose turn is first depends on the numbers of the processes, which are given
// before any of them runs.
func (w *world) postTogether(deliveries ...delivery) {
	var wait sync.WaitGroup
	for _, d := range deliveries {
		p := w.newProcess("ingest")
		wait.Go(func() { w.postTo(p, d) })
	}
	wait.Wait()
}

// settles waits until all that was queued is worked on.
func (w *world) settles() {
	time.Sleep(tick / 2) // between the world's own ticks, so that what it sees depends on nobody's turn
	for !w.isOver() && !w.isAtRest() {
		time.Sleep(tick)
	}
	time.Sleep(tick / 2)
}

// isAtRest says whether nothing is under way but what happens, and what waits for its moment.
func (w *world) isAtRest() bool {
	if !w.isWorkedOff() {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live == 1
}
