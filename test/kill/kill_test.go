// Package kill runs the real program and kills it: whatever it was doing, each acknowledged delivery alerts once.
package kill

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/test/output"
)

var (
	kills      = flag.Int("kills", 4, "how often the program is killed")
	deliveries = flag.Int("deliveries", 60, "how many deliveries are sent")
	seed       = flag.Uint64("seed", 1, "decides where the program is killed")
)

const (
	secret  = "whsec_kill_test"
	senders = 8
	// patience is how long anything may take before the test gives up; it is no measure of speed.
	patience = 2 * time.Minute
	// between is the pause between two looks at something that has no way to tell.
	between = 50 * time.Millisecond
)

// providers are Slack and PagerDuty outside the program, so that they outlive it. At chosen requests they have the program
// killed, before they take the request or after it, when the answer is lost.
type providers struct {
	recorder *recorder.Recorder
	server   *httptest.Server
	requests atomic.Int64
	deadly   map[int64]moment
	kill     func()

	mu        sync.Mutex
	misbehave func() int // a number below 100 for each request; nil: they behave
}

type moment int

const (
	beforeTaking moment = iota + 1
	afterTaking
)

func startProviders(t *testing.T) *providers {
	t.Helper()
	p := &providers{recorder: recorder.New(time.Now), deadly: map[int64]moment{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	random := rand.New(rand.NewPCG(*seed, 0))
	for i := range *kills {
		p.deadly[int64(3+i*(*deliveries)*2/(*kills))+random.Int64N(10)] = moment(1 + i%2)
	}
	return p
}

func (p *providers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := p.deadly[p.requests.Add(1)]
	if at == beforeTaking {
		p.kill()
		return
	}
	if at == afterTaking {
		p.recorder.ServeHTTP(httptest.NewRecorder(), r)
		p.kill()
		return
	}
	if p.misbehaves(w, r) {
		return
	}
	p.recorder.ServeHTTP(w, r)
}

// program is a serve process that is started anew when it was killed.
type program struct {
	binary, dir, listen string
	environment         []string
	log                 output.Buffer

	mu      sync.Mutex
	process *exec.Cmd
	killed  int
}

func (p *program) start(t *testing.T) (url string) {
	t.Helper()
	command := exec.Command(p.binary, "serve", "--listen", p.listen, "--operator", "127.0.0.1:0", "--data", p.dir)
	command.Env = append(os.Environ(), p.environment...)
	command.Stderr = &p.log
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.process = command
	p.mu.Unlock()
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "webhook "); found {
			return strings.TrimSpace(rest)
		}
	}
	t.Fatalf("serve did not start:\n%s", p.log.String())
	return ""
}

// kill ends the process as a loss of power would, and returns when it is gone.
func (p *program) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process == nil {
		return
	}
	_ = p.process.Process.Kill()
	_ = p.process.Wait() // it always tells of the kill
	p.process = nil
	p.killed++
}

// keepAlive starts the program whenever it was killed, until stop is closed.
func (p *program) keepAlive(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(between):
		}
		p.mu.Lock()
		dead := p.process == nil
		p.mu.Unlock()
		if dead {
			p.start(t)
		}
	}
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "revento-alerts")
	if output, err := exec.Command("go", "build", "-o", binary, "revento-alerts/cmd/revento-alerts").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return binary
}

// send posts a delivery, again and again as Revento would, until it is acknowledged.
func send(t *testing.T, url, resource string) {
	sendChanged(t, url, sample.Change{
		ResourceID: resource, DeliveryID: "delivery-" + resource, OccurredAt: time.Now().UTC().Truncate(time.Second),
	})
}

func sendChanged(t *testing.T, url string, change sample.Change) {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		delivery, err := sample.New("application.revision_requested", secret, time.Now(), change)
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := delivery.Post(t.Context(), http.DefaultClient, url)
		if err == nil && answer.Code == http.StatusOK {
			return
		}
		if err == nil && answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%s was answered %d %s", change.ResourceID, answer.Code, answer.Body)
			return
		}
		<-time.After(between) // Revento's pause between two tries
	}
	t.Errorf("%s was never acknowledged", change.ResourceID)
}

func TestEachAcknowledgedDeliveryAlertsOnceWhateverIsKilled(t *testing.T) {
	world := startProviders(t)
	p := &program{binary: build(t), dir: filepath.Join(t.TempDir(), "data"), listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret,
		"SLACK_BOT_TOKEN=xoxb-kill-test", "SLACK_API_URL=" + world.server.URL + "/api/", "SLACK_CHANNEL=C0KILL",
		"PAGERDUTY_ROUTING_KEY=0123456789abcdef0123456789abcdef", "PAGERDUTY_EVENTS_URL=" + world.server.URL,
		"SLACK_POST_INTERVAL=0s",
	}}
	world.kill = p.kill
	url := p.start(t)
	p.listen = strings.Split(strings.TrimPrefix(url, "http://"), "/")[0] // the same port from now on
	stop, kept := make(chan struct{}), make(chan struct{})
	go func() { defer close(kept); p.keepAlive(t, stop) }()
	t.Cleanup(func() { close(stop); <-kept; p.kill() })

	sendAll(t, url)
	waitForAlerts(t, world)

	if p.killed != *kills {
		t.Errorf("the program was killed %d times, %d were planned", p.killed, *kills)
	}
	if panics := strings.Count(p.log.String(), "panic"); panics > 0 {
		t.Errorf("the program panicked:\n%s", p.log.String())
	}
}

func sendAll(t *testing.T, url string) {
	resources := make(chan string)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for resource := range resources {
				send(t, url, resource)
			}
		})
	}
	for i := range *deliveries {
		resources <- fmt.Sprintf("app_sample_%03d", i)
	}
	close(resources)
	sending.Wait()
}

// waitForAlerts waits until every delivery has alerted, and fails if one alerted twice.
func waitForAlerts(t *testing.T, world *providers) {
	t.Helper()
	deadline := time.After(patience)
	for {
		changed := world.recorder.Changed()
		posts, pages := counted(t, world.recorder)
		if len(posts) == *deliveries && len(pages) == *deliveries {
			break
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("of %d deliveries %d were posted and %d paged", *deliveries, len(posts), len(pages))
		}
	}
	checkOnce(t, world)
}

// checkOnce fails if anything alerted twice.
func checkOnce(t *testing.T, world *providers) {
	t.Helper()
	posts, pages := counted(t, world.recorder)
	for key, times := range posts {
		if times != 1 {
			t.Errorf("the alert %s was posted %d times", key, times)
		}
	}
	for key, times := range pages {
		if times != 1 {
			t.Errorf("%d incidents for %s", times, key)
		}
	}
}

// counted counts the Slack messages by alert key and the incidents by dedup key.
func counted(t *testing.T, r *recorder.Recorder) (posts, pages map[string]int) {
	t.Helper()
	posts, pages = map[string]int{}, map[string]int{}
	for _, message := range r.Messages() {
		var metadata struct {
			Payload map[string]string `json:"event_payload"`
		}
		if err := json.Unmarshal(message.Metadata, &metadata); err != nil || metadata.Payload["alert_key"] == "" {
			t.Fatalf("a message without an alert key: %s", message.Metadata)
		}
		posts[metadata.Payload["alert_key"]]++
	}
	for _, incident := range r.Incidents() {
		pages[incident.DedupKey]++
	}
	return posts, pages
}

// SIGTERM ends the program with 0 once the work at hand is done, and what was not worked on is worked on after a restart.
func TestSIGTERMDrainsAndEndsWithZero(t *testing.T) {
	world := startProviders(t)
	world.deadly = nil
	p := &program{binary: build(t), dir: filepath.Join(t.TempDir(), "data"), listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret,
		"SLACK_API_URL=" + world.server.URL + "/api/", "PAGERDUTY_EVENTS_URL=" + world.server.URL,
		"SLACK_CHANNEL=C0TERM",
	}}
	url := p.start(t)
	send(t, url, "app_sample_term")
	if err := p.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.process.Wait(); err != nil {
		t.Fatalf("it ended with %v:\n%s", err, p.log.String())
	}
	p.start(t)
	t.Cleanup(p.kill)
	*deliveries = 1
	waitForAlerts(t, world)
}
