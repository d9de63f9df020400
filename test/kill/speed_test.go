package kill

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/revento/sample"
)

var (
	speed    = flag.Bool("speed", false, "measure how fast the program is")
	rate     = flag.Int("rate", 10, "deliveries a second, where latency is measured")
	crowd    = flag.Int("crowd", 32, "how many send at once, where throughput is measured")
	duration = flag.Duration("duration", 10*time.Second, "how long throughput is measured")
)

// arrivals notes when the first request about a resource came to a provider.
type arrivals struct {
	next http.Handler
	mu   sync.Mutex
	at   map[string]time.Time // by path and resource
}

var resource = regexp.MustCompile(`app_speed_\d+`)

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the program is gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if about := resource.Find(body); about != nil {
		a.mu.Lock()
		if key := r.URL.Path + " " + string(about); a.at[key].IsZero() {
			a.at[key] = now
		}
		a.mu.Unlock()
	}
	a.next.ServeHTTP(w, r)
}

func (a *arrivals) of(path, resource string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at[path+" "+resource]
}

// measured starts the program for measuring: providers that behave, no pause between posts, a channel for each of some events.
func measured(t *testing.T) (world *providers, p *program, url string) {
	t.Helper()
	if !*speed {
		t.Skip("it takes a while: -speed runs it")
	}
	world = startProviders(t)
	world.deadly = nil
	p = &program{binary: build(t), dir: filepath.Join(t.TempDir(), "data"), listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret,
		"SLACK_BOT_TOKEN=xoxb-speed", "SLACK_API_URL=" + world.server.URL + "/api/", "SLACK_CHANNEL=C0SPEED", "EVENT_CHANNELS=" + channels(),
		"PAGERDUTY_ROUTING_KEY=0123456789abcdef0123456789abcdef", "PAGERDUTY_EVENTS_URL=" + world.server.URL,
		"SLACK_POST_INTERVAL=0s", "LOG_LEVEL=ERROR",
	}}
	url = p.start(t)
	t.Cleanup(p.kill)
	return world, p, url
}

func change(number int) sample.Change {
	return sample.Change{
		ResourceID: fmt.Sprintf("app_speed_%06d", number), EventID: fmt.Sprintf("evt_%d", number%events),
		DeliveryID: fmt.Sprintf("speed-%06d", number), OccurredAt: time.Now().UTC().Truncate(time.Second),
	}
}

// TestHowLongFromWebhookToPage sends deliveries at a rate, whatever became of those before, and prints how long it took until they
// were answered, and until the providers were told.
func TestHowLongFromWebhookToPage(t *testing.T) {
	world, _, url := measured(t)
	noted := &arrivals{next: world, at: map[string]time.Time{}}
	world.server.Config.Handler = noted
	sent, answered := make([]time.Time, *deliveries), make([]time.Duration, *deliveries)
	ticks := time.NewTicker(time.Second / time.Duration(*rate))
	defer ticks.Stop()
	var sending sync.WaitGroup
	for i := range *deliveries {
		<-ticks.C
		sending.Go(func() {
			sent[i] = time.Now()
			sendChanged(t, url, change(i))
			answered[i] = time.Since(sent[i])
		})
	}
	sending.Wait()
	drain(t, world)
	checkOnce(t, world)
	t.Logf("%d deliveries, %d a second", *deliveries, *rate)
	t.Log("answered         ", quantiles(answered))
	for path, name := range map[string]string{"/api/chat.postMessage": "told in Slack    ", "/v2/enqueue": "paged            "} {
		took := make([]time.Duration, *deliveries)
		for i := range took {
			took[i] = noted.of(path, change(i).ResourceID).Sub(sent[i])
		}
		t.Log(name, quantiles(took))
	}
}

// TestHowManyDeliveriesASecond has a crowd send as fast as it is answered, and counts what was acknowledged, which is durable.
func TestHowManyDeliveriesASecond(t *testing.T) {
	_, p, url := measured(t)
	var last atomic.Int64
	var mu sync.Mutex
	var answered []time.Duration
	var sending sync.WaitGroup
	begun, before := time.Now(), p.processorTime(t)
	for range *crowd {
		sending.Go(func() {
			for time.Since(begun) < *duration {
				asked := time.Now()
				sendChanged(t, url, change(int(last.Add(1))))
				mu.Lock()
				answered = append(answered, time.Since(asked))
				mu.Unlock()
			}
		})
	}
	sending.Wait()
	took, used := time.Since(begun), p.processorTime(t)-before
	t.Logf("%d at once: %.0f deliveries a second, all durable; the program used %.1f processors, working on the alerts included",
		*crowd, float64(len(answered))/took.Seconds(), used.Seconds()/took.Seconds())
	t.Log("answered         ", quantiles(answered))
}

func quantiles(times []time.Duration) string {
	slices.Sort(times)
	at := func(percent int) time.Duration {
		return times[(len(times)-1)*percent/100].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s, p95 %s, p99 %s, at most %s", at(50), at(95), at(99), at(100))
}

// processorTime is what the kernel counted for the program. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (p *program) processorTime(t *testing.T) (used time.Duration) {
	t.Helper()
	const user, ticksPerSecond = 11, 100 // fields behind the name; user and system time stand side by side
	p.mu.Lock()
	defer p.mu.Unlock()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.process.Process.Pid))
	if err != nil {
		t.Logf("the processor time is not known on this system: %v", err)
		return 0
	}
	_, behind, _ := strings.Cut(string(stat), ") ")
	for _, field := range strings.Fields(behind)[user : user+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		used += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return used
}
