package kill

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

// What the soak mixes in, in percent.
const (
	duplicates = 5 // sent again under the same delivery id
	replays    = 5 // sent again under another
	forgeries  = 2 // signed with another secret, beside
	copies     = 3 // sent several times at the same moment
	mishaps    = 6 // of the providers' answers: throttled, failed, cut before or after taking, hanging
)

// longestHang is longer than any client here waits.
const longestHang = 15 * time.Second

// events spread the alerts over several channels, which work side by side.
const events = 40

var soaks = flag.Bool("soak", false, "run the soak, which takes minutes")

// TestASoakLosesNothingAndDoublesNothing sends a mix of everything that comes in, while providers misbehave and the program is
// killed. It tells how long it took to drain, and how large memory and files became.
func TestASoakLosesNothingAndDoublesNothing(t *testing.T) {
	if !*soaks {
		t.Skip("it takes minutes: -soak runs it")
	}
	world := startProviders(t)
	random := rand.New(rand.NewPCG(*seed, 1))
	world.misbehave = func() int { return random.IntN(100) }
	p := &program{binary: build(t), dir: filepath.Join(t.TempDir(), "data"), listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret,
		"SLACK_BOT_TOKEN=xoxb-soak", "SLACK_API_URL=" + world.server.URL + "/api/", "SLACK_CHANNEL=C0SOAK", "EVENT_CHANNELS=" + channels(),
		"PAGERDUTY_ROUTING_KEY=0123456789abcdef0123456789abcdef", "PAGERDUTY_EVENTS_URL=" + world.server.URL,
		"SLACK_POST_INTERVAL=0s", "LOG_LEVEL=ERROR",
	}}
	world.kill = p.kill
	url := p.start(t)
	p.listen = strings.Split(strings.TrimPrefix(url, "http://"), "/")[0]
	stop, kept := make(chan struct{}), make(chan struct{})
	go func() { defer close(kept); p.keepAlive(t, stop) }()
	t.Cleanup(func() { close(stop); <-kept; p.kill() })

	begun := time.Now()
	forged := soakAll(t, url, random)
	sent := time.Now()
	drain(t, world)
	memory, files := p.size(t)
	t.Logf("%d deliveries, %d forged beside them, %d kills: sent in %s, drained %s later; %d MiB of memory, %d MiB of files",
		*deliveries, forged, p.killed, sent.Sub(begun).Round(time.Second), time.Since(sent).Round(time.Second), memory>>20, files>>20)
	const memoryBound, bytesPerDelivery, filesBound = 256 << 20, 16 << 10, 32 << 20
	if memory > memoryBound {
		t.Errorf("the program holds %d bytes of memory, %d at most", memory, memoryBound)
	}
	if bound := int64(filesBound + *deliveries*bytesPerDelivery); files > bound {
		t.Errorf("the data folder holds %d bytes, %d at most", files, bound)
	}
	checkOnce(t, world)
}

func channels() string {
	pairs := make([]string, events)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("evt_%d=C0SOAK%d", i, i)
	}
	return strings.Join(pairs, ",")
}

// plan is how a delivery is sent.
type plan struct {
	number                  int
	again, replayed, copied bool
}

// soakAll sends all deliveries in a shuffled order, and forged ones between them.
func soakAll(t *testing.T, url string, random *rand.Rand) (forged int) {
	t.Helper()
	plans := make(chan plan)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for next := range plans {
				soak(t, url, next)
			}
		})
	}
	chance := func(percent int) bool { return random.IntN(100) < percent }
	for _, number := range random.Perm(*deliveries) {
		plans <- plan{number: number, again: chance(duplicates), replayed: chance(replays), copied: chance(copies)}
		if chance(forgeries) {
			forged++
			forge(t, url, number)
		}
	}
	close(plans)
	sending.Wait()
	return forged
}

// soak sends a delivery until it is acknowledged, and then what follows it.
func soak(t *testing.T, url string, p plan) {
	change := sample.Change{
		ResourceID: fmt.Sprintf("app_soak_%06d", p.number), EventID: fmt.Sprintf("evt_%d", p.number%events),
		DeliveryID: fmt.Sprintf("soak-%06d", p.number), OccurredAt: time.Now().UTC().Truncate(time.Second),
	}
	times := 1
	if p.copied {
		times = 4
	}
	var burst sync.WaitGroup
	for range times {
		burst.Go(func() { sendChanged(t, url, change) })
	}
	burst.Wait()
	if p.again {
		sendChanged(t, url, change)
	}
	if p.replayed {
		change.DeliveryID = "replay-" + change.DeliveryID
		sendChanged(t, url, change)
	}
}

// forge sends a delivery whose signature is wrong, which is refused whenever it is answered at all.
func forge(t *testing.T, url string, number int) {
	t.Helper()
	forged, err := sample.New("application.revision_requested", "whsec_forged", time.Now(), sample.Change{
		ResourceID: fmt.Sprintf("app_forged_%06d", number),
	})
	if err != nil {
		t.Fatal(err)
	}
	forged.Header.Set(revento.HeaderDeliveryID, fmt.Sprintf("forged-%06d", number))
	answer, err := forged.Post(t.Context(), http.DefaultClient, url)
	if err == nil && answer.Code != http.StatusUnauthorized {
		t.Errorf("a forged delivery was answered %d", answer.Code)
	}
}

// misbehaves answers as a provider on a bad day does, and says whether it did.
func (p *providers) misbehaves(w http.ResponseWriter, r *http.Request) bool {
	if p.misbehave == nil {
		return false
	}
	p.mu.Lock()
	chance := p.misbehave()
	p.mu.Unlock()
	if chance >= mishaps {
		return false
	}
	switch chance % mishaps {
	case 0, 1:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case 2:
		w.WriteHeader(http.StatusServiceUnavailable)
	case 3: // taken, and the answer is lost
		p.recorder.ServeHTTP(httptest.NewRecorder(), r)
		cut(w)
	case 4:
		cut(w)
	case 5: // hangs until the client gives up, which is seen only once the body is read
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-time.After(longestHang):
		}
	}
	return true
}

func cut(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = connection.Close()
	}
}

// drain waits until every delivery has alerted.
func drain(t *testing.T, world *providers) {
	t.Helper()
	const look = time.Second
	least := 0
	for quiet := time.Now(); ; {
		posts, pages := counted(t, world.recorder)
		done := len(posts) + len(pages)
		if len(posts) == *deliveries && len(pages) == *deliveries {
			return
		}
		if done > least {
			least, quiet = done, time.Now()
		}
		if time.Since(quiet) > patience {
			t.Fatalf("nothing moves: of %d deliveries %d are posted and %d paged", *deliveries, len(posts), len(pages))
		}
		<-time.After(look)
	}
}

// size is the program's memory and the data folder's files, in bytes.
func (p *program) size(t *testing.T) (memory, files int64) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil {
		memory = residentMemory(t, p.process.Process.Pid)
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		files += info.Size()
	}
	return memory, files
}

// residentMemory reads what the kernel tells. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
func residentMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Logf("memory is not known on this system: %v", err)
		return 0
	}
	for line := range bytes.Lines(status) {
		if fields := strings.Fields(string(line)); len(fields) == 3 && fields[0] == "VmRSS:" {
			kibibytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kibibytes << 10
		}
	}
	return 0
}
