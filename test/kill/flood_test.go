package kill

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento/sample"
)

var (
	flood      = flag.Bool("flood", false, "measure what floods do to serve, on this machine's loopback")
	floodCrowd = flag.Int("flood-crowd", 2000, "how many send at once, where the flood is measured")
)

// floodSize is the size of a body, in bytes.
const floodSize = 200 << 10

// flooded starts the program for a flood.
func flooded(t *testing.T) (p *program, url string) {
	t.Helper()
	if !*flood {
		t.Skip("it takes a while, and both cores: -flood runs it")
	}
	p = &program{binary: build(t), dir: t.TempDir() + "/data", listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret, "LOG_LEVEL=ERROR",
	}}
	url = p.start(t)
	t.Cleanup(p.kill)
	return p, url
}

// memory is what the process has resident, in bytes.
func (p *program) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("no VmRSS")
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes << 10
}

// tally is what senders were answered.
type tally struct {
	mu       sync.Mutex
	statuses map[string]int
	slowest  time.Duration
}

func (c *tally) count(status string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[status]++
	c.slowest = max(c.slowest, took)
}

var floodNumber atomic.Int64

// floodWith has so many send for a while, each again as soon as it is answered.
func floodWith(t *testing.T, url string, crowd int, lasting time.Duration) *tally {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: crowd}}
	defer client.CloseIdleConnections()
	padding := strings.Repeat("x", floodSize) + `"}}`
	counted := &tally{statuses: map[string]int{}}
	end := time.Now().Add(lasting)
	var wait sync.WaitGroup
	for range crowd {
		wait.Go(func() {
			for time.Now().Before(end) {
				id := fmt.Sprintf("flood-%d", floodNumber.Add(1))
				head := fmt.Sprintf(`{"type":"application.revision_requested","occurred_at":%q,"data":{"id":%q,"x":"`,
					time.Now().UTC().Format(time.RFC3339), id)
				body := append(append(make([]byte, 0, floodSize+1000), head...), padding...)
				delivery := sample.Sign("application.revision_requested", secret, id, time.Now(), body)
				began := time.Now()
				status := postOnce(t.Context(), client, url, delivery)
				counted.count(status, time.Since(began))
			}
		})
	}
	wait.Wait()
	return counted
}

func postOnce(ctx context.Context, client *http.Client, url string, delivery sample.Delivery) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(delivery.Body))
	if err != nil {
		return err.Error()
	}
	request.Header = delivery.Header
	response, err := client.Do(request)
	if err != nil {
		return regexp.MustCompile(`[\d.]+:\d+`).ReplaceAllString(err.Error(), "address")
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Status
}

// With 2,000 requests of 200 KB in flight every answer comes within ingest's budget, and goodput stays near its peak. What was
// taken waits in the database, and slows it: the peak is that of before and after.
func TestHowMuchIsTakenInAFlood(t *testing.T) {
	p, url := flooded(t)
	const lasting = 10 * time.Second
	measure := func(crowd int) (rate float64, slowest time.Duration) {
		counted := floodWith(t, url, crowd, lasting)
		rate = float64(counted.statuses["200 OK"]) / lasting.Seconds()
		t.Logf("%d at once: %.0f a second, the slowest answer after %s: %v; %d MiB",
			crowd, rate, counted.slowest, counted.statuses, p.memory(t)>>20)
		return rate, counted.slowest
	}
	before, _ := measure(64)
	rate, slowest := measure(*floodCrowd)
	after, _ := measure(64)
	ratio := rate / ((before + after) / 2)
	t.Logf("%.2f of the most, the slowest answer after %s", ratio, slowest)
	if slowest > ingest.Budget {
		t.Errorf("the slowest answer came after %s", slowest)
	}
}

// 1,000 uploads that stall cost under 64 MiB, and 1,100 idle connections keep no delivery out.
func TestHowMuchStalledUploadsAndIdleConnectionsCost(t *testing.T) {
	p, webhook := flooded(t)
	address, err := url.Parse(webhook)
	if err != nil {
		t.Fatal(err)
	}
	before := p.memory(t)
	delivery := sample.Sign("x", secret, "stalled", time.Now(), bytes.Repeat([]byte("x"), floodSize))
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", ingest.Path, floodSize)
	_ = delivery.Header.Write(&head)
	head.WriteString("\r\n")
	most, slowest := 0, time.Duration(0)
	for _, sent := range []int{0, floodSize / 2, floodSize - 1} {
		var stalled []net.Conn
		for range 1000 {
			c := dialed(t, address.Host)
			stalled = append(stalled, c)
			go func() {
				_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
				_, _ = c.Write(append(head.Bytes(), delivery.Body[:sent]...))
			}()
		}
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			most = max(most, p.memory(t)-before)
		}
		slowest = max(slowest, floodWith(t, webhook, 1, time.Second).slowest)
		for _, c := range stalled {
			_ = c.Close()
		}
	}
	t.Logf("1,000 stalled uploads cost %d MiB; the slowest delivery beside them was answered after %s", most>>20, slowest)
	for range 5000 {
		dialed(t, address.Host)
	}
	counted := floodWith(t, webhook, 1, time.Second)
	t.Logf("beside 5,000 idle connections: %v, the slowest answer after %s", counted.statuses, counted.slowest)
	if most > 64<<20 || len(counted.statuses) != 1 || counted.statuses["200 OK"] == 0 {
		t.Errorf("%d MiB; %v", most>>20, counted.statuses)
	}
}

func dialed(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
